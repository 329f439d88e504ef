"""What goes wrong with a rendezvous (BIND), in every way to one; and `Rendezvous` by itself."""

from __future__ import annotations

import errno
import os
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, sync
from socks5client.errors import REPLY_ERRORS
from socks5client.handshake import Handshake
from socks5client.protocol import Negotiation
from tests.drivers import ANYBODY, BIND_DRIVERS
from tests.server_fixture import (
    CATALOGUE,
    Fault,
    Server,
    close,
    coalesce,
    replace,
    reply_code,
    reset,
    split,
    truncate,
)
from tests.standalone import standalone
from tests.test_scenarios_bind import come, converse, met, only, reached

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drivers import BindDriver
    from tests.test_scenarios_bind import Way


# A rendezvous of an event loop is given up there, by its own tests.
BLOCKING = ["sync.bind", "bind", "listener"]
in_threads = pytest.mark.parametrize(
    "bind", [BIND_DRIVERS[name] for name in BLOCKING], ids=BLOCKING
)


@pytest.fixture(params=["none", "password", "tls", "chain", "unix"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    return partial(reached, request.param, tmp_path)


def check_error(error: socks5client.SocksError, server: Server, expected: Any) -> None:
    assert error.target == expected
    assert (error.proxy.host, error.proxy.port) == server.address  # type: ignore[attr-defined]
    assert "secret" not in f"{error}{error!r}{error.__cause__!r}"


CODES = [*REPLY_ERRORS.items(), (99, (socks5client.ReplyError, errno.ECONNABORTED, "0x63"))]


@only("none", "password")
@pytest.mark.parametrize("stage", ["reply", "second-reply"])
@pytest.mark.parametrize(("code", "entry"), CODES, ids=[str(code) for code, _ in CODES])
def test_failure_codes(bind: BindDriver, way: Way, stage: Any, code: int, entry: Any) -> None:
    expected = ("192.0.2.7", 4321)
    with way(faults=[reply_code(code, stage)]) as (proxy, server), ExitStack() as stack:
        with pytest.raises(entry[0], match=entry[2]) as caught:
            meeting = stack.enter_context(closing(bind(expected, proxy)))
            assert stage == "second-reply"
            stack.enter_context(come(meeting.address))
            meeting.accept(5)
        error = caught.value
        assert (type(error), error.errno, error.code) == (entry[0], entry[1], code)
        check_error(error, server, expected)
        server.wait_idle()  # closed by itself, though the rendezvous has not been


BROKEN: dict[str, tuple[Any, str]] = {
    "close": (close(), "hung up during the wait for the peer"),
    "reset": (reset(), "broke|hung up"),
    **{f"truncated-{size}": (truncate(size), "hung up") for size in range(1, 10)},
    "reset-in-the-middle": (truncate(7, "reset"), "broke|hung up"),
    "garbage": (CATALOGUE["garbage-second-reply"].action, "version 0x48"),
    "wrong-version": (CATALOGUE["wrong-version-second-reply"].action, "version 0x04"),
    "unknown-atyp": (CATALOGUE["unknown-atyp-second-reply"].action, "address type 0x09"),
}


@only("none", "password", "chain")
@pytest.mark.parametrize(("action", "match"), list(BROKEN.values()), ids=list(BROKEN))
def test_broken_second_reply(bind: BindDriver, way: Way, action: Any, match: str) -> None:
    check_broken(bind, way, action, match)


@only("tls")
@pytest.mark.parametrize("name", ["close", "reset", "truncated-5", "wrong-version"])
def test_broken_second_reply_by_tls(bind: BindDriver, way: Way, name: str) -> None:
    """The close_notify says that the proxy is done: nobody need wait for the end of the TCP."""
    check_broken(bind, way, *BROKEN[name], patience=1)


def check_broken(bind: BindDriver, way: Way, action: Any, match: str, patience: float = 5) -> None:
    with (
        way(faults=[Fault("second-reply", action)]) as (proxy, server),
        closing(bind(proxy=proxy)) as meeting,
        come(meeting.address),
    ):
        with pytest.raises(socks5client.RemoteProtocolError, match=match) as caught:
            meeting.accept(patience)
        assert caught.value.errno == errno.EPROTO
        check_error(caught.value, server, ANYBODY)
        server.wait_idle()


@pytest.mark.parametrize("data", [b"\x05\x05", b"\x05\x05\x00"])
def test_short_failure_in_the_second_reply(bind: BindDriver, data: bytes) -> None:
    with (
        Server(faults=[Fault("second-reply", replace(data, "close"))]) as server,
        closing(bind(proxy=server.url)) as meeting,
        come(meeting.address),
    ):
        with pytest.raises(socks5client.ConnectionRefused):
            meeting.accept(5)
        server.wait_idle()


@pytest.mark.parametrize("waiting", [True, False])
@pytest.mark.parametrize("how", ["close", "reset"])
@only("none", "password", "chain", "unix")
def test_proxy_hangs_up(bind: BindDriver, way: Way, how: Any, waiting: bool) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        way() as (proxy, server),
        closing(bind(proxy=proxy)) as meeting,
    ):
        accepting = pool.submit(meeting.accept, 10) if waiting else None
        server.hang_up(server.requests[0], how)
        with pytest.raises(socks5client.RemoteProtocolError, match=r"hung up|broke"):
            accepting.result(10) if accepting else meeting.accept(10)
        server.wait_idle()


def test_nobody_comes(bind: BindDriver, way: Way) -> None:
    with way(bind_timeout=0.05) as (proxy, server), closing(bind(proxy=proxy)) as meeting:
        with pytest.raises(socks5client.TTLExpired):
            meeting.accept(5)
        server.wait_idle()


def test_command_not_supported(bind: BindDriver, way: Way) -> None:
    with way(commands=[1]) as (proxy, server):
        with pytest.raises(socks5client.CommandNotSupported) as caught:
            bind(proxy=proxy)
        assert caught.value.errno == errno.EOPNOTSUPP
        assert server.requests[0].command == 2


@in_threads
def test_given_up(bind: BindDriver, way: Way) -> None:
    with way() as (proxy, server):
        meeting = bind(proxy=proxy)
        address = meeting.address
        meeting.close()
        server.wait_idle()
        with pytest.raises(OSError) as caught:
            meeting.accept(5)
        assert caught.value.errno == errno.EBADF
        assert meeting.fileno() == -1
        with pytest.raises(ConnectionRefusedError):
            come(address)
        meeting.close()


@in_threads
def test_given_up_by_another_thread(bind: BindDriver) -> None:
    """As in the system it may not wake who waits; but once something comes, it is an OSError."""
    with ThreadPoolExecutor(1) as pool, Server() as server:
        meeting = bind(proxy=server.url)
        accepting = pool.submit(meeting.accept, None)
        meeting.close()
        server.hang_up(server.requests[0])
        with pytest.raises(OSError):
            accepting.result(10)
        server.wait_idle()


@in_threads
def test_given_up_when_the_reply_arrives(bind: BindDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread's close(), at the worst moment."""

    def receive_data(handshake: Handshake, data: bytes) -> None:
        Negotiation.receive_data(handshake, data)
        if handshake.reply is not None:
            meeting.close()

    with Server() as server, closing(bind(proxy=server.url)) as meeting:
        monkeypatch.setattr(Handshake, "receive_data", receive_data)
        with come(meeting.address), pytest.raises(OSError):
            meeting.accept(5)
        server.wait_idle()


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (("n" * 256, 80), ValueError),
        (("a\r\nHost: b", 80), ValueError),
        (("", 80), ValueError),
        (("a", 65536), ValueError),
        (("a", "80"), TypeError),
        ((1, 80), TypeError),
        ("a:80", TypeError),
        (("a", 80, 0), TypeError),
    ],
)
def test_invalid_expected_peer(bind: BindDriver, expected: Any, error: type[Exception]) -> None:
    with Server() as server:
        with pytest.raises(error):
            bind(expected, server.url)
        assert server.exchanges == []


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_invalid_timeout(bind: BindDriver, timeout: float) -> None:
    with (
        Server() as server,
        closing(bind(proxy=server.url)) as meeting,
        pytest.raises(ValueError, match=r"[Tt]imeout|NaN"),
    ):
        meeting.accept(timeout)


def test_no_proxy(bind: BindDriver) -> None:
    with pytest.raises(ValueError, match="no proxy is configured"):
        bind()
    if bind not in map(BIND_DRIVERS.get, ("listener", "patched listener")):  # ordinary ones then
        with pytest.raises(ValueError, match="DIRECT"):
            bind(proxy=DIRECT)


def test_no_fd_is_left_open(bind: BindDriver) -> None:
    """Counted in the kernel, with the server in another process."""

    def fds() -> int:
        return len(os.listdir("/proc/self/fd"))

    with (
        socket.socket() as held,  # bound, so that nobody else gets the port, and refused
        standalone("--fault", "reply:reply-code=5") as refusing,
        standalone("--bind-timeout", "0") as impatient,
        standalone("--check-peer") as strict,
    ):
        held.bind(("127.0.0.1", 0))
        nobody = "socks5h://127.0.0.1:{1}".format(*held.getsockname())
        before = fds()
        for _ in range(10):
            for proxy in (refusing, nobody):
                with pytest.raises(ConnectionError):
                    bind(proxy=proxy)
            with closing(bind(proxy=impatient)) as meeting, pytest.raises(socks5client.TTLExpired):
                meeting.accept(5)
            with closing(bind(proxy=strict)) as meeting, come(meeting.address):
                meeting.accept(5)[0].close()
            with (
                closing(bind(("192.0.2.1", 0), strict)) as meeting,
                come(meeting.address),
                pytest.raises(PermissionError),
            ):
                meeting.accept(5)
            with closing(bind(proxy=strict)) as meeting, pytest.raises(BlockingIOError):
                meeting.accept(0)
        assert fds() == before


# Rendezvous itself: what the listening socket has not.

ITSELF = pytest.mark.parametrize("make", [sync.bind, socks5client.bind], ids=["sync", "drop-in"])


def is_readable(meeting: Any, timeout: float = 0) -> bool:
    return select.select([meeting], [], [], timeout)[0] == [meeting]


@ITSELF
def test_a_rendezvous_has_one_peer(make: Any) -> None:
    with Server() as server:
        with make(proxy=server.url) as meeting:
            peer = come(meeting.address)
            sock, _ = meeting.accept(5)
            assert meeting.fileno() == -1
            with pytest.raises(OSError, match="has had its peer") as caught:
                meeting.accept(5)
            assert caught.value.errno == errno.EBADF
        converse(sock, peer)
        assert len(server.requests) == 1


@ITSELF
def test_what_accept_gives(make: Any) -> None:
    with Server() as server, make(proxy=server.url) as meeting, come(meeting.address) as peer:
        address = meeting.address
        with meeting.accept(5)[0] as sock:
            assert isinstance(sock, socks5client.socket) is (make is socks5client.bind)
            if make is socks5client.bind:
                assert sock.getsockname() == address
                assert sock.getpeername() == peer.getsockname()
            else:
                assert sock.getpeername() == server.address


@ITSELF
def test_the_context_manager_gives_it_up(make: Any) -> None:
    with Server() as server:
        with make(proxy=server.url) as meeting:
            assert meeting.fileno() >= 0
        server.wait_idle()
        with pytest.raises(LookupError), make(proxy=server.url):
            raise LookupError
        server.wait_idle()


@ITSELF
@only("none", "password", "tls", "chain", "unix")
def test_readable_when_there_is_something_to_do(make: Any, way: Way) -> None:
    with way() as (proxy, _), make(proxy=proxy) as meeting:
        while is_readable(meeting):  # TLS may have something of its own to say
            with pytest.raises(BlockingIOError):
                meeting.accept(0)
        peer = come(meeting.address)
        assert is_readable(meeting, 10)
        converse(meeting.accept(5)[0], peer)


@ITSELF
@only("none", "tls")
def test_readable_where_both_replies_came_in_one(make: Any, way: Way) -> None:
    """With TLS the second has been read already, along with the first."""
    with ThreadPoolExecutor(1) as pool, way(faults=[Fault("reply", coalesce())]) as (proxy, server):
        coming = pool.submit(lambda: come(met(server)))
        with make(proxy=proxy) as meeting:
            peer = coming.result(10)
            readable = is_readable(meeting, 1)
            converse(meeting.accept(0)[0], peer)
            assert readable


@ITSELF
def test_not_readable_any_more_within_a_reply(make: Any) -> None:
    """What has come of it was taken, and the rest is a reason of its own."""
    fault = Fault("second-reply", split(5, pause=0.05))
    with Server(faults=[fault]) as server, make(proxy=server.url) as meeting:
        peer = come(meeting.address)
        while True:
            assert is_readable(meeting, 10)
            try:
                sock, _ = meeting.accept(0)
                break
            except BlockingIOError:
                pass
        converse(sock, peer)
