"""Whether datagrams pass the relay, whole and in fragments."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..._plain import Plain, family_of
from ...protocol import Address
from ..associating import associated
from .findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...route import Chain
    from .conversation import Conversation

# How long an answer may take before the datagram is sent again, and how often it is, in seconds.
_PATIENCE = 1.0
_TRIES = 3
_FRAGMENT = 16
_DNS, _STUN = 53, (3478, 19302)


def try_datagrams(
    chain: Chain,
    target: Address | None,
    association: Conversation,
    make: Callable[[int], socket.socket],
    time_for_step: Callable[[], float],
) -> Iterator[Finding]:
    """Two findings: whole datagrams, and fragments of them (RFC 1928 section 7).

    They go to `target`, or to a socket here where the proxy can reach one. `association` is the
    conversation that UDP ASSOCIATE was tried in; `make` makes the sockets to the proxy.
    """
    why = _hindrance(chain, target, association)
    with ExitStack() as stack:
        echo = None
        if why is None and target is None:
            host = _own_address(association)
            try:
                echo = stack.enter_context(Plain(family_of(host), socket.SOCK_DGRAM))
                echo.bind((host, 0))
                target = Address(host, echo.getsockname()[1])
            except OSError as error:
                why = f"no socket here: {error.strerror}"
        if why is not None or target is None:
            yield Finding("datagrams", Verdict.UNTESTED, why or "")
            yield Finding("fragments", Verdict.UNTESTED, why or "")
            return
        relay = partial(associated, chain, make=make)
        whole = _exchange("datagrams", relay, target, echo, time_for_step())
        yield whole
        if whole.verdict is not Verdict.YES:
            yield Finding("fragments", Verdict.UNTESTED, "whole ones are not answered")
            return
        relay = partial(relay, fragment_size=_FRAGMENT)
        pieces = _exchange("fragments", relay, target, echo, time_for_step())
        if pieces.verdict is Verdict.UNCLEAR and pieces.seconds is None:
            detail = f"{target}: no answer to fragments, but to whole datagrams"
            pieces = Finding("fragments", Verdict.NO, detail)
        yield pieces


def _hindrance(chain: Chain, target: Address | None, association: Conversation) -> str | None:
    """Why datagrams are not tried; None: they are."""
    if association.error is not None:
        return "there is no association"
    if any(proxy.tls for proxy in chain):
        return "TLS with the proxy does not protect datagrams: they are refused here"
    if target is not None:
        return None
    if len(chain) > 1:
        return "name somebody who answers: udp://HOST:PORT"
    if not _can_be_reached(association):
        return "the proxy may not reach this machine: name somebody who answers, udp://HOST:PORT"
    return None


def _own_address(association: Conversation) -> str:
    """Where the proxy reaches this machine, as far as the connection to it tells."""
    return "127.0.0.1" if association.local is None else association.local[0].partition("%")[0]


def _can_be_reached(association: Conversation) -> bool:
    """Whether our own address means this machine to the proxy as well: no NAT between."""
    if association.local is None or association.peer is None:
        return True  # a unix socket
    here, there = (
        ip_address(host.partition("%")[0]) for host, _ in (association.local, association.peer)
    )
    if here.is_link_local:
        return False
    return here.is_global or (here.is_private and there.is_private)


def _exchange(
    key: str,
    relay: Callable[..., socket.socket],
    target: Address,
    echo: socket.socket | None,
    timeout: float,
) -> Finding:
    """Sends a datagram through a relay until it is answered."""
    if not timeout:
        return Finding(key, Verdict.UNTESTED, "no time is left")
    end = time.monotonic() + timeout
    payload = _question(target.port, is_ours=echo is not None)
    try:
        with relay(timeout=timeout) as sock:
            for _ in range(_TRIES):
                began = time.monotonic()
                sock.sendto(payload, tuple(target))
                arrived, answered = _await_answer(sock, echo, payload, min(end, began + _PATIENCE))
                if answered:
                    seconds = time.monotonic() - began
                    return Finding(key, Verdict.YES, f"{target}: answered", seconds)
                if arrived:
                    detail = f"{target}: it arrived, but the answer did not come back"
                    return Finding(key, Verdict.NO, detail, time.monotonic() - began)
                if time.monotonic() >= end:
                    break
    except OSError as error:
        return Finding(key, Verdict.UNCLEAR, f"{target}: {error.strerror or error}")
    return Finding(key, Verdict.UNCLEAR, f"{target}: no answer")


def _await_answer(
    sock: socket.socket, echo: socket.socket | None, payload: bytes, end: float
) -> tuple[bool, bool]:
    """Whether the datagram has arrived at `echo`, and whether an answer has come to `sock`."""
    arrived = False
    sock.settimeout(0)
    watched: list[socket.socket] = [sock] if echo is None else [sock, echo]
    while (left := end - time.monotonic()) > 0:
        ready = select.select(watched, [], [], left)[0]
        if echo is not None and echo in ready:
            data, sender = echo.recvfrom(65535)
            if data == payload:
                arrived = True
                echo.sendto(data, sender)
        if sock in ready:
            try:
                answer = sock.recv(65535)
            except BlockingIOError:
                continue  # a fragment, or nothing of ours
            if echo is None or answer == payload:
                return True, True
    return arrived, False


def _question(port: int, *, is_ours: bool) -> bytes:
    """What is likely to be answered at `port`: by a name server, STUN, or an echo."""
    if not is_ours and port == _DNS:
        # The name servers of the root, recursion desired.
        return os.urandom(2) + bytes.fromhex("0100 0001 0000 0000 0000 00 0002 0001")
    if not is_ours and port in _STUN:
        return bytes.fromhex("0001 0000 2112a442") + os.urandom(12)
    return b"socks5-curl --probe " + os.urandom(16).hex().encode()
