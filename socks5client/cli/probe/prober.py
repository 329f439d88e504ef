"""The questions, one after the other, each on a connection of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import REPLY_ERRORS, NoAcceptableMethodError
from ...handshake import TlsEstablished
from ...protocol import Address, Authenticated, Command, Method, MethodSelection, Reply
from ...tunnel.rendezvous import ANYBODY
from ..exitcodes import Exit, Stage
from ..explain import explain
from ..sockets import maker
from .conversation import Conversation, OfferedAlone, Selected
from .findings import QUESTIONS, Finding, Report, Verdict
from .relayed import try_datagrams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...handshake import Trace
    from ...proxy import Proxy
    from ...route import Chain
    from ..options import Options
    from .targets import Targets

# For each step, in seconds, unless --connect-timeout says otherwise.
STEP = 10.0
_METHODS = {
    "method_none": Method.NO_AUTHENTICATION,
    "method_password": Method.USERNAME_PASSWORD,
    "method_gssapi": Method.GSSAPI,
}
_METHOD_NAMES: dict[int, str] = {
    Method.NO_AUTHENTICATION: "none",
    Method.USERNAME_PASSWORD: "username/password",
    Method.GSSAPI: "GSSAPI",
}
# A proxy that says "refused by the target" has tried; the rest may be about the destination.
_SAID_BY_A_REFUSAL = {0x05: Verdict.YES, 0x07: Verdict.NO, 0x08: Verdict.NO}
_BOUND = {"bind": "listens at", "udp_associate": "relay at"}
_OUT_OF_TIME = "no time is left"


class Prober:
    """Asks the last proxy of `chain`; the ones before it only lead there.

    `findings` fills `report`, one question after the other; `trace` is told of all handshakes.
    """

    def __init__(self, chain: Chain, targets: Targets, options: Options, trace: Trace) -> None:
        # Which names it takes is asked of the proxy, whoever resolves them otherwise.
        self._chain = (*chain[:-1], chain[-1].replace(remote_dns=True))
        self._resolves_here = not chain[-1].remote_dns
        self._targets = targets
        self._make = maker(options, lambda sock: None)
        self._trace = trace
        self._step = options.connect_timeout or STEP
        self._end = None if options.max_time is None else time.monotonic() + options.max_time
        self.report = Report(tuple(map(str, chain)))

    @property
    def proxy(self) -> Proxy:
        return self._chain[-1]

    def findings(self) -> Iterator[Finding]:
        """Each as soon as it is known, in the order of QUESTIONS."""
        for finding in self._ask():
            self.report.findings.append(finding)
            yield finding

    def _ask(self) -> Iterator[Finding]:
        first = self._converse(Command.CONNECT, self._targets.name[0])
        if first is None:
            self.report.code = Exit.TIMEOUT
            yield from _untested(QUESTIONS, _OUT_OF_TIME)
            return
        if first.error is not None and first.last(Authenticated) is None:
            told = explain(first.error, Stage.CONNECT, proxied=True, send_failed=False)
            self.report.code = told.code
        yield _reached(first, len(self._chain))
        if first.reached is None:
            yield from _untested([key for key in QUESTIONS if key != "tcp"], "it is out of reach")
            return
        yield self._tls(first)
        if self.proxy.tls and first.tls is None:
            rest = [key for key in QUESTIONS if key not in ("tcp", "tls")]
            yield from _untested(rest, "there is no TLS")
            return
        for key, code in _METHODS.items():
            yield self._offer(key, code)
        yield _authenticated(first)
        if first.last(Authenticated) is None:
            begun = list(QUESTIONS).index("authentication") + 1
            yield from _untested(list(QUESTIONS)[begun:], "not authenticated")
            return
        yield from self._commands(first)

    def _commands(self, first: Conversation) -> Iterator[Finding]:
        name = _replied("connect_name", self._targets.name[0], first)
        if _says_nothing(name) and len(self._targets.name) > 1:
            name = self._connect("connect_name", self._targets.name[1:])
        yield name
        yield self._connect("connect_ipv4", self._targets.ipv4)
        yield self._connect("connect_ipv6", self._targets.ipv6)
        resolved = self._request("resolve", Command.RESOLVE, self._targets.name[0])
        if resolved.verdict is Verdict.YES and resolved.address is None:
            # A proxy that takes all commands for CONNECT has no address to tell.
            resolved = replace(resolved, verdict=Verdict.UNCLEAR)
        yield resolved
        yield self._dns(name, resolved)
        yield self._request("bind", Command.BIND, ANYBODY)
        association = self._converse(Command.UDP_ASSOCIATE, ANYBODY)
        if association is None:
            yield from _untested(["udp_associate", "datagrams", "fragments"], _OUT_OF_TIME)
            return
        yield _replied("udp_associate", None, association)
        yield from try_datagrams(
            self._chain, self._targets.datagrams, association, self._make, self._time_for_step
        )

    def _time_for_step(self) -> float:
        """Seconds for the next step; 0: no time is left."""
        if self._end is None:
            return self._step
        return max(0.0, min(self._step, self._end - time.monotonic()))

    def _converse(
        self, command: Command, target: Address, chain: Chain | None = None
    ) -> Conversation | None:
        """None where no time is left for it."""
        timeout = self._time_for_step()
        if not timeout:
            return None
        return Conversation(chain or self._chain, command, target, timeout, self._make, self._trace)

    def _tls(self, first: Conversation) -> Finding:
        if not self.proxy.tls:
            return Finding("tls", Verdict.UNTESTED, "the URL says none")
        established = first.last(TlsEstablished)
        if established is None:
            return Finding("tls", Verdict.NO, first.reason)
        return Finding("tls", Verdict.YES, established.description, first.tls)

    def _offer(self, key: str, code: int) -> Finding:
        """Whether the proxy selects a method that is offered alone; no credentials are sent."""
        last = self.proxy.replace(auth=OfferedAlone(code))
        offer = self._converse(Command.CONNECT, self._targets.name[0], (*self._chain[:-1], last))
        if offer is None:
            return Finding(key, Verdict.UNTESTED, _OUT_OF_TIME)
        if isinstance(offer.error, Selected):
            return Finding(key, Verdict.YES, "", offer.selection)
        selection = offer.last(MethodSelection)
        if isinstance(offer.error, NoAcceptableMethodError) and selection is not None:
            refused = selection.method == Method.NO_ACCEPTABLE
            detail = "" if refused else f"it chose {selection.method:#04x} instead"
            return Finding(key, Verdict.NO, detail, offer.selection)
        return Finding(key, Verdict.UNCLEAR, offer.reason)

    def _connect(self, key: str, targets: Sequence[Address]) -> Finding:
        """By the first of `targets` whose reply says something."""
        for target in targets:
            finding = self._request(key, Command.CONNECT, target)
            if not _says_nothing(finding):
                break
        return finding

    def _request(self, key: str, command: Command, target: Address) -> Finding:
        conversation = self._converse(command, target)
        if conversation is None:
            return Finding(key, Verdict.UNTESTED, _OUT_OF_TIME)
        return _replied(key, target if command is Command.CONNECT else None, conversation)

    def _dns(self, name: Finding, resolved: Finding) -> Finding:
        if Verdict.YES in (name.verdict, resolved.verdict):
            here = "but the URL, socks5://, has them resolved here" if self._resolves_here else ""
            return Finding("dns", Verdict.YES, here)
        if name.reply == 0x08:
            return Finding("dns", Verdict.NO, "it takes addresses only: use socks5://")
        return Finding("dns", Verdict.UNCLEAR, "it has connected to no name")


def _says_nothing(finding: Finding) -> bool:
    """Whether there is a reply that may be about the destination alone."""
    return finding.verdict is Verdict.UNCLEAR and finding.reply is not None


def _reached(first: Conversation, proxies: int) -> Finding:
    if first.reached is None:
        return Finding("tcp", Verdict.NO, first.reason)
    if proxies > 1:
        before = "one proxy" if proxies == 2 else f"{proxies - 1} proxies"
        return Finding("tcp", Verdict.YES, f"through {before}", first.reached)
    return Finding("tcp", Verdict.YES, f"at {first.place}", first.reached, address=first.place)


def _authenticated(first: Conversation) -> Finding:
    done = first.last(Authenticated)
    if done is None:
        reason = first.reason
        selection = first.last(MethodSelection)
        if selection is not None and selection.method == Method.NO_ACCEPTABLE:
            reason = "it accepts none of the methods that URL and options allow"
        return Finding("authentication", Verdict.NO, reason)
    if done.method == Method.NO_AUTHENTICATION:
        return Finding("authentication", Verdict.YES, "none is needed")
    method = _METHOD_NAMES.get(done.method, f"method {done.method:#04x}")
    return Finding("authentication", Verdict.YES, f"by {method}", first.authentication)


def _replied(key: str, target: Address | None, conversation: Conversation) -> Finding:
    """What the reply to a request says of the question `key`."""
    asked = "" if target is None else f"{target}: "
    reply, code = conversation.reply, conversation.refusal
    if conversation.error is None and reply is not None:
        detail, address = _bound(key, reply)
        return Finding(key, Verdict.YES, asked + detail, conversation.answer, 0, address)
    if code is None:
        return Finding(key, Verdict.UNCLEAR, f"{asked}{conversation.reason}")
    known = REPLY_ERRORS.get(code)
    detail = f"{asked}{known[2] if known else 'unknown reply'} ({code:#04x})"
    verdict = _SAID_BY_A_REFUSAL.get(code, Verdict.UNCLEAR)
    return Finding(key, verdict, detail, conversation.answer, code)


def _bound(key: str, reply: Reply) -> tuple[str, str | None]:
    """What BND of a reply of success means, and the address, where it is one."""
    bound = reply.bound
    if key == "resolve":
        known = bound is not None and bound.host not in ("0.0.0.0", "::")
        address = bound.host if bound is not None and known else None
        return f"its address is {address}" if known else "a reply without an address", address
    if bound is not None and bound.is_usable:
        return f"{_BOUND.get(key, 'connected from')} {bound}", str(bound)
    if key == "udp_associate":
        return f"relay at its port {reply.port}", None
    return "succeeded", None


def _untested(keys: Iterable[str], why: str) -> Iterator[Finding]:
    for key in keys:
        yield Finding(key, Verdict.UNTESTED, why)
