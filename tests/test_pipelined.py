"""`Proxy(pipelined=True)` and `early_data=`: one round trip, over every driver that offers them."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client
import socks5client.asyncio
import socks5client.sync
import socks5client.trio
from socks5client import DIRECT, GSSAPI, NoAuth, Proxy, UsernamePassword
from socks5client.tunnel.opening import MAX_EARLY_DATA
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, stall

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.origins import Echo
    from tests.real_servers import RealProxy

ROOT = Path(__file__).resolve().parent.parent
ALICE = {"alice": "secret"}


def blocking(connect: Callable[..., socket.socket], size: int, *args: Any, **kwargs: Any) -> bytes:
    with connect(*args, **kwargs) as sock:
        sock.settimeout(10)
        return sock.recv(size)


def drop_in(size: int, *args: Any, **kwargs: Any) -> bytes:
    return blocking(socks5client.connect, size, *args, **kwargs)


def plain(size: int, *args: Any, **kwargs: Any) -> bytes:
    return blocking(socks5client.sync.connect, size, *args, **kwargs)


def in_asyncio(size: int, *args: Any, **kwargs: Any) -> bytes:
    async def run() -> bytes:
        with await socks5client.asyncio.connect(*args, **kwargs) as sock:
            return await asyncio.get_running_loop().sock_recv(sock, size)

    return asyncio.run(run())


def in_trio(size: int, *args: Any, **kwargs: Any) -> bytes:
    async def run() -> bytes:
        async with await socks5client.trio.connect(*args, **kwargs) as stream:
            return bytes(await stream.receive_some(size))

    return trio.run(run)


@pytest.fixture(params=[drop_in, plain, in_asyncio, in_trio])
def answer(request: pytest.FixtureRequest) -> Callable[..., bytes]:
    """What an echo says to `early_data=`."""
    driver: Callable[..., bytes] = request.param
    return driver


def method(user_info: str) -> NoAuth | UsernamePassword:
    return UsernamePassword("alice", "secret") if user_info else NoAuth()


@pytest.mark.parametrize("user_info", ["", "alice:secret@"])
@pytest.mark.parametrize("pipelined", [True, False])
def test_early_data(
    answer: Callable[..., bytes], echo: Echo, user_info: str, pipelined: bool
) -> None:
    with Server(users=ALICE if user_info else None) as server:
        proxy = Proxy(server.host, server.port, auth=method(user_info), pipelined=pipelined)
        assert answer(100, echo.address, proxy=proxy, timeout=5, early_data=b"early") == b"early"
        server.wait_idle()


def test_early_data_past_any_proxy(answer: Callable[..., bytes], echo: Echo) -> None:
    assert answer(100, echo.address, proxy=DIRECT, timeout=5, early_data=b"early") == b"early"


def test_all_is_said_at_once(answer: Callable[..., bytes], echo: Echo) -> None:
    """A proxy that answers nothing has got everything nevertheless."""
    with Server(users=ALICE, faults=[Fault("method", stall())]) as server:
        proxy = Proxy(server.host, server.port, auth=method("alice"), pipelined=True)
        with pytest.raises(socks5client.HandshakeTimeout, match="cope with pipelined=True"):
            answer(100, ("origin.test", 80), proxy=proxy, timeout=0.3, early_data=b"early")
        server.wait_idle()
        (exchange,) = server.exchanges
        assert bytes(exchange.received) == (
            b"\5\1\2" + b"\1\5alice\6secret" + b"\5\1\0\3\x0borigin.test\0\x50" + b"early"
        )


def test_in_a_chain(answer: Callable[..., bytes], echo: Echo) -> None:
    with Server() as first, Server(users=ALICE) as second:
        chain = [
            Proxy(first.host, first.port, pipelined=True),
            Proxy(second.host, second.port, auth=method("alice"), pipelined=True),
        ]
        assert answer(100, echo.address, proxy=chain, timeout=5, early_data=b"early") == b"early"
        first.wait_idle()
        second.wait_idle()


@pytest.mark.parametrize("fault", ["reply-code-5", "auth-failed", "no-acceptable"])
def test_errors_are_the_same(answer: Callable[..., bytes], echo: Echo, fault: str) -> None:
    errors = []
    for pipelined in (False, True):
        with Server(users=ALICE, faults=[CATALOGUE[fault]]) as server:
            proxy = Proxy(server.host, server.port, auth=method("alice"), pipelined=pipelined)
            with pytest.raises(socks5client.SocksError) as caught:
                answer(100, echo.address, proxy=proxy, timeout=5, early_data=b"early")
            errors.append((type(caught.value), caught.value.strerror))
    assert errors[0] == errors[1]


def test_too_much_early_data(answer: Callable[..., bytes]) -> None:
    host, port = unused_address()
    with pytest.raises(ValueError, match="16384 is the most"):
        answer(1, ("h", 1), proxy=Proxy(host, port), early_data=bytes(MAX_EARLY_DATA + 1))


def test_the_proxy_breaks_before_the_early_data(echo: Echo) -> None:
    """Not pipelined: the data goes behind the reply; an error there is the proxy's, too."""
    with Server(ssl_context=None) as server:
        steps = socks5client.tunnel.open_tunnel(
            (Proxy(server.host, server.port),),
            socks5client.Address(*echo.address),
            make=lambda family: Deaf(family, socket.SOCK_STREAM),
            early_data=b"early",
        )
        with pytest.raises(socks5client.RemoteProtocolError, match="broke") as caught:
            for _ in steps:
                pass
        assert caught.value.proxy == Proxy(server.host, server.port)
        assert caught.value.target == echo.address
        server.wait_idle()


class Deaf(socket.socket):
    """Breaks as soon as the handshake is over."""

    def send(self, data: Any, *args: Any) -> int:
        if bytes(data) == b"early":
            raise ConnectionResetError(104, "Connection reset by peer")
        return super().send(data, *args)


@pytest.mark.parametrize(
    "auth", [None, [NoAuth(), UsernamePassword("a", "b")], GSSAPI(), UsernamePassword("a", "b")]
)
def test_exactly_one_method_that_allows_it(auth: Any) -> None:
    if auth is None or isinstance(auth, UsernamePassword):
        assert Proxy("h", auth=auth, pipelined=True).pipelined
        assert Proxy("h", auth=auth, pipelined=True) != Proxy("h", auth=auth)
        return
    with pytest.raises(ValueError, match="exactly one method"):
        Proxy("h", auth=auth, pipelined=True)


# Which real servers cope with it. The reference server does: see above.
COPES = {"danted": True, "ssh_dynamic": True, "microsocks": False, "microsocks_auth": False}


def test_the_documentation_says_who_copes() -> None:
    names = {"danted": "danted", "ssh_dynamic": "ssh -D", "microsocks": "microsocks"}
    names["microsocks_auth"] = "microsocks with a password"
    page = (ROOT / "docs" / "recipes" / "round-trips.md").read_text()
    said = dict(re.findall(r"^\| (.+?) \|[^|]*\| (yes|no) \|$", page, re.MULTILINE))
    assert said.pop("the reference server of the tests") == "yes"
    assert said == {names[name]: "yes" if copes else "no" for name, copes in COPES.items()}


@pytest.mark.parametrize("name", COPES)
@pytest.mark.parametrize("early_data", [b"", b"early"])
def test_real_server(
    request: pytest.FixtureRequest, echo: Echo, name: str, early_data: bytes
) -> None:
    server: RealProxy = request.getfixturevalue(name)
    given = Proxy.from_url(server.url)
    proxy = given.replace(auth=given.auth[0], pipelined=True)
    if not COPES[name]:
        with pytest.raises(socks5client.HandshakeTimeout, match="cope with pipelined=True"):
            socks5client.connect(echo.address, proxy=proxy, timeout=0.5, early_data=early_data)
        return
    with socks5client.connect(echo.address, proxy=proxy, timeout=5, early_data=early_data) as sock:
        sock.settimeout(5)
        if not early_data:
            sock.sendall(b"early")
        assert sock.recv(100) == b"early"
