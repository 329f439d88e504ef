"""patch(strict=True): what has kept the C functions cannot pass the proxy by; all else goes on."""

from __future__ import annotations

import _socket
import asyncio
import gc
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client._patch import strict
from tests.patch.outside import outside
from tests.patch.verdict import run_traced
from tests.server_fixture import Server
from tests.standalone import standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.origins import Echo, UdpEcho

FAR = ("192.0.2.7", 80)
NAME = "echo.test"

# As a module may keep them: a shim finds them in no namespace.
KEPT: dict[str, Callable[..., Any]] = {
    name: partial(getattr(_socket, name))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
}


def in_a_default(host: str, call: Any = _socket.getaddrinfo) -> Any:
    return call(host, 80)


def _closing_over() -> Callable[[str], Any]:
    call = _socket.getaddrinfo
    return lambda host: call(host, 80)


in_a_closure = _closing_over()


@pytest.fixture
def proxy(echo: Echo, udp_echo: UdpEcho) -> Iterator[Server]:
    """This process is patched, strictly."""
    with Server(names={NAME: "127.0.0.1"}, routes={FAR: echo.address}) as server:
        with socks5client.patch(server.url, strict=True):
            yield server
        gc.collect()
        server.wait_idle()


def like(family: int, kind: int, proto: int) -> _socket.socket:
    """An object of such a socket, which takes no privileges: what is behind it is of UDP."""
    fd = _socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
    return _socket.socket(family, kind, proto, fd)


LOOK_UPS: dict[str, tuple[Callable[..., Any], str]] = {
    "getaddrinfo": (lambda: KEPT["getaddrinfo"](NAME, 80), NAME),
    "of bytes": (lambda: KEPT["getaddrinfo"](b"echo.test", 80), NAME),
    "a default": (lambda: in_a_default(NAME), NAME),
    "a closure": (lambda: in_a_closure(NAME), NAME),
    "gethostbyname": (lambda: KEPT["gethostbyname"](NAME), NAME),
    "gethostbyname_ex": (lambda: KEPT["gethostbyname_ex"](NAME), NAME),
    "gethostbyaddr": (lambda: KEPT["gethostbyaddr"](FAR[0]), FAR[0]),
    "gethostbyaddr of a name": (lambda: KEPT["gethostbyaddr"](NAME), NAME),
    "getnameinfo": (lambda: KEPT["getnameinfo"](FAR, 0), FAR[0]),
}


@pytest.mark.parametrize(("look_up", "name"), LOOK_UPS.values(), ids=list(LOOK_UPS))
def test_a_look_up_is_a_leak(look_up: Callable[[], Any], name: str, proxy: Server) -> None:
    with pytest.raises(socks5client.LeakError, match=rf"socket\.get\w+ of {name} "):
        look_up()


KINDS = {
    "TCP": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "UDP": (socket.AF_INET, socket.SOCK_DGRAM, 0),
    "UDP-Lite": (socket.AF_INET, socket.SOCK_DGRAM, 136),
    "SCTP": (socket.AF_INET, socket.SOCK_SEQPACKET, 132),
    "ping": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
}
SENDING: dict[str, Callable[[Any], Any]] = {
    "connect": lambda sock: _socket.socket.connect(sock, FAR),
    "connect_ex": lambda sock: _socket.socket.connect_ex(sock, FAR),
    "sendto": lambda sock: _socket.socket.sendto(sock, b"x", FAR),
    "sendmsg": lambda sock: _socket.socket.sendmsg(sock, [b"x"], [], 0, FAR),
}


@pytest.mark.parametrize("send", SENDING.values(), ids=list(SENDING))
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_destination_is_a_leak(
    kind: tuple[int, int, int], send: Callable[[Any], Any], proxy: Server
) -> None:
    sock = like(*kind)
    try:
        with pytest.raises(socks5client.LeakError, match=r"socket\.\w+ to 192.0.2.7, port 80"):
            send(sock)
    finally:
        sock.close()


def test_the_methods_of_an_object_are_told_of_too(proxy: Server) -> None:
    """Of a socket that the program made as usual, by the methods of the C class."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            for send in SENDING.values():
                with pytest.raises(socks5client.LeakError):
                    send(sock)


@pytest.mark.parametrize("call", ["bind", "sendto"])
def test_a_frame_is_a_leak(call: str, proxy: Server) -> None:
    sock = like(socket.AF_PACKET, socket.SOCK_RAW, 0)
    calls: dict[str, Callable[[], Any]] = {
        "bind": lambda: sock.bind(("lo", 0)),
        "sendto": lambda: sock.sendto(b"x", ("lo", 0)),
    }
    try:
        with pytest.raises(socks5client.LeakError, match=rf"socket\.{call} .*'lo'"):
            calls[call]()
    finally:
        sock.close()


def test_a_family_that_leaves_by_other_ways_is_a_leak(proxy: Server) -> None:
    sock = like(socket.AF_VSOCK, socket.SOCK_STREAM, 0)
    try:
        with pytest.raises(socks5client.LeakError, match=r"socket\.connect to \(2, 80\)"):
            sock.connect((2, 80))
    finally:
        sock.close()


def test_loopback_is_a_leak_where_nothing_is_bypassed(echo: Echo) -> None:
    with Server() as server, socks5client.patch(server.url, bypass=None, strict=True):
        sock = _socket.socket()
        try:
            with pytest.raises(socks5client.LeakError, match=r"127\.0\.0\.1"):
                sock.connect(echo.address)
        finally:
            sock.close()


# What goes on


def exchange(sock: socket.socket) -> bytes:
    """What comes back, behind the line that tells whom the other side sees."""
    sock.settimeout(5)
    sock.sendall(b"hello")
    with sock.makefile("rb") as file:
        return file.readline() and file.read(5)


def test_literals_and_this_machine_are_no_leaks(proxy: Server, echo: Echo) -> None:
    assert KEPT["getaddrinfo"](*FAR)
    assert KEPT["getaddrinfo"](None, 80)
    assert KEPT["getaddrinfo"]("localhost", 80)
    assert KEPT["gethostbyname"]("127.0.0.1") == "127.0.0.1"
    for address in (echo.address, ("localhost", echo.address[1])):
        sock = _socket.socket()
        try:
            sock.connect(address)
        finally:
            sock.close()


def test_what_is_bypassed_is_no_leak(reference: Server) -> None:
    with socks5client.patch(reference.url, bypass="192.0.2.0/24", strict=True):
        sock = _socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.connect(FAR)  # nothing is sent
        finally:
            sock.close()


def test_what_stays_on_this_machine_is_no_leak(proxy: Server, tmp_path: Path) -> None:
    here, there = socket.socketpair()
    with here, there:
        assert here.sendmsg([b"x"]) == 1
    path = str(tmp_path / "socket")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
    ):
        one.bind(path)
        other.sendto(b"x", path)
        assert one.recv(1) == b"x"
    if hasattr(socket, "AF_NETLINK"):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
            netlink.bind((0, 0))
            netlink.connect((0, 0))


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[str, int]]:
    """Where nothing is bypassed, what serves must not be patched."""
    with outside() as place:
        yield place


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("bypass", [{}, {"bypass": None}], ids=["usual", "no bypass"])
def test_the_way_to_the_proxy_is_no_leak(name: str, bypass: Any, far: tuple[str, int]) -> None:
    """By its name, too, and even where nothing is bypassed; for all that the library does."""
    with standalone() as url:
        url = url.replace("127.0.0.1", name)
        with socks5client.patch(url, strict=True, **bypass):
            for place in (far, ("localhost", far[1])):
                with socket.create_connection(place) as sock:
                    assert exchange(sock) == b"hello"
                with socks5client.connect(place, proxy=url) as sock:
                    assert exchange(sock) == b"hello"
            with socks5client.associate(proxy=url, timeout=5) as sock:
                sock.sendto(b"hello", far)
                assert sock.recv(100).endswith(b"hello")
            with socks5client.bind(proxy=url, timeout=5) as rendezvous:
                assert rendezvous.address[1]
            asyncio.run(with_asyncio(url, far))
            trio.run(with_trio, url, far)


async def with_asyncio(url: str, place: tuple[str, int]) -> None:
    reader, writer = await socks5client.asyncio.open_connection(*place, proxy=url, timeout=5)
    writer.write(b"hello")
    assert (await reader.readline(), await reader.readexactly(5))[1] == b"hello"
    writer.close()
    await writer.wait_closed()


async def with_trio(url: str, place: tuple[str, int]) -> None:
    with trio.fail_after(5):
        async with await socks5client.trio.connect(place, proxy=url) as stream:
            assert await stream.receive_some(1)
        sock = await socks5client.trio.associate(proxy=url)
        await sock.sendto(b"hello", place)
        assert (await sock.recvfrom(100))[0].endswith(b"hello")
        sock.close()


def test_datagrams_through_the_proxy_are_no_leak(far: tuple[str, int]) -> None:
    """Of a patched socket, where not even loopback is bypassed."""
    with (
        standalone() as url,
        socks5client.patch(url, bypass=None, strict=True),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(5)
        sock.sendto(b"hello", far)
        data, source = sock.recvfrom(100)
        assert (source, data[-5:]) == (far, b"hello")


PROCESSES = """
import multiprocessing
import socks5client

def double(number):
    return 2 * number

if __name__ == "__main__":
    socks5client.patch("127.0.0.1:9", strict=True)
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool, context.Manager() as manager:
            print(pool.apply(double, (21,)), manager.list([method]))
"""


def test_processes_are_no_leak(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROCESSES)
    verdict = run_traced([str(program)], tmp_path)
    assert verdict.output.split() == [
        word for method in ("fork", "spawn", "forkserver") for word in ("42", f"['{method}']")
    ], verdict.errors
    assert verdict.destinations == set()


# Which rules hold


def test_the_last_one_decides(proxy: Server) -> None:
    def is_leak() -> bool:
        try:
            KEPT["getnameinfo"](FAR, socket.NI_NUMERICHOST)
        except socks5client.LeakError:
            return True
        return False

    assert is_leak()
    with socks5client.patch(proxy.url):
        assert not is_leak()
        with socks5client.patch(proxy.url, strict=True):
            assert is_leak()
        assert not is_leak()
        with socks5client.patch(socks5client.DIRECT):
            assert not is_leak()
    assert is_leak()
    socks5client.unpatch()
    assert not is_leak()


def test_the_hook_bears_that_its_rules_go(monkeypatch: pytest.MonkeyPatch, proxy: Server) -> None:
    """Another thread may unpatch while a call is being looked at."""

    class Gone(dict[str, Any]):
        def get(self, *args: Any) -> Any:
            strict.enforce(None)
            return super().get(*args)

    monkeypatch.setattr(strict, "_CHECKS", Gone(strict._CHECKS))
    sys.audit("socket.connect", None, FAR)


def test_another_threads_calls_are_told_of(proxy: Server) -> None:
    def run() -> None:
        try:
            KEPT["gethostbyname"](NAME)
        except socks5client.LeakError as error:
            errors.append(error)

    errors: list[Exception] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(errors) == 1


CRIME = """
from _socket import *
import _socket

def kept(connect=socket.connect, look_up=getaddrinfo):
    return connect, look_up

del getaddrinfo
import socks5client
socks5client.patch({url!r}, strict=True)
connect, look_up = kept()
tcp, udp = _socket.socket(), _socket.socket(AF_INET, SOCK_DGRAM)
for crime in (
    lambda: connect(tcp, ("192.0.2.7", 80)),
    lambda: udp.sendto(b"x", ("192.0.2.7", 80)),
    lambda: udp.sendmsg([b"x"], [], 0, ("192.0.2.7", 80)),
    lambda: udp.connect(("192.0.2.7", 80)),
    lambda: look_up("name.test", 80),
    lambda: _socket.socket.connect_ex(tcp, ("192.0.2.7", 80)),
):
    try:
        crime()
    except socks5client.LeakError as error:
        print(error)
"""


def test_nothing_is_sent(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(CRIME.format(url="127.0.0.1:9"))
    verdict = run_traced([str(program)], tmp_path)
    assert (verdict.status, verdict.strangers(())) == (0, []), verdict.errors
    assert verdict.destinations == set()
    assert verdict.output.count("would pass the proxy by") == 5
    assert "socket.getaddrinfo of name.test" in verdict.output
