"""Each thing that can go wrong at each stage: the errno, and nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.server_fixture import CATALOGUE, Action, Fault, Server, close, reset, stall, truncate
from tests.socket_connecting.loops import Never, attempt, by_epoll

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server_fixture.faults import Stage

pytestmark = pytest.mark.usefixtures("nothing_left")

USER = "user:secret@"
STAGES: list[Stage] = ["method", "auth", "reply"]
BROKEN: dict[str, Callable[[], Action]] = {
    "reset": reset,
    "close": close,
    "one byte": lambda: truncate(1),
}


def in_epoll(url: str) -> int:
    with socks5client.socket(proxy=url) as sock:
        return by_epoll(attempt(sock, ("127.0.0.1", 9)))


def in_asyncio(url: str) -> int:
    async def main() -> int:
        with socks5client.socket(proxy=url) as sock:
            sock.setblocking(False)
            connect = asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", 9))
            try:
                await asyncio.wait_for(connect, 1)
            except OSError as error:
                if error.errno is None:
                    raise Never from None
                return error.errno
            return 0

    return asyncio.run(main())


@pytest.fixture(params=[in_epoll, in_asyncio])
def number(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """What an attempt at a URL fails with, in each kind of loop."""
    kind: Callable[[str], int] = request.param
    return kind


def faulty(fault: Fault) -> Server:
    return Server(users={"user": "secret"}, faults=[fault])


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("stage", STAGES)
def test_broken(number: Callable[[str], int], stage: Stage, kind: str) -> None:
    with faulty(Fault(stage, BROKEN[kind]())) as server:
        assert number(server.url_as(user_info=USER)) == errno.EPROTO
        server.wait_idle()


@pytest.mark.parametrize("kind", ["garbage", "wrong-version"])
@pytest.mark.parametrize("stage", STAGES)
def test_wrong_bytes(number: Callable[[str], int], stage: Stage, kind: str) -> None:
    with faulty(CATALOGUE[f"{kind}-{stage}"]) as server:
        assert number(server.url_as(user_info=USER)) == errno.EPROTO
        server.wait_idle()


@pytest.mark.parametrize("name", ["no-acceptable", "method-not-offered", "auth-failed"])
def test_refused_credentials(number: Callable[[str], int], name: str) -> None:
    with faulty(CATALOGUE[name]) as server:
        assert number(server.url_as(user_info=USER)) == errno.EACCES
        server.wait_idle()


@pytest.mark.parametrize("stage", ["accept", *STAGES])
def test_stalled(
    number: Callable[[str], int], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gives up; the proxy sees it."""
    monkeypatch.setattr("tests.socket_connecting.loops.TIMEOUT", 0.1)
    wait_for = asyncio.wait_for
    monkeypatch.setattr(asyncio, "wait_for", lambda what, _: wait_for(what, 0.1))
    with faulty(Fault(stage, stall())) as server:
        with pytest.raises(Never):
            number(server.url_as(user_info=USER))
        server.wait_idle()


def test_the_error_says_who_and_what() -> None:
    """As a blocking attempt's does."""

    def error(timeout: float) -> socks5client.SocksError:
        with socks5client.socket(proxy=server.url_as(user_info=USER)) as sock:
            sock.settimeout(timeout)
            with pytest.raises(socks5client.SocksError) as caught:
                if timeout == 0:
                    assert by_epoll_waited(sock)
                sock.connect(("name.test", 80))
            return caught.value

    def by_epoll_waited(sock: Any) -> bool:
        assert sock.connect_ex(("name.test", 80)) == errno.EINPROGRESS

        def program() -> Any:
            yield sock.fileno(), "writable"
            return True

        return bool(by_epoll(program()))

    with faulty(CATALOGUE["reply-code-2"]) as server:
        later, at_once = error(0), error(5)
        server.wait_idle()
    assert type(later) is type(at_once) is socks5client.NotAllowed
    assert str(later) == str(at_once)
    assert "secret" not in str(later)


def test_a_reset_right_after_the_reply() -> None:
    """It is told once: by SO_ERROR, or by the first call, whichever comes later than it."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=20) as origin,
        Server(faults=[Fault("data", reset())]) as server,
    ):
        for _ in range(20):
            with socks5client.socket(proxy=server.url) as sock:
                told = [by_epoll(attempt(sock, origin.getsockname()))]
                sock.settimeout(5)
                try:
                    assert sock.recv(1) == b""
                except OSError as error:
                    told.append(error.errno or 0)
                assert told in ([errno.ECONNRESET], [0, errno.ECONNRESET])
        server.wait_idle()
