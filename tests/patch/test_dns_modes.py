"""Who looks names up, under `patch()` itself: the proxy, a name server behind it, or the system."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dns.resolver
import pytest

import socks5client
from socks5client._patch import patching, resolving
from socks5client.dns import Resolver
from tests.patch.verdict import relays, run_traced
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.origins import Echo, UdpEcho
    from tests.real_servers import NameServer, RealProxy

NAME = "echo.test"  # there is no such name but at the proxy
HIDDEN = "192.0.2.53"  # where only the proxy finds the name server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(names={NAME: "127.0.0.1"}) as server:
        yield server
        server.wait_idle()


def echoed(sock: socket.socket) -> bool:
    sock.settimeout(10)
    sock.sendall(b"hello")
    return sock.recv(5) == b"hello"


@pytest.mark.parametrize(
    ("scheme", "mode"),
    [("socks5h", "remote"), ("socks", "remote"), ("socks5", "local"), ("socks5h+tls", "remote")],
)
def test_the_scheme_says_who(scheme: str, mode: str) -> None:
    with socks5client.patch(f"{scheme}://127.0.0.1:1080") as patch:
        assert patch.dns == mode
    with socks5client.patch(["socks5://127.0.0.1:1080", f"{scheme}://192.0.2.1:1080"]) as patch:
        assert patch.dns == mode  # of the last proxy
    with socks5client.patch(
        f"{scheme}://127.0.0.1:1080", dns="tunnel", nameservers=HIDDEN
    ) as patch:
        assert patch.dns == "tunnel"


# No query leaves


CALLS = """
import asyncio, contextlib, socket, sys

mode, names = sys.argv[1], sys.argv[2:]
odd = ["localhost", "LOCALHOST.", "a.localhost", socket.gethostname(), "0x7f.1", "127.1", "1", ""]
odd += ["127.0.0.1", "::1", "192.0.2.99", b"192.0.2.99", "2001:db8::99", b"name.test", "name.test."]
odd += ["abc.onion", "abc\\u3002onion", "abc.\\uff4fnion", b"ABC.onion.", "256.1.1.1", "a b"]
odd += ["<broadcast>", "x" * 300, "n\\0.test", "fe80::1%lo", "::ffff:192.0.2.99"]
if mode == "local":  # what is not asked for, even so
    names, odd = [], [n for n in odd if n not in ("256.1.1.1", "a b", b"name.test", "name.test.")]
done = []

def attempt(call, *args):
    with contextlib.suppress(OSError, ValueError, TypeError):
        call(*args)
        done.append(call)

for name in [*names, *odd]:
    for family in (0, socket.AF_INET, socket.AF_INET6):
        for flags in (0, socket.AI_CANONNAME, socket.AI_PASSIVE, socket.AI_ADDRCONFIG):
            attempt(socket.getaddrinfo, name, 80, family, 0, 0, flags)
    attempt(socket.gethostbyname, name)
    attempt(socket.gethostbyname_ex, name)
    if mode != "local" or name not in ("192.0.2.99", b"192.0.2.99", "2001:db8::99", "1", "::1",
                                       "fe80::1%lo", "::ffff:192.0.2.99"):
        attempt(socket.gethostbyaddr, name)
        attempt(socket.getfqdn, name)
        attempt(socket.getnameinfo, (name, 80), 0)

async def main():
    loop = asyncio.get_running_loop()
    for name in [*names, *odd]:
        with contextlib.suppress(OSError, ValueError, TypeError):
            infos = await loop.getaddrinfo(name, 80)
            if mode != "local":
                await loop.getnameinfo(infos[0][4])

asyncio.run(main())
with contextlib.suppress(OSError):  # so that the proxy is met
    socket.create_connection(("abc.onion", 80), 10)
print(len(done) > 100)
"""


@pytest.mark.parametrize("mode", ["remote", "tunnel", "local"])
def test_no_query_leaves(mode: str, name_server: NameServer, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(CALLS)
    place = name_server.host, name_server.port
    options = ["--nameserver", HIDDEN] if mode == "tunnel" else []
    with Server(routes={(HIDDEN, 53): place}) as server:
        options += ["--proxy", server.url, "--dns", mode, str(program), mode]
        verdict = run_traced(["-m", "socks5client", *options, "name.test", "nobody.test"], tmp_path)
        server.wait_idle()
    assert verdict.errors == ""
    assert verdict.output == "True\n"
    verdict.check(server.address, relays(server))
    asked = {exchange.host for exchange in server.requests}
    assert "abc.onion" in asked


BINDING = """
import contextlib, socket

for name in ("name.test", b"name.test", bytearray(b"name.test"), "abc.onion", b"abc.onion", "a b"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as sock, contextlib.suppress(OSError, UnicodeError):
            sock.bind((name, 0))
            print(name)
with contextlib.suppress(OSError):
    socket.create_connection(("name.test", 80), 10)
"""


@pytest.mark.parametrize("bypass", ["", "onion"])
def test_binding_to_a_name_asks_nobody(server: Server, bypass: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BINDING)
    options = ["--proxy", server.url, "--bypass", bypass, str(program)]
    verdict = run_traced(["-m", "socks5client", *options], tmp_path)
    assert (verdict.output, verdict.errors) == ("", "")
    verdict.check(server.address)


def test_what_the_trace_would_show(tmp_path: Path) -> None:
    """A query, where one is made: dns="local" is a leak that a user chose."""
    program = tmp_path / "program.py"
    program.write_text("import socket\nsocket.getaddrinfo('name.test', 80)\n")
    options = ["--proxy", "socks5://127.0.0.1:9", "--dns", "local", str(program)]
    verdict = run_traced(["-m", "socks5client", *options], tmp_path)
    assert "gaierror" in verdict.errors
    assert verdict.strangers([]) != []


# Remote


def test_in_threads_and_in_asyncio(server: Server, echo: Echo) -> None:
    place = NAME, echo.address[1]

    def talk(_: int) -> bool:
        info = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
        with socket.socket(*info[:3]) as sock:
            sock.settimeout(10)
            sock.connect(info[4])
            return echoed(sock)

    async def talk_later() -> bytes:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(*place, type=socket.SOCK_STREAM)
        assert (await loop.getnameinfo(infos[0][4]))[0] == NAME
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"hello")
        data = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        return data

    with socks5client.patch(server.url):
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(talk, range(40)))
        assert asyncio.run(talk_later()) == b"hello"
    assert {(each.host, each.port) for each in server.requests} == {place}
    assert len(server.requests) == 41


@pytest.mark.parametrize(
    "name", ["nobody.test", "256.1.1.1", "under_score.test", "b\u00fccher.test"]
)
def test_that_there_is_no_such_name_is_heard_when_connecting(server: Server, name: str) -> None:
    with socks5client.patch(server.url):
        address = socket.gethostbyname(name), 80
        with pytest.raises(socks5client.HostUnreachable) as caught:
            socket.create_connection(address, 10)
        assert caught.value.errno == errno.EHOSTUNREACH
        with socket.socket() as sock:
            sock.settimeout(10)
            assert sock.connect_ex(address) == errno.EHOSTUNREACH

        async def connect() -> None:
            await asyncio.open_connection(name, 80)

        with pytest.raises(OSError) as raised:
            asyncio.run(connect())
        assert raised.value.errno == errno.EHOSTUNREACH
    asked = {exchange.host for exchange in server.requests}
    assert asked == {"xn--bcher-kva.test" if name.startswith("b") else name}


def look_up_others(number: int = 10) -> None:
    for each in range(number):
        socket.gethostbyname(f"{each}.other.test")


def test_a_name_keeps_its_placeholder_while_it_is_connected_to(server: Server, echo: Echo) -> None:
    with socks5client.patch(server.url, most_names=3):
        address = socket.gethostbyname(NAME), echo.address[1]
        first, second = socket.create_connection(address, 10), socket.create_connection(address, 10)
        for sock in (first, second):
            look_up_others()
            assert socket.gethostbyaddr(address[0])[0] == NAME
            assert socket.gethostbyname(NAME) == address[0]
            sock.close()
        look_up_others()
        with socket.socket() as sock:
            with pytest.raises(OSError, match="look the name up again") as caught:
                sock.connect(address)
            assert caught.value.errno == errno.EADDRNOTAVAIL
            assert sock.connect_ex(address) == errno.EADDRNOTAVAIL
        with pytest.raises(OSError, match="look the name up again"):
            asyncio.run(asyncio.wait_for(asyncio.open_connection(*address), 10))
    assert len(server.requests) == 2


def test_a_failed_connect_does_not_keep_a_placeholder(server: Server) -> None:
    with socks5client.patch(server.url, most_names=3):
        address = socket.gethostbyname("nobody.test"), 80
        with pytest.raises(socks5client.HostUnreachable):
            socket.create_connection(address, 10)
        gc.collect()  # the error had been around
        look_up_others()
        assert socket.getnameinfo(address, 0)[0] == address[0]


def test_a_name_keeps_its_placeholder_while_datagrams_go_to_it(
    server: Server, udp_echo: UdpEcho
) -> None:
    with socks5client.patch(server.url, most_names=3):
        address = socket.gethostbyname(NAME), udp_echo.address[1]
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            for _ in range(2):
                sock.sendto(b"hello", address)
                assert sock.recvfrom(100) == (b"hello", address)
                look_up_others()
            assert socket.gethostbyaddr(address[0])[0] == NAME
        look_up_others()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            for call in (
                lambda: sock.sendto(b"hello", address),
                lambda: sock.sendmsg([b"hello"], [], 0, address),
                lambda: sock.connect(address),
            ):
                with pytest.raises(OSError, match="look the name up again") as caught:
                    call()
                assert caught.value.errno == errno.EADDRNOTAVAIL
    assert len(server.requests) == 1


def test_a_table_full_of_names_in_use(server: Server, echo: Echo) -> None:
    with socks5client.patch(server.url, most_names=1):
        sock = socket.create_connection((socket.gethostbyname(NAME), echo.address[1]), 10)
        with pytest.raises(socket.gaierror) as caught:
            socket.create_connection(("other.test", 80), 10)
        assert caught.value.errno == socket.EAI_MEMORY
        assert echoed(sock)
        sock.close()
        socket.gethostbyname("other.test")
    assert len(server.requests) == 1


def test_networks_of_ones_own(server: Server, echo: Echo) -> None:
    with socks5client.patch(server.url, placeholders=["100.64.0.0/24", "fd00::/120"], most_names=9):
        assert socket.gethostbyname(NAME).startswith("100.64.0.")
        infos = socket.getaddrinfo(NAME, 80, socket.AF_INET6)
        assert infos[0][4][0].startswith("fd00::")
        with socket.create_connection((infos[0][4][0], echo.address[1]), 10) as sock:
            assert echoed(sock)
    assert [exchange.host for exchange in server.requests] == [NAME]


def test_many_threads_and_few_placeholders(server: Server, echo: Echo) -> None:
    """A connection is to the name that was looked up, or there is an error; never to another."""
    wrong: list[Any] = []

    def run(number: int) -> None:
        name = f"{number}.test"
        for _ in range(5):
            try:
                sock = socket.create_connection((name, echo.address[1]), 10)
            except socks5client.HostUnreachable as error:
                if error.target.host != name:
                    wrong.append(error)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, socket.EAI_MEMORY):
                    wrong.append(error)
            else:
                wrong.append(sock)

    with socks5client.patch(server.url, most_names=4):
        threads = [threading.Thread(target=run, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(server.requests) > 0


# Bypass


def test_bypassed_names_and_addresses_go_direct(server: Server, echo: Echo, tmp_path: Path) -> None:
    """A name that the system knows here, if only as loopback: `localhost` is not needed for it."""
    port = echo.address[1]
    with socks5client.patch(server.url, bypass=f"127.0.0.1,{NAME}:1"):
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            assert echoed(sock)
        with socket.create_connection((NAME, port), 10) as sock:  # another port
            assert echoed(sock)
    assert [(each.host, each.port) for each in server.requests] == [(NAME, port)]


# Tunnel


@pytest.fixture
def through_reference(name_server: NameServer, echo: Echo) -> Iterator[Server]:
    routes: dict[Any, Any] = {
        (HIDDEN, 53): (name_server.host, name_server.port),
        (name_server.names["name.test"], 80): echo.address,
        (name_server.names6["name.test"], 80): echo.address,
    }
    with Server(routes=routes) as server:
        yield server
        server.wait_idle()


def connect_by_create_connection() -> socket.socket:
    return socket.create_connection(("name.test", 80), 10)


def connect_by_name() -> socket.socket:
    sock = socket.socket()
    sock.settimeout(10)
    sock.connect(("name.test", 80))
    return sock


@pytest.mark.parametrize("open_", [connect_by_create_connection, connect_by_name])
@pytest.mark.parametrize("by", ["nameservers", "resolver"])
def test_tunnel(
    open_: Callable[[], socket.socket],
    by: str,
    through_reference: Server,
    name_server: NameServer,
) -> None:
    url = through_reference.url
    settings: dict[str, Any] = {"dns": "tunnel", "nameservers": HIDDEN}
    if by == "resolver":
        settings = {"dns": Resolver(HIDDEN, proxy=url)}
    with socks5client.patch(url, **settings) as patch:
        assert patch.dns == "tunnel"
        with open_() as sock:
            assert sock.getpeername() == (name_server.names["name.test"], 80)
            assert echoed(sock)
        assert socket.gethostbyname("name.test") == name_server.names["name.test"]
        found = {info[4][0] for info in socket.getaddrinfo("name.test", 80)}
        assert found == {name_server.names["name.test"], name_server.names6["name.test"]}
        assert socket.gethostbyaddr(name_server.names["name.test"])[0] == "name.test"
        with pytest.raises(socket.gaierror) as caught:
            socket.create_connection(("nobody.test", 80), 10)
        assert caught.value.errno == socket.EAI_NONAME
    exchanges = through_reference.requests
    assert all(exchange.host != "name.test" for exchange in exchanges)
    assert {each.host for exchange in exchanges for each in exchange.datagrams_up} == {HIDDEN}


def test_tunnel_in_asyncio(through_reference: Server, name_server: NameServer) -> None:
    async def talk() -> bytes:
        reader, writer = await asyncio.open_connection("name.test", 80)
        writer.write(b"hello")
        data = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        return data

    with socks5client.patch(through_reference.url, dns="tunnel", nameservers=HIDDEN):
        assert asyncio.run(talk()) == b"hello"


def test_tunnel_of_onion_names(through_reference: Server, name_server: NameServer) -> None:
    with (
        socks5client.patch(through_reference.url, dns="tunnel", nameservers=HIDDEN),
        pytest.raises(socks5client.HostUnreachable),
    ):
        socket.create_connection(("abc.onion", 80), 10)
    assert [exchange.host for exchange in through_reference.requests] == ["abc.onion"]


def test_tunnel_through_danted(danted: RealProxy, name_server: NameServer, echo: Echo) -> None:
    """The name server knows a name of loopback, where danted finds something."""
    resolver = Resolver(name_server.host, port=name_server.port, proxy=danted.url)
    with socks5client.patch(danted.url, dns=resolver, bypass=None):
        assert socket.gethostbyname("loopback.test") == "127.0.0.1"
        assert socket.gethostbyaddr("192.0.2.7")[0] == "name.test"
        with socket.create_connection(("loopback.test", echo.address[1]), 10) as sock:
            assert echoed(sock)
            assert sock.getpeername() == ("127.0.0.1", echo.address[1])
        with pytest.raises(socket.gaierror) as caught:
            socket.gethostbyname("nobody.test")
        assert caught.value.errno == socket.EAI_NONAME


def test_tunnel_whose_proxy_is_gone() -> None:
    """No answer, and no other way to one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"socks5h://127.0.0.1:{listener.getsockname()[1]}"
    with socks5client.patch(url, dns="tunnel", nameservers=HIDDEN):
        for call in (socket.gethostbyname, socket.gethostbyaddr):
            with pytest.raises(socket.gaierror) as caught:
                call("name.test")
            assert caught.value.errno == socket.EAI_AGAIN


def test_tunnel_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: Any, **kwargs: Any) -> None:
        raise dns.resolver.NoResolverConfiguration

    before = dict(vars(socket.socket)), socket.getaddrinfo, socket.gethostbyname
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", none)
    with pytest.raises(ValueError, match="name server"):
        socks5client.patch("socks5h://127.0.0.1:1080", dns="tunnel")
    assert (dict(vars(socket.socket)), socket.getaddrinfo, socket.gethostbyname) == before
    assert patching._stack == []


# Local


def test_local_looks_up_here_and_connects_through_the_proxy(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy hears of addresses only."""
    found = "192.0.2.44"

    def getaddrinfo(host: Any, port: Any, *args: Any) -> Any:
        assert host == "here.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    with (
        Server(routes={(found, 80): echo.address}) as server,
        socks5client.patch(server.url_as("socks5")),
    ):
        monkeypatch.setitem(resolving._plain, "getaddrinfo", getaddrinfo)
        with socket.create_connection(("here.test", 80), 10) as sock:
            assert echoed(sock)
            assert sock.getpeername() == (found, 80)
        server.wait_idle()
        assert [exchange.host for exchange in server.requests] == [found]
