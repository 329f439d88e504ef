"""Tor as a name server: the proxy itself says what a name's address is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

from ..errors import HostUnreachable, RemoteProtocolError
from ..protocol import Address, AddressType, Command
from ..route import DIRECT
from ..tunnel import open_tunnel
from ..tunnel.dial import make_unblocking
from .nameserver import ProxiedNameserver

if TYPE_CHECKING:
    from ..protocol import Reply
    from ..route import Chain, ProxyLike
    from ..tunnel.waiting import Waiting
    from .exchange import Question

# Tor does not say for how long its answers are good, in seconds.
TTL = 60

_TYPES = {
    dns.rdatatype.A: AddressType.IPV4,
    dns.rdatatype.AAAA: AddressType.IPV6,
    dns.rdatatype.PTR: AddressType.NAME,
}


class TorNameserver(ProxiedNameserver):
    """Tor's own resolver, by its extensions of SOCKS5: RESOLVE and RESOLVE_PTR.

    Parameters: `proxy`, as for `Nameserver`, but not `DIRECT`: Tor, or another one that knows
    these commands; of a chain it is the last one.

    It answers A, AAAA and PTR; other questions get NOTIMP, without one being put. Tor knows one
    address of a name: it has none of the other family. What it cannot resolve "does not exist"
    (NXDOMAIN), though it may be that Tor failed: it says the same of both. Such an answer is not
    cached, the others for 60 s, since Tor gives no TTL.

    Raises ValueError where `proxy` is malformed, `DIRECT`, or none is to be found. Source: tor's
    socks-extensions, section 2.
    """

    def __init__(self, proxy: ProxyLike = None) -> None:
        super().__init__(proxy)
        if self._route is DIRECT:
            raise ValueError("Tor's resolver is a proxy, and DIRECT is none")
        self._chain: Chain = self._route
        self.address, self.port = str(self._chain[-1]), self._chain[-1].port

    def __str__(self) -> str:
        return f"Tor:{self.address}"

    def kind(self) -> str:
        """What it is called where dnspython says "Do53"."""
        return "Tor"

    def _steps(self, question: Question, max_size: bool) -> Waiting[dns.message.Message]:
        (asked,) = question.request.question
        response = dns.message.make_response(question.request, recursion_available=True)
        request = _request(asked)
        if request is None:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        command, name = request
        try:
            tunnel = yield from open_tunnel(
                self._chain, Address(name, 0), make=make_unblocking, command=command
            )
        except HostUnreachable as error:
            if type(error) is not HostUnreachable:  # what is wrong with an onion service
                raise
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        tunnel.close()
        _add_answer(response, asked, self._found(tunnel.reply))
        return response

    def _found(self, reply: Reply) -> Address:
        found = reply.bound
        # All zeros say proxies that take every command for a CONNECT.
        if found is None or found.host in ("0.0.0.0", "::"):
            raise RemoteProtocolError("the reply to RESOLVE has no address", proxy=self._chain[-1])
        return found


def _request(asked: dns.rrset.RRset) -> tuple[Command, str] | None:
    """What to ask Tor, None where it knows nothing of that kind."""
    if asked.rdclass != dns.rdataclass.IN or asked.rdtype not in _TYPES:
        return None
    if asked.rdtype != dns.rdatatype.PTR:
        return Command.RESOLVE, asked.name.to_text(omit_final_dot=True)
    try:
        return Command.RESOLVE_PTR, dns.reversename.to_address(asked.name)
    except (dns.exception.DNSException, ValueError):  # no address's name
        return None


def _add_answer(response: dns.message.Message, asked: dns.rrset.RRset, found: Address) -> None:
    section, kind, text = response.answer, asked.rdtype, found.host
    if found.type is not _TYPES[asked.rdtype]:
        # There is none of the type, which may be remembered for as long (RFC 2308 section 5).
        section, kind, text = response.authority, dns.rdatatype.SOA, f". . 0 0 0 0 {TTL}"
    elif found.type is AddressType.NAME:
        try:
            text = dns.name.from_text(found.host).to_text()
        except dns.exception.DNSException as error:
            raise RemoteProtocolError(f"the reply to RESOLVE_PTR has no name: {error}") from None
    rrset = response.find_rrset(section, asked.name, asked.rdclass, kind, create=True)
    rrset.add(dns.rdata.from_text(asked.rdclass, kind, text), TTL)
