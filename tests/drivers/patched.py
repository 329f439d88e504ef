"""The sockets of `patch()`, whose methods a class of the tests' own has: the servers have not.

What is patched is all of a process, and the reference server runs in this one.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from socks5client._fakeip import MOST_NAMES, NETWORKS
from socks5client._patch.datagrams import change_over
from socks5client._patch.methods import methods
from socks5client._patch.patching import shim_of
from socks5client._plain import family_of
from socks5client.protocol import Address
from socks5client.recent import note_destination, recent
from socks5client.route import find_route
from tests.drivers.blocking import Listening
from tests.drivers.faces import ANYBODY, Udp
from tests.drivers.unblocking import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from socks5client._patch.shim import Shim
    from tests.drivers.faces import Connection, Meeting


@contextmanager
def _as_the_library() -> Iterator[None]:
    """The system has errors of its own for what cannot be an address."""
    try:
        yield
    except (OverflowError, TypeError, socket.gaierror) as error:
        is_text = isinstance(error, OverflowError) or "null character" in str(error)
        if is_text or isinstance(error.__context__, ValueError):
            raise ValueError(str(error)) from error
        raise


def shim_for(proxy: Any) -> Shim | None:
    """None for `DIRECT`."""
    return shim_of(find_route(proxy), None, None, False, True, None, NETWORKS, MOST_NAMES)


def make(shim: Shim | None, *args: Any) -> socket.socket:
    patched = {} if shim is None else methods(shim)
    cls = type("socket", (socket.socket,), {**patched, "__slots__": ()})
    made: socket.socket = cls(*args)
    return made


def blocking(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    sock = make(shim_for(proxy), family_of(str(address[0])))
    try:
        sock.settimeout(timeout)
        with _as_the_library():
            sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def unblocking(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    with _as_the_library():
        return connected(make(shim_for(proxy), family_of(str(address[0]))), address, timeout)


class _Udp(Udp):
    """What the drop-in has more than the system's sockets have, the delegate has."""

    def __init__(self, owner: socket.socket, shim: Shim, peer: Any, connected: bool) -> None:
        super().__init__(change_over(owner, shim), peer, connected)
        self._owner = owner

    def send(self, payload: bytes) -> None:
        with _as_the_library():
            if self._connected:
                assert self._owner.send(payload) == len(payload)
            else:
                assert self._owner.sendto(payload, self._peer) == len(payload)

    def receive(self) -> tuple[bytes, Any]:
        return self._owner.recvfrom(65535)


@contextmanager
def udp(
    proxy: Any,
    peer: Any,
    *,
    connected: bool,
    timeout: float = 5,
    fragment_size: int | None = None,
) -> Iterator[Udp]:
    shim = shim_for(proxy)
    assert shim is not None
    with make(shim, family_of(str(peer[0])), socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        opened = _Udp(sock, shim, peer, connected)
        opened.sock.fragment_size = fragment_size
        if connected:
            with _as_the_library():
                sock.connect(peer)
        yield opened


@contextmanager
def _after_connecting_to(peer: Any, shim: Shim) -> Iterator[None]:
    """A program can't say whom it expects, but by where it has connected to."""
    token = recent.set(())
    try:
        note_destination(shim.chain, Address.from_tuple(peer))
        yield
    finally:
        recent.reset(token)


def listener(expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5) -> Meeting:
    shim = shim_for(proxy)
    assert shim is not None
    sock = make(shim)
    try:
        sock.settimeout(timeout)
        sock.bind(("", 0))
        with _after_connecting_to(expected_peer, shim):
            sock.listen()
    except BaseException:
        sock.close()
        raise
    return Listening(sock)
