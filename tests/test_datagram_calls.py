"""Every call of the drop-in UDP socket beside that of a plain one, with the same echoes.

`python -m tests.test_datagram_calls` prints the table.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.datagram_calls import CASES, DELIBERATE, Scene, agree, attempt
from tests.origins import UdpEcho
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real_servers import RealProxy

pytestmark = pytest.mark.timeout(10)

FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
WAYS = {
    "reference": socket.AF_INET,
    "associated": socket.AF_INET,
    "reference-ipv6": socket.AF_INET6,
    "danted": socket.AF_INET,
}
"""How it goes, and the family of the relay; `associated` is the reference server after
`associate()`, where otherwise the case itself is the first use."""


class Echoes:
    """Two echoes of each family, and what plain sockets did with them."""

    def __init__(self, stack: ExitStack) -> None:
        hosts = ("127.0.0.1", "127.0.0.1", "::1", "::1")
        ports = [stack.enter_context(UdpEcho(host)).address[1] for host in hosts]
        self.plain: dict[tuple[str, int], Any] = {}
        self.ipv4 = [("127.0.0.1", port) for port in ports[:2]]
        self.ipv6 = [("::1", port, 0, 0) for port in ports[2:]]

    def of(self, family: int) -> tuple[Any, Any, Any]:
        if family == socket.AF_INET:
            return (*self.ipv4, self.ipv6[0][:2])
        return (*self.ipv6, ("::ffff:127.0.0.1", self.ipv4[0][1], 0, 0))


def run(name: str, family: int, echoes: Echoes, way: str = "", proxy: str | None = None) -> Any:
    """The outcome of a case on a drop-in, or without `proxy` on a plain socket; and the scene."""
    kind = socket.socket if proxy is None else socks5client.socket
    arguments = {} if proxy is None else {"proxy": proxy}
    scene = Scene(kind, arguments, family, WAYS.get(way), echoes.of(family))
    with scene.make() as sock:
        if way == "associated":
            sock.associate()  # type: ignore[attr-defined]
        return attempt(CASES[name].run, sock, scene.peer, scene), scene


@pytest.fixture(scope="module")
def echoes() -> Iterator[Echoes]:
    with ExitStack() as stack:
        yield Echoes(stack)


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with Server() as server:
        yield server.url


@pytest.fixture(scope="module")
def reference_ipv6() -> Iterator[str]:
    with Server("::1") as server:
        yield f"socks5h://[::1]:{server.port}"


@pytest.fixture
def proxy(way: str, request: pytest.FixtureRequest) -> str:
    if way == "danted":
        danted: RealProxy = request.getfixturevalue("danted")
        return danted.url
    url: str = request.getfixturevalue("reference_ipv6" if "ipv6" in way else "reference")
    return url


@pytest.mark.parametrize(
    ("name", "family", "way"),
    [
        pytest.param(name, family, way, id=f"{name}-{shown}-{way}")
        for name, case in CASES.items()
        for shown, family in FAMILIES.items()
        for way, relay in WAYS.items()
        if case.family in (None, family)
        and not (case.native and relay != family)
        and not (way == "associated" and (case.fresh or family == socket.AF_INET6))
    ],
)
def test_as_in_the_system(name: str, family: int, way: str, proxy: str, echoes: Echoes) -> None:
    if (name, family) not in echoes.plain:
        echoes.plain[name, family], _ = run(name, family, echoes)
    plain = echoes.plain[name, family]
    ours, scene = run(name, family, echoes, way, proxy)
    if name in DELIBERATE:
        assert not agree(plain, ours), "this is no exception any more"
        right = DELIBERATE[name](scene)
    else:
        right = (plain,)
    if not any(agree(expected, ours) for expected in right):
        pytest.fail(f"right: {right}\n ours: {ours}", pytrace=False)


# asyncio, whose calls a plain socket shares.


class Collector(asyncio.DatagramProtocol):
    """Keeps what arrives; `enough` is done after `count` datagrams."""

    def __init__(self, count: int) -> None:
        self.received: list[Any] = []
        self.errors: list[Exception] = []
        self.enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count = count

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append((data, addr))
        if len(self.received) == self._count:
            self.enough.set_result(None)

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)


async def converse(sock: socket.socket, peer: Any, connected: bool) -> list[Any]:
    """Sends at once, and again when the first answer is there."""
    sock.setblocking(False)
    if connected:
        sock.connect(peer)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(2):
        transport, protocol = await loop.create_datagram_endpoint(lambda: Collector(3), sock=sock)
        name = transport.get_extra_info("peername")
        for payload in (b"one", b"two", b"three"):
            transport.sendto(payload, None if connected else peer)
        try:
            await protocol.enough
        finally:
            transport.close()
    return [name, protocol.received, protocol.errors]


@pytest.mark.parametrize("connected", [False, True], ids=["unconnected", "connected"])
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_asyncio(echoes: Echoes, proxy: str, way: str, family: int, connected: bool) -> None:
    peer = echoes.of(family)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as plain:
        expected = asyncio.run(converse(plain, peer, connected))
    with socks5client.socket(family, socket.SOCK_DGRAM, proxy=proxy) as sock:
        if way == "associated":
            sock.associate()  # type: ignore[attr-defined]
        assert asyncio.run(converse(sock, peer, connected)) == expected
    assert expected[1][0] == (b"one", peer)


async def call(sock: socket.socket, peer: Any) -> Any:
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    buffer = bytearray(4)
    async with asyncio.timeout(2):
        sent = await loop.sock_sendto(sock, b"one", peer)
        received = await loop.sock_recvfrom(sock, 100)
        await loop.sock_sendto(sock, b"second", peer)
        count, source = await loop.sock_recvfrom_into(sock, buffer)
        await loop.sock_connect(sock, peer)
        await loop.sock_sendall(sock, b"third")
        return sent, received, count, source, buffer, await loop.sock_recv(sock, 100)


@pytest.mark.parametrize("way", WAYS)
def test_the_loop_s_calls(echoes: Echoes, proxy: str, way: str) -> None:
    peer = echoes.ipv4[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        expected = asyncio.run(call(plain, peer))
    with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=proxy) as sock:
        if way == "associated":
            sock.associate()  # type: ignore[attr-defined]
        assert asyncio.run(call(sock, peer)) == expected
    assert expected[1] == (b"one", peer)


# What makes a drop-in.


@pytest.mark.parametrize("way", ["reference", "danted"])
def test_default_proxy(echoes: Echoes, proxy: str) -> None:
    peer = echoes.ipv4[0]
    socks5client.set_default_proxy(proxy)
    try:
        with socks5client.socket(type=socket.SOCK_DGRAM) as sock, socks5client.associate() as made:
            for one in (sock, made):
                assert type(one) is socks5client.DatagramSocket
                one.settimeout(5)
                one.sendto(b"x", peer)
                assert one.recvfrom(9) == (b"x", peer)
                assert one.proxy_peername != peer, "that is the relay"
    finally:
        socks5client.set_default_proxy(None)


def main() -> None:
    with ExitStack() as stack:
        echoes, server = Echoes(stack), stack.enter_context(Server())
        for name, case in CASES.items():
            family = case.family or socket.AF_INET
            if not (case.native and family == socket.AF_INET6):
                plain, _ = run(name, family, echoes)
                url = server.url
                ours, _ = run(name, family, echoes, "reference", url)
                differs = "deliberate" if name in DELIBERATE else "DIFFERS"
                verdict = "as plain" if agree(plain, ours) else differs
                print(f"{name} | {plain} | {ours} | {verdict}")


if __name__ == "__main__":
    main()
