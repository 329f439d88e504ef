"""The table "Beside others" of the README: each cell is what an experiment here finds."""

from __future__ import annotations

import gc
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

import socks5client
from tests.origins import Echo, Page, UdpEcho, web_server
from tests.server_fixture import (
    CATALOGUE,
    Fault,
    Server,
    coalesce,
    drip,
    malformed,
    split,
    spoof,
    stall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

README = Path(__file__).parents[1] / "README.md"
LONG = "pé" * 60  # 180 bytes


class Ok(Page):
    body = b"ok"


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[str, int]]:
    with web_server(Ok) as address:
        yield address


# Each opens a connection and returns a socket.

Opener = Any


def ours(address: Any, server: Server, timeout: float, user: str | None, password: str) -> Any:
    info = "" if user is None else f"{quote(user, safe='')}:{quote(password, safe='')}@"
    proxy = f"socks5h://{info}{server.host}:{server.port}"
    return socks5client.create_connection(address, timeout, proxy=proxy)


def pysocks(address: Any, server: Server, timeout: float, user: str | None, password: str) -> Any:
    import socks

    sock = socks.socksocket()
    try:
        sock.set_proxy(socks.SOCKS5, server.host, server.port, True, user, password)
        sock.settimeout(timeout)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def python_socks(
    address: Any, server: Server, timeout: float, user: str | None, password: str
) -> Any:
    from python_socks import ProxyType
    from python_socks.sync import Proxy

    proxy = Proxy(ProxyType.SOCKS5, server.host, server.port, user, password, rdns=True)
    return proxy.connect(*address, timeout=timeout)


def httpx_own(address: Any, server: Server, timeout: float, user: str | None, password: str) -> Any:
    """The socket below a request; the request itself has gone through."""
    info = "" if user is None else f"{quote(user, safe='')}:{quote(password, safe='')}@"
    proxy = f"socks5h://{info}{server.host}:{server.port}"
    client = httpx.Client(proxy=proxy, timeout=timeout)
    try:
        with client.stream("GET", "http://{}:{}/".format(*address)) as response:
            sock = response.extensions["network_stream"].get_extra_info("socket").dup()
            if response.read() != b"ok":
                sock.close()
                raise AssertionError("another body")
            return sock
    finally:
        client.close()


LIBRARIES: dict[str, Opener] = {
    "socks5client": ours,
    "PySocks": pysocks,
    "python-socks": python_socks,
    "httpx's own": httpx_own,
}


def works(
    opener: Opener,
    web: Any,
    server: Server,
    *,
    user: str | None = None,
    password: str = "",
    timeout: float = 5,
) -> bool:
    """Whether a page comes through."""
    with server:
        try:
            sock = opener(web, server, timeout, user, password)
        except Exception:
            return False
        with sock:
            if opener is not httpx_own:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if not sock.recv(4).startswith(b"HTTP"):
                    return False
        return True


def deadline(opener: Opener, web: Any) -> bool:
    """With half a second, it is over in less than two, stalled or dripped at."""

    def attempt(fault: Fault) -> None:
        with Server(faults=[fault]) as server:
            ended = threading.Event()

            def run() -> None:
                try:
                    opener(web, server, 0.5, None, "").close()
                except Exception:
                    pass
                ended.set()

            thread = threading.Thread(target=run)
            thread.start()
            in_time.append(ended.wait(2))
        thread.join()  # the server has ended, and with it the connection

    in_time: list[bool] = []
    attempt(Fault("reply", stall()))
    attempt(Fault("reply", drip(0.3)))
    return all(in_time)


def behind_the_reply(opener: Opener, web: Any) -> bool:
    with (
        Echo(greeting=b"220 hello\r\n") as echo,
        Server(faults=[Fault("reply", coalesce())]) as proxy,
        opener(echo.address, proxy, 5, None, "") as sock,
    ):
        return bool(sock.recv(5) == b"220 h")


def error_of(opener: Opener, web: Any, server: Server) -> BaseException:
    with server:
        try:
            opener(web, server, 5, None, "").close()
        except Exception as error:
            return error
    raise AssertionError("no error at all")


def kinds_of_error(opener: Opener, web: Any) -> bool:
    names = ["reply-code-4", "no-acceptable", "garbage-method", "garbage-reply", "short-failure"]
    return all(
        isinstance(
            error_of(opener, web, Server(faults=[CATALOGUE[name]])), (OSError, httpx.HTTPError)
        )
        for name in names
    )


def short_failure(opener: Opener, web: Any) -> bool:
    error = error_of(opener, web, Server(faults=[CATALOGUE["short-failure"]]))
    return "refused" in str(error)


def data_path(opener: Opener, web: Any) -> bool:
    with Server() as server, opener(web, server, 5, None, "") as sock:
        return all(
            getattr(type(sock), name) is getattr(socket.socket, name)
            for name in ("send", "sendall", "recv", "recv_into", "sendto", "recvfrom", "sendmsg")
        )


def listens(opener: Opener, web: Any) -> bool:
    """Whether a listener asks the proxy, and a peer that connects there comes through."""
    make = {ours: socks5client.socket, pysocks: pysocks_socket}.get(opener)
    if make is None:
        return False  # it has no listeners
    with Server() as server, proxied(make, server, socket.SOCK_STREAM) as listener:
        listener.settimeout(2)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname()) as peer:
            accepted, address = listener.accept()
            accepted.close()
            return bool(server.requests) and address == peer.getsockname()


def pysocks_socket(family: int, kind: int, *, proxy: tuple[str, int]) -> Any:
    import socks

    sock = socks.socksocket(family, kind)
    sock.set_proxy(socks.SOCKS5, *proxy)
    return sock


def proxied(make: Any, server: Server, kind: int) -> Any:
    proxy: Any = server.address
    if make is socks5client.socket:
        proxy = "socks5h://{}:{}".format(*proxy)
    return make(socket.AF_INET, kind, proxy=proxy)


UDP_CALLS: dict[str, Callable[[Any, Any], object]] = {
    "sendto": lambda sock, peer: sock.sendto(b"ping", peer),
    "sendto with flags": lambda sock, peer: sock.sendto(b"ping", 0, peer),
    "sendmsg": lambda sock, peer: sock.sendmsg([b"pi", b"ng"], [], 0, peer),
    "recvfrom": lambda sock, peer: sock.recvfrom(9)[0],
    "recv": lambda sock, peer: sock.recv(9),
    "recv_into": lambda sock, peer: received_by(sock.recv_into),
    "recvfrom_into": lambda sock, peer: received_by(lambda buffer: sock.recvfrom_into(buffer)[0]),
    "recvmsg": lambda sock, peer: sock.recvmsg(9)[0],
}


def received_by(call: Callable[[bytearray], int]) -> bytes:
    buffer = bytearray(9)
    return bytes(buffer[: call(buffer)])


def udp(opener: Opener, send: str = "sendto", receive: str = "recvfrom", **options: Any) -> bool:
    """Whether a datagram comes back, sent and received by these calls."""
    make = {ours: socks5client.socket, pysocks: pysocks_socket}.get(opener)
    if make is None:
        return False  # it has no UDP
    # PySocks says "0" where it means any address.
    server = Server(names={"0": "127.0.0.1"}, **options)
    with UdpEcho() as echo, server, proxied(make, server, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        try:
            UDP_CALLS[send](sock, echo.address)
            return UDP_CALLS[receive](sock, echo.address) == b"ping"
        except Exception:
            return False


def every_call_of_udp(opener: Opener, web: Any) -> bool:
    return all(
        udp(opener, **{"send" if name.startswith("send") else "receive": name})
        for name in UDP_CALLS
    )


EXPERIMENTS: dict[str, Callable[[Opener, Any], bool]] = {
    "a stalling or dripping proxy cannot exceed the timeout": deadline,
    "replies split anywhere are understood": lambda opener, web: works(
        opener,
        web,
        Server(faults=[Fault("method", split(1, 0.02)), Fault("reply", split(1, 0.02))]),
    ),
    "data right behind the reply is kept": behind_the_reply,
    "failure replies of three bytes keep their meaning": short_failure,
    "a password of 180 bytes in UTF-8 works": lambda opener, web: works(
        opener, web, Server(users={"user": LONG}), user="user", password=LONG, timeout=1
    ),
    "an empty password is sent, not dropped": lambda opener, web: works(
        opener, web, Server(users={"user": ""}), user="user"
    ),
    "with a password given, a proxy that wants none works": lambda opener, web: works(
        opener, web, Server(), user="user", password="password"
    ),
    "a refused connection is a `ConnectionRefusedError`": lambda opener, web: isinstance(
        error_of(opener, web, Server(faults=[CATALOGUE["reply-code-5"]])), ConnectionRefusedError
    ),
    "errors of the handshake are `OSError` or httpx's own": kinds_of_error,
    "connected, `send` and `recv` are those of `socket.socket`": data_path,
    "a listener is one at the proxy (BIND)": listens,
    "UDP by every call of a UDP socket": every_call_of_udp,
    "UDP in fragments is put together": lambda opener, web: udp(opener, udp_fragment_size=2),
    "UDP from others than the relay never arrives": lambda opener, web: udp(
        opener, relay_faults=[spoof()]
    ),
    "a malformed UDP packet is no error": lambda opener, web: udp(
        opener, relay_faults=[malformed("unknown-atyp")]
    ),
}


def table() -> list[tuple[str, str, str]]:
    """What the README says: row, library, yes or no."""
    _, _, section = README.read_text().partition("## Beside others")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("| ")
    ]
    header, *body = rows
    return [
        (row[0], library, cell)
        for row in body
        for library, cell in zip(header[1:], row[1:], strict=True)
    ]


def test_the_table_has_these_rows_and_columns() -> None:
    assert {row for row, _, _ in table()} == set(EXPERIMENTS)
    assert {library for _, library, _ in table()} == set(LIBRARIES)
    # httpx has no connections on which the other side speaks first.
    absent = [("data right behind the reply is kept", "httpx's own", "n/a")]
    assert [row for row in table() if row[2] not in ("yes", "no")] == absent


# Others may leave sockets to the garbage collector when a handshake fails.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("row", "library", "cell"), [row for row in table() if row[2] != "n/a"])
def test_cell(web: tuple[str, int], row: str, library: str, cell: str) -> None:
    outcome = EXPERIMENTS[row](LIBRARIES[library], web)
    gc.collect()  # what they leave is collected here, not in the middle of another test
    assert outcome is (cell == "yes")
