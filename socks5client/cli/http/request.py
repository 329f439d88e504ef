"""The request that each hop is sent: curl's headers, in curl's order."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ... import __version__
from ..body import Body, read_data, read_file
from ..options import UsageError
from ..ways import credentials

if TYPE_CHECKING:
    from ..options import Options
    from ..transfer import Transfer
    from ..urls import Url

Headers = list[tuple[bytes, bytes]]

_FORM = "application/x-www-form-urlencoded"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Never sent to another origin than the first.
_SECRET = frozenset({"authorization", "cookie"})
_FRAMING = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True)
class Custom:
    """One -H: `value` None removes the header."""

    name: str
    value: str | None

    @classmethod
    def parse(cls, line: str) -> Custom:
        """ "Name: value", "Name:" or "Name;". Raises UsageError."""
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon and line.endswith(";"):
            name, value = line[:-1], ""
        elif not colon:
            raise UsageError("option -H: a header has no colon")
        elif not value:
            return cls(_name(name), None)
        if any(char in value for char in "\r\n\0"):
            raise UsageError("option -H: a header has a line end or a NUL")
        return cls(_name(name), value)


@dataclass(frozen=True)
class Request:
    """What to send next, and how a redirect changes it.

    `kind` is GET, HEAD, POST or PUT, what -X says is only the word on the request line.
    """

    kind: str
    url: Url
    first: Url
    body: Body | None
    custom: tuple[Custom, ...]
    options: Options
    user: tuple[str, str] | None
    referer: str | None
    offset: int

    @classmethod
    def first_of(cls, transfer: Transfer, offset: int) -> Request:
        """Reads what the options name. Raises UsageError, TransferError or an error of `Url`."""
        options, upload, url = transfer.options, transfer.job.upload, transfer.url
        custom = tuple(Custom.parse(line) for line in _header_lines(options))
        if any(header.name.lower() == "host" and not header.value for header in custom):
            raise UsageError("option -H: HTTP/1.1 does not go without a Host")
        kind, body = "GET", None
        if options.head:
            kind = "HEAD"
        if options.data:
            data = read_data(options.data)
            if options.get:
                url = url.with_query(os.fsdecode(data))
            else:
                kind, body = "POST", Body.from_data(data)
        elif upload:
            kind, body = "PUT", Body.from_upload(upload)
            if upload != "-":
                url = url.with_file_name(os.path.basename(upload))
        user = None if options.user is None else credentials(options.user, "host")
        referer = None if options.referer is None else options.referer.removesuffix(";auto")
        return cls(kind, url, url, body, custom, options, user, referer or None, offset)

    @property
    def method(self) -> str:
        """The word on the request line."""
        return self.options.method or self.kind

    @property
    def chunked(self) -> bool:
        """Whether the body is sent in chunks."""
        asked = any(
            header.name.lower() == "transfer-encoding" and "chunked" in (header.value or "").lower()
            for header in self.custom
        )
        return self.body is not None and (asked or self.body.length is None)

    def redirected(self, status: int, location: str) -> Request:
        """The request that follows. 303 turns all but HEAD into GET, 301 and 302 only POST."""
        kind = self.kind
        if (status == 303 and kind != "HEAD") or (status in (301, 302) and kind == "POST"):
            kind = "GET"
        referer = self.referer
        if (self.options.referer or "").endswith(";auto"):
            referer = str(self.url)
        return replace(
            self,
            kind=kind,
            url=self.url.follow(location),
            body=self.body if kind in ("POST", "PUT") else None,
            referer=referer,
        )

    def headers(self) -> Headers:
        """In the order of curl: its own, then -H, then those of the body."""
        custom = [header for header in self.custom if self._may_send(header)]
        chosen = {header.name.lower() for header in custom}
        hosts = [header for header in custom if header.name.lower() == "host"]
        lines = [("Host", self.url.authority)]
        if hosts:
            lines = [(hosts[-1].name, hosts[-1].value or "")]
        lines += [line for line in self._before_custom() if line[0].lower() not in chosen]
        lines += [(h.name, h.value) for h in custom if h.value is not None and h not in hosts]
        lines += [line for line in self._after_custom() if line[0].lower() not in chosen]
        return [(name.encode("ascii"), os.fsencode(value)) for name, value in lines]

    def _may_send(self, header: Custom) -> bool:
        name = header.name.lower()
        if name in _FRAMING and self.body is None and self.url is not self.first:
            return False  # it was meant for the body that the redirect dropped
        return self.url.origin == self.first.origin or name not in (*_SECRET, "host")

    def _before_custom(self) -> list[tuple[str, str]]:
        lines = []
        if (user := self._credentials()) is not None:
            secret = base64.b64encode(os.fsencode(":".join(user))).decode("ascii")
            lines.append(("Authorization", f"Basic {secret}"))
        if self.offset and self.kind in ("GET", "HEAD"):
            lines.append(("Range", f"bytes={self.offset}-"))
        agent = self.options.user_agent
        if agent != "":
            lines.append(("User-Agent", agent or f"socks5-curl/{__version__}"))
        lines.append(("Accept", "*/*"))
        if self.referer:
            lines.append(("Referer", self.referer))
        if self.chunked:
            lines.append(("Transfer-Encoding", "chunked"))
        return lines

    def _after_custom(self) -> list[tuple[str, str]]:
        lines = []
        if self.body is not None and not self.chunked:
            lines.append(("Content-Length", str(self.body.length)))
        if self.kind == "POST":
            lines.append(("Content-Type", _FORM))
        return lines

    def _credentials(self) -> tuple[str, str] | None:
        """Of -u, or of the URL; only for the origin of the first URL, as in curl."""
        if self.url.origin != self.first.origin:
            return None
        if self.user is not None:
            return self.user
        for url in (self.url, self.first):
            if url.user is not None:
                return url.user, url.password or ""
        return None


def _header_lines(options: Options) -> list[str]:
    lines: list[str] = []
    for line in options.headers:
        if line.startswith("@"):
            lines += [each for each in os.fsdecode(read_file(line[1:])).splitlines() if each]
        else:
            lines.append(line)
    return lines


def _name(name: str) -> str:
    if not name or not _TOKEN.issuperset(name):
        raise UsageError("option -H: a header's name is empty or has characters it cannot have")
    return name
