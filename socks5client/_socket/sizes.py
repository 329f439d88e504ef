"""What a drop-in UDP socket says of sizes, and lets be set (RFC 1928 section 7)."""

from __future__ import annotations

import errno
import os
import socket as _stdlib
from struct import pack

from .._plain import Plain
from ..protocol.association import MAX_PAYLOAD_IPV4, header_length
from ..protocol.datagram import MAX_PAYLOAD
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..protocol import Address, Association, Reassembler
    from ..tunnel.relay import Relay

_SPACES = ((_stdlib.SOL_SOCKET, _stdlib.SO_SNDBUF), (_stdlib.SOL_SOCKET, _stdlib.SO_RCVBUF))


class SizedSocket(socket):
    """The part of a `DatagramSocket` that knows what a header takes."""

    _codec: Association
    _relay: Relay | None = None
    _target: Address | None = None  # the peer, as the header has it
    _fragments = False

    @property
    def fragment_size(self) -> int | None:
        """The most payload bytes of a packet; a larger datagram is sent in fragments.

        None, the default: no fragments, and what is too large is an OSError with EMSGSIZE. So
        is a datagram of more than 127 fragments. Many proxies drop fragments.
        """
        return self._codec.fragment_size

    @fragment_size.setter
    def fragment_size(self, size: int | None) -> None:
        self._codec.fragment_size = size
        for twin in (self,) if self._relay is None else self._relay.users():
            twin._fragments = size is not None

    @property
    def reassembler(self) -> Reassembler:
        """What puts received fragments together; replace it for other limits."""
        return self._codec.reassembler

    @reassembler.setter
    def reassembler(self, reassembler: Reassembler) -> None:
        self._codec.reassembler = reassembler

    @property
    def dropped(self) -> int:
        """How many packets of the relay's were dropped: malformed, or fragments without rest."""
        return self._codec.dropped

    @property
    def max_datagram_size(self) -> int:
        """The most payload bytes of a datagram to the peer, or where there is none to anybody.

        RFC 1928 section 7: what the system has, less the header; with `fragment_size` what 127
        fragments hold.
        """
        relay = self._relay
        over_ipv6 = relay is not None and ":" in relay.address[0]
        packet = (MAX_PAYLOAD if over_ipv6 else MAX_PAYLOAD_IPV4) - self._overhead(prefix_only=True)
        return self._codec.max_datagram_size(self._target, packet)

    def _overhead(self, *, prefix_only: bool = False) -> int:
        """What every packet has besides the payload, in bytes."""
        prefix = 0 if self._relay is None else self._relay.overhead
        return prefix if prefix_only else prefix + header_length(self._target)

    def setsockopt(self, *args: Any) -> None:
        """As in the system, for the packets to the relay.

        Options of UDP itself (UDP_CORK, UDP_SEGMENT, ...) are refused: they would put several
        datagrams behind one header.
        """
        if args and args[0] == _stdlib.IPPROTO_UDP:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        Plain.setsockopt(self, *args)
        if self._relay is None:
            others = [option for option in self._options if option[:2] != args[:2]]
            self._options = (*others, args)

    def getsockopt(self, *args: Any) -> Any:
        """As in the system; of SO_SNDBUF and SO_RCVBUF the header's space is taken off.

        RFC 1928 section 7: by 10 bytes with an IPv4 peer, 22 with IPv6, 262 with a name or with
        none, and by what precedes that in a chain.
        """
        if args[:2] not in _SPACES:
            return Plain.getsockopt(self, *args)
        space = max(0, Plain.getsockopt(self, *args[:2]) - self._overhead())
        return space if len(args) == 2 else pack("i", space)[: args[2]]
