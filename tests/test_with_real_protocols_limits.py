"""What real proxies refuse, and what danted's relay cannot do, as the drop-in objects show it."""

from __future__ import annotations

import errno
import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.server_fixture import Server
from tests.test_with_real_protocols_udp import datagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.origins import UdpEcho
    from tests.real_servers import RealProxy, TftpServer

PROMPTLY = 5.0
CONTENT = hashlib.shake_256(b"a datagram").digest(60_000)


FIRST_USES: dict[str, Callable[[Any], object]] = {
    "sendto": lambda sock: sock.sendto(b"hello", ("127.0.0.1", 9)),
    "sendmsg": lambda sock: sock.sendmsg([b"hello"], [], 0, ("127.0.0.1", 9)),
    "recv": lambda sock: sock.recv(100),
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray(100)),
    "connect": lambda sock: sock.connect(("127.0.0.1", 9)),
    "associate": lambda sock: sock.associate(),
}
REFUSALS = {
    "microsocks": (socks5client.CommandNotSupported, errno.EOPNOTSUPP),
    "microsocks_auth": (socks5client.CommandNotSupported, errno.EOPNOTSUPP),
    "ssh_dynamic": (socks5client.RemoteProtocolError, errno.EPROTO),
}


@contextmanager
def refusal(name: str) -> Iterator[None]:
    """The error that the proxy of that name causes, and at once."""
    kind, number = REFUSALS[name]
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        yield
    assert time.monotonic() - started < PROMPTLY
    assert caught.value.errno == number
    assert type(caught.value) is kind
    assert "pa:ss" not in str(caught.value)
    assert "pa%3Ass" not in str(caught.value)


@pytest.mark.parametrize("use", list(FIRST_USES.values()), ids=list(FIRST_USES))
@pytest.mark.parametrize("name", list(REFUSALS))
def test_udp_refused_at_first_use(
    request: pytest.FixtureRequest, name: str, use: Callable[[Any], object]
) -> None:
    refusing: RealProxy = request.getfixturevalue(name)
    with datagrams(refusing.url) as sock:
        for _ in range(2):  # and again: it is asked anew
            with refusal(name):
                use(sock)


@pytest.mark.parametrize("name", list(REFUSALS))
def test_commands_refused(request: pytest.FixtureRequest, name: str) -> None:
    refusing: RealProxy = request.getfixturevalue(name)
    with refusal(name):
        socks5client.associate(proxy=refusing.url, timeout=30)
    with refusal(name):
        socks5client.bind(("127.0.0.1", 9), proxy=refusing.url, timeout=30)
    with socks5client.socket(proxy=refusing.url) as listener, refusal(name):
        listener.settimeout(30)
        listener.listen()


# What a relay can do.


@pytest.mark.parametrize("size", [0, 1, 1500, 9000, 60_000])
def test_datagrams_of_any_size(full_proxy: str, udp_echo: UdpEcho, size: int) -> None:
    with datagrams(full_proxy) as sock:
        assert sock.sendto(CONTENT[:size], udp_echo.address) == size
        assert sock.recvfrom(65535) == (CONTENT[:size], udp_echo.address)


def test_danted_drops_fragments(danted: RealProxy, udp_echo: UdpEcho) -> None:
    """What comes back is in order, so what has not come before the last one never will."""
    with socks5client.associate(proxy=danted.url, timeout=30, fragment_size=500) as sock:
        sock.settimeout(30)
        for datagram in (b"first", CONTENT[:1200], b"last"):
            assert sock.sendto(datagram, udp_echo.address) == len(datagram)
        assert [sock.recv(65535), sock.recv(65535)] == [b"first", b"last"]
        sock.fragment_size = None
        sock.sendto(CONTENT[:1200], udp_echo.address)
        assert sock.recv(65535) == CONTENT[:1200]


def test_reference_relays_fragments(udp_echo: UdpEcho) -> None:
    """The same as through danted, but for the outcome."""
    with (
        Server(udp_fragment_size=400) as server,
        socks5client.associate(proxy=server.url, timeout=30, fragment_size=500) as sock,
    ):
        sock.settimeout(30)
        for datagram in (b"first", CONTENT[:1200], b"last"):
            assert sock.sendto(datagram, udp_echo.address) == len(datagram)
            assert sock.recvfrom(65535) == (datagram, udp_echo.address)
        assert [relayed.fragments for relayed in server.requests[0].datagrams_up] == [1, 3, 1]
        assert [relayed.fragments for relayed in server.requests[0].datagrams_down] == [1, 3, 1]


def test_each_association_has_its_relay(full_proxy: str, udp_echo: UdpEcho) -> None:
    with datagrams(full_proxy) as one, datagrams(full_proxy) as other:
        for sock in (one, other):
            sock.associate()
        assert one.proxy_peername != other.proxy_peername
        one.sendto(b"of one", udp_echo.address)
        other.sendto(b"of other", udp_echo.address)
        assert (one.recv(100), other.recv(100)) == (b"of one", b"of other")


def test_danted_takes_answers_from_where_it_sends_alone(
    danted: RealProxy, udp_echo: UdpEcho, tftp_server: TftpServer
) -> None:
    """Its `udp.connectdst`: for as long as there is one destination.

    A TFTP server answers from another port, and in order: before its second error, the echo.
    """
    asked, tftp = b"\0\x01missing\0octet\0", (tftp_server.host, tftp_server.port)
    with datagrams(danted.url) as sock:
        sock.sendto(asked, tftp)
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.recvfrom(100)
        sock.settimeout(30)
        sock.sendto(b"hello", udp_echo.address)
        assert sock.recvfrom(100) == (b"hello", udp_echo.address)
        sock.sendto(asked, tftp)
        answer, source = sock.recvfrom(100)
        assert answer.startswith(b"\0\x05")
        assert source[1] != tftp_server.port
