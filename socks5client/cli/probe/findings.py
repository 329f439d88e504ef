"""What a probe finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from ..exitcodes import Exit


class Verdict(Enum):
    """The answer to a question about the proxy."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"  # what it said, or did not say, leaves both possible
    UNTESTED = "not tested"


# key -> what it is called in the table. The keys are those of the JSON.
QUESTIONS = {
    "tcp": "Reachable",
    "tls": "TLS",
    "method_none": "Method: none",
    "method_password": "Method: username/password",
    "method_gssapi": "Method: GSSAPI",
    "authentication": "Authentication",
    "connect_name": "CONNECT to a name",
    "connect_ipv4": "CONNECT to IPv4",
    "connect_ipv6": "CONNECT to IPv6",
    "resolve": "RESOLVE (Tor)",
    "dns": "Resolves names",
    "bind": "BIND",
    "udp_associate": "UDP ASSOCIATE",
    "datagrams": "UDP datagrams",
    "fragments": "UDP fragments",
}


@dataclass(frozen=True)
class Finding:
    """One answer.

    `key` is one of QUESTIONS; `detail` one line, without secrets; `seconds` the round trip of
    the step; `reply` the REP of the proxy's reply; `address` the one that belongs to the answer,
    such as that of the relay.
    """

    key: str
    verdict: Verdict
    detail: str = ""
    seconds: float | None = None
    reply: int | None = None
    address: str | None = None

    @property
    def label(self) -> str:
        return QUESTIONS[self.key]


@dataclass
class Report:
    """All that was found of `proxies`, first hop first, the last of which is the one probed."""

    proxies: tuple[str, ...]
    code: Exit = Exit.OK
    findings: list[Finding] = field(default_factory=list)

    def is_yes(self, key: str) -> bool:
        """Whether the answer to that question is yes."""
        return any(each.key == key and each.verdict is Verdict.YES for each in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For `--probe --json`; docs/socks5-curl/probe.md says what the keys mean."""
        findings = {}
        for each in self.findings:
            values = asdict(each)
            del values["key"]
            values["verdict"] = each.verdict.value
            if each.seconds is not None:
                values["seconds"] = round(each.seconds, 6)
            findings[each.key] = values
        return {
            "proxy": self.proxies[-1],
            "through": list(self.proxies[:-1]),
            "reachable": self.is_yes("tcp"),
            "authenticated": self.is_yes("authentication"),
            "exit_code": int(self.code),
            "findings": findings,
        }
