"""One question and its answer, over UDP, TCP or TLS: steps that any driver runs."""

from __future__ import annotations

import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import dns.message
import dns.query

from .._plain import Plain, family_of, handed_out
from .._socket.functions import unassociated
from ..errors import (
    AuthenticationError,
    HandshakeTimeout,
    ProxyConnectionError,
    RemoteProtocolError,
    SocksError,
)
from ..protocol import State
from ..route import DIRECT
from ..tunnel import open_tunnel
from ..tunnel.deadline import is_timeout
from ..tunnel.dial import make_unblocking, reach
from ..tunnel.rendezvous import ANYBODY
from ..tunnel.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol import Address
    from ..route import Chain, Direct
    from ..tunnel.waiting import Waiting

T = TypeVar("T")

# The most that a message of the DNS takes, in bytes (RFC 1035 section 4.2.2).
LARGEST = 0xFFFF

# A query follows the last message of TLS's handshake, which nobody answers, and would be held back.
_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class NoUdp(Exception):
    """The proxy was reached and let us in, but does no UDP; the cause says how that showed."""


class Question:
    """A query that is on its way, and how its answer is to be read.

    Parameters: `request`, the query; `one_rr_per_rrset` and `ignore_trailing` as dnspython's
    queries take them.
    """

    def __init__(
        self, request: dns.message.Message, one_rr_per_rrset: bool, ignore_trailing: bool
    ) -> None:
        self.request = request
        self.wire = request.to_wire()
        self._one_rr_per_rrset = one_rr_per_rrset
        self._ignore_trailing = ignore_trailing

    def read(self, data: bytes, *, udp: bool = False) -> dns.message.Message:
        """The answer that `data` is.

        Raises a `dns.exception.DNSException` where it is none to this question;
        `dns.message.Truncated`, with `udp`, where it is not all of it.
        """
        truncation: dns.message.Truncated | None = None
        try:
            message = dns.message.from_wire(
                data,
                keyring=self.request.keyring,
                request_mac=self.request.mac,
                one_rr_per_rrset=self._one_rr_per_rrset,
                ignore_trailing=self._ignore_trailing,
                raise_on_truncation=udp,
            )
        except dns.message.Truncated as error:
            message = _message(error)
            truncation = error
        if not self.request.is_response(message):
            raise dns.query.BadResponse
        if truncation is not None:
            raise truncation
        return message


def _message(error: Any) -> dns.message.Message:
    message: dns.message.Message = error.message()  # which dnspython leaves untyped
    return message


def over_udp(
    route: Chain | Direct, server: Address, question: Question
) -> Waiting[dns.message.Message]:
    """The answer of `server` to `question`, by a datagram through the proxies of `route`.

    What is no answer to the question is passed over. Raises NoUdp; `dns.message.Truncated`;
    a SocksError.
    """
    family = family_of(server.host)
    if route is DIRECT:
        with Plain(family, socket.SOCK_DGRAM) as plain:
            plain.setblocking(False)
            return (yield from _datagrams(plain, server, question))
    with unassociated(route, family, ANYBODY, None) as sock:
        sock.setblocking(False)
        try:
            relay = yield from sock.opening()
        except SocksError as error:
            if _is_refusal(error):
                raise NoUdp from error
            raise
        try:
            sock.stand(relay)
            return (yield from _datagrams(sock, server, question))
        except OSError as error:
            if is_timeout(error):
                raise
            raise NoUdp from error


def _is_refusal(error: SocksError) -> bool:
    """Whether it is UDP that the proxy refuses, and not us, so that another try makes sense."""
    if isinstance(error, RemoteProtocolError):  # ssh -D hangs up
        return State.REPLY.value in str(error.strerror)
    return not isinstance(error, (AuthenticationError, HandshakeTimeout, ProxyConnectionError))


def _datagrams(
    sock: socket.socket, server: Address, question: Question
) -> Waiting[dns.message.Message]:
    sock.connect(server)  # what anybody else sends does not arrive
    yield from _when_ready(sock, partial(sock.send, question.wire), write=True)
    while True:
        data = yield from _when_ready(sock, partial(sock.recv, LARGEST))
        try:
            return question.read(data, udp=True)
        except dns.message.Truncated:
            raise
        except Exception:  # a forgery, perhaps: from_wire raises all kinds of errors
            continue


def over_stream(
    route: Chain | Direct,
    server: Address,
    question: Question,
    context: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
) -> Waiting[dns.message.Message]:
    """The answer of `server` to `question`, by a connection through the proxies of `route`.

    With `context` it speaks TLS, and the certificate is to have the name `server_hostname`.
    Raises EOFError where the server hangs up, a SocksError, what `ssl` raises, a
    `dns.exception.DNSException`. Source: RFC 7766 (TCP), RFC 7858 (TLS).
    """
    sock = yield from _connected(route, server)
    try:
        sock.setblocking(False)
        if context is not None:
            sock = tls = context.wrap_socket(
                sock, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            yield from _when_ready(sock, tls.do_handshake)
        rest = memoryview(len(question.wire).to_bytes(2, "big") + question.wire)
        while rest:
            rest = rest[(yield from _when_ready(sock, partial(sock.send, rest), write=True)) :]
        length = yield from _exactly(sock, 2)
        return question.read((yield from _exactly(sock, int.from_bytes(length, "big"))))
    finally:
        sock.close()


def _connected(route: Chain | Direct, server: Address) -> Waiting[socket.socket]:
    # Not `connect` of a driver: a BIND that follows does not expect the name server.
    if route is DIRECT:
        sock = yield from reach(server, make_unblocking)
        sock.setsockopt(*_NO_DELAY)
        return handed_out(sock)
    tunnel = yield from open_tunnel(route, server, make=make_unblocking, socket_options=[_NO_DELAY])
    return tunnel.plain()


def _exactly(sock: socket.socket, size: int) -> Waiting[bytes]:
    data = b""
    while len(data) < size:
        piece = yield from _when_ready(sock, partial(sock.recv, size - len(data)))
        if not piece:
            raise EOFError("the name server hung up")
        data += piece
    return data


def _when_ready(sock: socket.socket, call: Callable[[], T], write: bool = False) -> Waiting[T]:
    """What `call` returns, once it need not wait: to write, or to read."""
    while True:
        try:
            return call()
        except ssl.SSLWantWriteError:
            yield Wait((sock,), True)
        except ssl.SSLWantReadError:
            yield Wait((sock,))
        except BlockingIOError:
            yield Wait((sock,), write)
