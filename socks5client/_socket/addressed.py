"""The addresses of a drop-in UDP socket: whom it sends to, whom it hears, what it is called."""

from __future__ import annotations

import errno
import os
import socket as _stdlib
from ipaddress import IPv6Address

from .._plain import Plain
from ..protocol import Address, AddressType
from ..sync import run
from ..tunnel.dial import look_up
from .associated import AssociatedSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..tunnel.waiting import Waiting

_shutdown = Plain.shutdown


def unmapped(address: Address) -> Address:
    """IPv4 mapped into IPv6 as what it is."""
    mapped = IPv6Address(address.host).ipv4_mapped if address.host.startswith("::ffff:") else None
    return address if mapped is None else Address(str(mapped), address.port)


class AddressedSocket(AssociatedSocket):
    """What a `DatagramSocket` is, but for sending and receiving."""

    def connect(self, address: Any, /) -> None:
        """Sets the peer: whom `send` sends to, and whom alone datagrams are received from.

        A name that the proxy resolves has no address here: then datagrams from its port are
        received, whatever their address.
        """
        target = self._resolve(address)
        self._check_open()
        self._ready()
        relay = self._relay
        for twin in (self,) if relay is None else relay.users():
            twin._peer, twin._target = address, target
            twin._renew_peer()

    @property
    def resolves_here(self) -> bool:
        """Whether names are looked up here, as the URL of the proxy says; OSError for `DIRECT`."""
        return not self._chain()[-1].remote_dns

    def _resolve(self, address: Any) -> Address:
        """A destination as the header is to have it: IPv4 as itself, names as the URL says."""
        return run(self.resolving(address))

    def resolving(self, address: Any) -> Waiting[Address]:
        """Whom `address` means, for drivers that wait in their own way.

        `address` is ("host", port), or the four of IPv6. Raises a `gaierror` for a name that is
        looked up here and not known.
        """
        target = Address.from_tuple(address)
        if target.type is AddressType.NAME and self.resolves_here:
            target, *_ = yield from look_up(target, self.family, _stdlib.SOCK_DGRAM)
        return unmapped(target)

    def _is_from_peer(self, source: Address) -> bool:
        peer = self._target
        if peer is None or peer == source:
            return True
        return peer.type is AddressType.NAME and peer.port == source.port

    def _shape(self, source: Address) -> Any:
        """As the system gives a source: over an IPv6 socket also IPv4 is IPv6."""
        if self.family == _stdlib.AF_INET6 and source.type is AddressType.IPV4:
            return f"::ffff:{source.host}", source.port, 0, 0
        return source.to_tuple()

    def bind(self, address: Any, /) -> None:
        """Sets the local address that packets for the relay leave from."""
        if not self._replaced:
            Plain.bind(self, address)
            return
        with Plain(_stdlib.AF_INET, _stdlib.SOCK_DGRAM) as trial, self._as_it_is() as real:
            trial.bind((address[0], 0))  # the errors of the system
            if trial.getsockname()[0] != "0.0.0.0":
                raise OSError(errno.EADDRNOTAVAIL, "the proxy is reached by IPv6, not from there")
            real.bind(("::", address[1]))

    def getpeername(self) -> Any:
        """The peer as it was given to `connect`; `proxy_peername` is the relay."""
        self._check_open()
        if self._target is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if self._target.type is AddressType.IPV4:
            return self._shape(self._target)
        return super().getpeername()

    @property
    def proxy_peername(self) -> Any:
        """The address of the first proxy's relay."""
        with self._as_it_is() as real:
            return real.getpeername()

    @property
    def proxy_sockname(self) -> Any:
        """The local address of the packets to the relay."""
        return self.getsockname()

    def getsockname(self) -> Any:
        """The local address. What others see of the proxy's, a SOCKS5 proxy does not tell."""
        if not self._replaced:
            return Plain.getsockname(self)
        with self._as_it_is() as real:
            host, port = real.getsockname()[:2]
        if self.family == _stdlib.AF_INET6:
            return f"::ffff:{host}", port, 0, 0
        return "0.0.0.0", port  # the address is an IPv6 one

    def listen(self, *args: Any) -> None:
        """Not for UDP: OSError, as in the system."""
        Plain.listen(self, *args)

    def shutdown(self, how: int, /) -> None:
        """As in the system."""
        self._shut += (how,)
        _shutdown(self, how)
        if self._peer is None:  # connected to the relay, but not for the user
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
