"""What programs ask of names, put in questions to a resolver: steps, for both kinds of it.

Each step is a question, (name, type, seconds left), and gets its answer or dnspython's error.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from .._plain import family_of
from ..errors import SocksError
from ..protocol import Address
from ..tunnel import Deadline

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    T = TypeVar("T")

    Question: TypeAlias = tuple[dns.name.Name, dns.rdatatype.RdataType, float]
    Steps: TypeAlias = Generator[Question, dns.resolver.Answer, T]

_TYPES = {socket.AF_INET: dns.rdatatype.A, socket.AF_INET6: dns.rdatatype.AAAA}
_NONE = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)


def addresses(name: str, family: int, lifetime: float) -> Steps[list[str]]:
    """The addresses of `name`, as `Resolver.addresses` gives them.

    `family` is AF_INET, AF_INET6, or 0 for both; `lifetime`, in seconds, is for all. Raises
    `socket.gaierror`; ValueError for another family.
    """
    if family and family not in _TYPES:
        raise ValueError(f"family {family} is neither AF_INET, AF_INET6 nor 0")
    families = [socket.AddressFamily(family)] if family else list(_TYPES)
    try:
        host = Address(name, 0).host
        question = None if _is_literal(host) else dns.name.from_text(host)
    except (ValueError, dns.exception.DNSException) as error:
        raise socket.gaierror(socket.EAI_NONAME, f"this is no name: {error}") from None
    if question is None:
        if family_of(host) not in families:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is of the other family")
        return [host]
    deadline = Deadline(lifetime)
    found: list[str] = []
    failures: list[dns.exception.DNSException] = []
    for kind in families:
        try:
            answer = yield question, _TYPES[kind], deadline.left()
        except dns.exception.DNSException as error:
            failures.append(error)
            if isinstance(error, dns.resolver.NXDOMAIN):  # of whatever type
                break
        else:
            found += [record.address for record in answer]
    if not found:
        _fail(host, failures)
    return found


def name_of(address: str, lifetime: float) -> Steps[str | None]:
    """The name of `address`, as `Resolver.name_of` gives it; None where it has none.

    `lifetime` is in seconds. Raises `socket.gaierror`; ValueError where it is no IP address.
    """
    try:
        ip_address(address)
        question = dns.reversename.from_address(address)
    except (ValueError, dns.exception.DNSException):
        raise ValueError(f"{address!r} is no IP address") from None
    try:
        answer = yield question, dns.rdatatype.PTR, lifetime
    except _NONE:
        return None
    except dns.exception.DNSException as error:
        _fail(address, [error])
    target: dns.name.Name = answer[0].target
    return target.to_text(omit_final_dot=True)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _fail(name: str, failures: list[dns.exception.DNSException]) -> NoReturn:
    """Raises the error of getaddrinfo that the failures come to."""
    for failure in failures:
        if not isinstance(failure, _NONE):
            raise socket.gaierror(socket.EAI_AGAIN, f"{name}: {failure}") from _root(failure)
    raise socket.gaierror(socket.EAI_NONAME, f"{name}: {failures[0]}") from failures[0]


def _root(failure: dns.exception.DNSException) -> BaseException:
    """The last error of a proxy's among those that a resolver has collected, else `failure`."""
    for collected in reversed(getattr(failure, "kwargs", {}).get("errors") or ()):
        error = collected[3]
        for cause in (error, getattr(error, "__cause__", None)):
            if isinstance(cause, SocksError):
                return cause
    return failure
