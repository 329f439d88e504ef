"""Promises of docs/security.md that no other test shows."""

from __future__ import annotations

import base64
import os
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import socks5client
from socks5client import Address, Proxy, SocksError, UsernamePassword
from socks5client.bypass import Bypass
from socks5client.protocol import Command, Negotiation, Request
from tests.origins import UdpEcho, unused_address
from tests.server_fixture import CATALOGUE, MALFORMED_HEADERS, Fault, Server, replace
from tests.test_datagram_hostile import raw_relay, udp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import trustme

    from tests.drivers import Driver

PEER = ("127.0.0.1", 9)
MUCH = 32 << 20


# Memory


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Fails where Python's memory grows by more than `size` bytes meanwhile, even for a moment."""
    tracemalloc.start()
    try:
        yield
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grown < size


@contextmanager
def flooding(*, after: bytes, asked: int) -> Iterator[tuple[str, threading.Event]]:
    """The place of a proxy that reads `asked` bytes, says `after`, and then much more.

    The event is set once `MUCH` bytes are sent; it stops where the client has hung up.
    """
    done = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(asked, socket.MSG_WAITALL)
            try:
                client.sendall(after)
                for _ in range(MUCH >> 16):
                    client.sendall(zeros)
                done.set()
                while client.recv(4096):
                    pass
            except ConnectionError:
                pass  # the client's right

    zeros = bytes(1 << 16)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "{}:{}".format(*listener.getsockname()), done
        finally:
            thread.join(10)


FLOODS: dict[str, tuple[str, bytes]] = {
    "nonsense": ("socks5h", b""),
    "behind the method": ("socks5h", b"\5\0"),
    "nonsense in place of TLS": ("socks5h+tls", b""),
    "a TLS record of the largest size": ("socks5h+tls", b"\x16\3\3\xff\xff"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_proxy_that_floods_takes_no_memory(name: str) -> None:
    scheme, after = FLOODS[name]

    def attempt() -> None:
        with (
            flooding(after=after, asked=3) as (place, _),
            pytest.raises(SocksError),
        ):
            socks5client.connect(PEER, proxy=f"{scheme}://{place}", timeout=5)

    attempt()  # what is imported and remembered by the first one is not the flood's
    with at_most(1 << 20):
        attempt()


def test_a_flood_on_the_control_connection_takes_no_memory_and_changes_nothing() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay,
        UdpEcho() as bystander,
    ):
        relay.bind(("127.0.0.1", 0))
        relay.settimeout(5)
        reply = b"\5\0\0\1\x7f\0\0\1" + relay.getsockname()[1].to_bytes(2, "big")
        with (
            flooding(after=b"\5\0" + reply, asked=3) as (place, done),
            udp(f"socks5h://{place}") as sock,
            at_most(2 << 20),
        ):
            sock.sendto(b"ping", bystander.address)
            packet, client = relay.recvfrom(100)
            assert done.wait(30)
            relay.sendto(packet, client)
            assert sock.recvfrom(100) == (b"ping", bystander.address)


MARK = b"\0\0\0\1\x7f\0\0\1\0\1mark"


def burst(sock: Any, relay: socket.socket, client: Any, packets: list[bytes]) -> None:
    """All of them arrive, and are taken: what lies in the kernel's buffer is no more than this."""
    for packet in (*packets, MARK):
        relay.sendto(packet, client)
    while sock.recv(100) != b"mark":
        pass


def begun(source: int, position: int, payload: bytes) -> bytes:
    """A fragment that is not the last one, from one of many sources."""
    return bytes((0, 0, position, 1, 10, 0, *source.to_bytes(2, "big"), 0, 9)) + payload


@pytest.mark.parametrize(
    ("sources", "positions", "size"), [(400, 3, 8000), (100, 126, 1)], ids=["large", "small"]
)
def test_fragments_that_never_end_take_bounded_memory(
    sources: int, positions: int, size: int
) -> None:
    with raw_relay() as (url, relay, _), udp(url) as sock:
        sock.sendto(b"hello", PEER)
        client = relay.recvfrom(100)[1]
        burst(sock, relay, client, [])
        with at_most(2 << 20):
            for source in range(sources):
                packets = [begun(source, place + 1, bytes(size)) for place in range(positions)]
                for start in range(0, positions, 10):
                    burst(sock, relay, client, packets[start : start + 10])
        assert sock.dropped > 0


# Amplification, and what is sent to whom


def test_what_arrives_is_answered_with_nothing() -> None:
    """Whatever a relay sends, not a packet comes back by itself; and no more bytes come out."""
    with raw_relay() as (url, relay, _), udp(url) as sock:
        sock.sendto(b"hello", PEER)
        _, client = relay.recvfrom(100)
        packets = [
            *MALFORMED_HEADERS.values(),
            *(begun(1, place, b"piece") for place in (2, 1, 1, 3, 2)),
            *(begun(2, place, b"piece") for place in (1, 2, 0x83, 0x84, 0xFF)),
            begun(3, 0, b"whole"),
            MARK,
        ]
        for packet in packets:
            relay.sendto(packet, client)
        received = [sock.recv(65535)]
        while received[-1] != b"mark":
            received.append(sock.recv(65535))
        assert received == [b"piece" * 3, b"whole", b"mark"]
        assert sum(map(len, received)) < sum(map(len, packets))
        sock.sendto(b"bye", PEER)
        assert relay.recvfrom(100)[0].endswith(b"bye")  # it is the first since "hello"


def test_a_third_party_as_relay_is_sent_datagrams_and_no_credentials(udp_echo: UdpEcho) -> None:
    """BND.ADDR is the proxy's word: the client cannot know who that is, but says no more to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third:
        third.bind(("127.0.0.2", 0))
        third.settimeout(5)
        with (
            Server(users={"alice": "s3cret"}, bound=third.getsockname()) as server,
            udp(server.url_as(user_info="alice:s3cret@")) as sock,
        ):
            sock.sendto(b"ping", udp_echo.address)
            packet, client = third.recvfrom(65535)
            head = b"\0\0\0\1\x7f\0\0\1" + udp_echo.address[1].to_bytes(2, "big")
            assert packet == head + b"ping"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as true_relay:
                true_relay.bind(("127.0.0.1", 0))
                true_relay.sendto(head + b"from elsewhere", client)
            third.sendto(head + b"pong", client)
            assert sock.recv(100) == b"pong"
            assert sock.dropped == 0  # the other one never came in


# Credentials


@pytest.mark.parametrize("chosen", [0x00, 0x01, 0x03, 0x80, 0xFE, 0xFF])
def test_a_method_that_was_not_offered_gets_nothing(connect: Driver, chosen: int) -> None:
    """Above all not the request, where the proxy wants to do without the password."""
    fault = Fault("method", replace(bytes((5, chosen)), then="stall"))
    with Server(users={"alice": "s3cret"}, faults=[fault]) as server:
        proxy = Proxy(server.host, server.port, auth=UsernamePassword("alice", "s3cret"))
        with pytest.raises(socks5client.NoAcceptableMethodError):
            connect(unused_address(), proxy, 5.0)
        server.wait_idle()
        assert [bytes(one.received) for one in server.exchanges] == [b"\5\1\2"]


def test_a_certificate_for_another_name_is_not_the_proxys(
    connect: Driver, authority: trustme.CA, trusted: ssl.SSLContext
) -> None:
    """Whoever vouches for it; and nothing is said in the TLS connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.test").configure_cert(context)
    with Server(users={"alice": "s3cret"}, ssl_context=context) as server:
        url = server.url_as("socks5h+tls", "alice:s3cret@")
        with pytest.raises(socks5client.ProxyConnectionError, match="certificate is not valid for"):
            connect(unused_address(), Proxy.from_url(url, ssl_context=trusted), 5.0)
        server.wait_idle()
        assert not any(one.received for one in server.exchanges)


def test_credentials_are_kept_where_the_proxy_wants_none(connect: Driver, echo: Any) -> None:
    """They stand first in the offer; a proxy that chooses the other method never hears them."""
    with Server(methods=[0]) as server:
        url = server.url_as(user_info="alice:s3cret@")
        connect(echo.address, url, 5.0).close()
        server.wait_idle()
        assert b"alice" not in bytes(server.exchanges[0].received)


def test_a_refusal_is_told_at_once_and_the_password_tried_once(connect: Driver) -> None:
    """No other method, no second connection, no request: nobody is locked out by a retry."""
    with Server(users={"alice": "another"}) as server:
        with pytest.raises(socks5client.AuthenticationError):
            connect(unused_address(), server.url_as(user_info="alice:s3cret@"), 5.0)
        server.wait_idle()
        told = [(one.authenticated, one.command) for one in server.exchanges]
        assert told == [(False, None)]


# What is shown


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_nothing_that_a_proxy_says_drives_a_terminal(pieces: list[bytes]) -> None:
    request = Request(Command.CONNECT, Address("example.com", 80))
    negotiation = Negotiation(request, [UsernamePassword("alice", "s3cret")])
    said = ""
    try:
        for piece in (b"\5\2", b"\1\0", b"\5\0\0\3", *pieces):
            for start in range(len(piece)):
                negotiation.receive_data(piece[start : start + 1])
    except SocksError as error:
        said = str(error)
    except RuntimeError:
        assert negotiation.reply is not None  # it had ended before
        said = str(negotiation.reply.bound)
    assert said.isprintable()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_message_is_one_printable_line(name: str) -> None:
    said = ""
    with Server(faults=[CATALOGUE[name]]) as server:
        try:
            socks5client.connect(unused_address(), proxy=server.url, timeout=0.2).close()
        except SocksError as error:
            said = str(error)
    assert said.isprintable()


@pytest.mark.parametrize("make", [Proxy.from_url, lambda host: Address(host, 1)])
@given(text=st.text())
def test_a_text_that_is_refused_is_shown_harmlessly(make: Callable[[str], Any], text: str) -> None:
    said = ""
    try:
        make(text)
    except ValueError as error:
        said = str(error)
    assert said.isprintable()


# URLs and names that others would read otherwise


def hosts_by_others(url: str) -> set[str]:
    found: set[str] = set()
    for parse in (lambda text: urlsplit(text).hostname, lambda text: httpx.URL(text).host):
        try:
            found.add(parse(url) or "")
        except (ValueError, httpx.InvalidURL):
            pass  # who refuses is misled by nothing
    return found


PIECES = st.one_of(st.text("ab1.:@/\\?#%0-;&=", max_size=8), st.just("[::1]"))


@given(st.lists(PIECES, min_size=1, max_size=4).map("".join))
def test_the_host_of_a_url_is_the_one_that_other_parsers_see(rest: str) -> None:
    try:
        proxy = Proxy.from_url(f"socks5h://{rest}")
    except ValueError:
        return
    for host in hosts_by_others(f"socks5h://{rest}"):
        assert Address(host, 1).host == proxy.host.lower()


LOOKALIKES = {
    "zero width": ("exam\u200bple.com", "example.com"),
    "full width": ("\uff45xample.com", "example.com"),
    "an ideographic full stop": ("example\u3002com", "example.com"),
    "digits of full width": ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
    "Cyrillic": ("\u0430pple.com", "xn--pple-43d.com"),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_is_shown_of_a_name_is_what_the_proxy_is_asked_for(name: str) -> None:
    typed, sent = LOOKALIKES[name]
    address = Address(typed, 80)
    assert str(address) == f"{sent}:80"
    wire = Address.decode(address.encode())
    assert wire.host == sent


@pytest.mark.parametrize(
    "bad",
    ["a\u202eb", "a\uff0fb", "a\uff1a1", "a\uff20b", "a b", "a\nb", "a\0b", "a\x1bb"],
    ids=ascii,
)
def test_a_name_that_would_be_read_otherwise_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        Address(bad, 80)


# The environment


def test_what_a_request_can_set_is_not_read() -> None:
    """A CGI program has the headers of a request as HTTP_*: "Proxy:" must not choose the proxy."""
    poison = "socks5h://attacker.test"
    names = ("PROXY", "ALL_PROXY", "SOCKS5CLIENT_PROXY", "NO_PROXY")
    environ = {"HTTP_PROXY": poison, "http_proxy": poison} | {f"HTTP_{n}": poison for n in names}
    assert Proxy.from_env(environ) is None
    assert not Bypass.from_env(environ | {"HTTP_NO_PROXY": "*"}).matches("example.com", 80)


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT)


@pytest.mark.parametrize("patched", [False, True])
def test_settings_in_the_environment_are_read_from_a_parent_alone(
    tmp_path: Path, patched: bool
) -> None:
    """They are a pickle: what others put there is neither loaded nor passed on."""
    made = tmp_path / "made"
    poison = base64.b85encode(pickle.dumps(Touch(made))).decode()
    pickle.loads(pickle.dumps(Touch(tmp_path / "works")))
    assert (tmp_path / "works").exists()
    code = "import socks5client as s; s.patch('socks5h://127.0.0.1:1').__exit__(*[None] * 3)"
    environ = {**os.environ, "SOCKS5CLIENT_PATCH": poison}
    command = [sys.executable, "-c", code]
    if patched:
        with socks5client.patch("socks5h://127.0.0.1:1"):
            subprocess.run(command, env=environ, check=True, timeout=60)
    else:
        subprocess.run(command, env=environ, check=True, timeout=60)
    assert not made.exists()
