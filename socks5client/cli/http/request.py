"""The request that each hop is sent: curl's headers, in curl's order."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ... import __version__
from ..exitcodes import Exit, TransferError
from ..netrc import netrc_credentials
from ..options import UsageError
from ..ways import credentials
from .authentication import Login
from .conditions import TimeCondition, range_of
from .cookies import Jar, given
from .custom import custom_headers
from .decoding import ACCEPTED
from .multipart import Form
from .payload import payload_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..body import Body
    from ..options import Options
    from ..transfer import Transfer
    from ..urls import Url
    from .custom import Custom

Headers = list[tuple[bytes, bytes]]

_FORM = "application/x-www-form-urlencoded"
# Never sent to another origin than the first.
_SECRET = frozenset({"authorization", "cookie"})
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_BREAKS = re.compile(r"[\0\n\v\f\r]")
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Line(NamedTuple):
    """A header, and how it is written."""

    name: str
    value: str
    text: str

    @classmethod
    def of(cls, name: str, value: str) -> Line:
        return cls(name, value, f"{name}: {value}")


@dataclass(frozen=True)
class Request:
    """What to send next, and how an answer changes it.

    `kind` is GET, HEAD, POST, FORM or PUT, what -X says is only the word on the request line.
    `payload` is what there is to send, `body` what this request sends of it. `offset`: the bytes
    that -C leaves out.
    """

    kind: str
    url: Url
    first: Url
    payload: Body | None
    custom: tuple[Custom, ...] = field(repr=False)
    options: Options
    offset: int
    referer: str | None = field(repr=False)
    user: tuple[str, str] | None = field(repr=False)
    login: Login
    jar: Jar | None
    condition: TimeCondition | None

    @classmethod
    def first_of(cls, transfer: Transfer, offset: int) -> Request:
        """Reads what the options name. Raises UsageError, TransferError or an error of `Url`.

        `offset`: where -C resumes a download.
        """
        options, session = transfer.options, transfer.session
        if options.disallow_username_in_url and transfer.url.user is not None:
            raise TransferError(Exit.LOGIN_DENIED, "the URL has a user name, which is not allowed")
        # What comes from stdin is read once, and sent to every URL.
        key = id(options)
        custom = session.shared(("headers", key), lambda: custom_headers(options))
        if transfer.job.upload:
            resume = options.resume or ""
            offset = int(resume) if resume.isdigit() else 0
        kind, url, payload = payload_of(transfer, custom, offset)
        user = None
        if options.user is not None and options.oauth2_bearer is None:
            given_user = options.user
            user = session.shared(("user", given_user), lambda: credentials(given_user, "host"))
        referer = None if options.referer is None else options.referer.partition(";auto")[0]
        condition = session.shared(("condition", key), lambda: TimeCondition.of(options))
        jar = Jar.of(options, session)
        if offset and kind in ("POST", "FORM"):
            raise UsageError("-C resumes downloads and -T, not what -d or -F send")
        if options.http_version == "1.0" and payload is not None and payload.length is None:
            payload.close()
            raise TransferError(Exit.UPLOAD_FAILED, "HTTP/1.0 has no way to send what has no end")
        return cls(
            kind,
            url,
            url,
            payload,
            custom,
            options,
            offset,
            referer or None,
            user,
            Login(options),
            jar,
            condition,
        )

    @property
    def method(self) -> str:
        """The word on the request line."""
        return self.options.method or ("POST" if self.kind == "FORM" else self.kind)

    @property
    def target(self) -> str:
        """What the request line asks for."""
        return self.options.request_target or self.url.target

    @property
    def body(self) -> Body | None:
        """What is sent; a probe for how to authenticate goes without."""
        return None if self._probing else self.payload

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
        options, kind = self.options, self.kind
        posts = kind in ("POST", "FORM")
        stays = {301: options.post301, 302: options.post302, 303: options.post303}.get(status, True)
        if kind != "HEAD" and not (posts and stays) and (posts or status == 303):
            kind = "GET"
        if self.payload is not None and kind not in ("GET", "HEAD"):
            self.payload.rewind()
        url = self.url.follow(location, as_is=options.path_as_is)
        if options.disallow_username_in_url and url.user is not None:
            raise TransferError(Exit.LOGIN_DENIED, "the redirect has a user name in its URL")
        return replace(
            self,
            kind=kind,
            url=url,
            payload=None if kind in ("GET", "HEAD") else self.payload,
            referer=self._next_referer(),
        )

    def learn(self, headers: Headers) -> None:
        """Keeps the cookies of an answer."""
        if self.jar is not None:
            self.jar.learn(headers, *self._place())

    def again(self, status: int, headers: Headers) -> Request | None:
        """The same request, now that the server has said how to authenticate, if it has."""
        if self._credentials is None:
            return None
        due = self.login.refused(headers) if status == 401 else self._probing and status < 300
        if not due or (status != 401 and not self.login.accepted()):
            return None
        if self.payload is not None:
            self.payload.rewind()
        return replace(self, referer=self._next_referer())

    def unmet(self, status: int, last_modified: str) -> bool:
        """Whether -z leaves nothing of an answer's body."""
        if self.condition is None or self.options.range or self.offset or self.kind == "HEAD":
            return False
        return status == 304 or self.condition.unmet(last_modified)

    def headers(self) -> Headers:
        """What is sent, as HTTP's libraries want it: with a Host, and framed as it will be.

        Raises UsageError for what would end a line: the libraries' errors show it.
        """
        lines = [(line.name, line.value.strip(" \t")) for line in self._lines]
        for name, value in lines:
            if _BREAKS.search(value):
                raise UsageError(f"the header {name} would have a line end or a NUL in it")
        names = {name.lower() for name, _ in lines}
        if "host" not in names:
            lines.insert(0, ("Host", self.url.authority))
        if self.body is not None:
            framing = ("Transfer-Encoding", "chunked")
            if not self.chunked:
                framing = ("Content-Length", str(self.body.length))
            framed = [name.lower() in _FRAMING for name, _ in lines]
            place = framed.index(True) if True in framed else len(lines)
            others = [line for line in lines if line[0].lower() not in _FRAMING]
            lines = [*others[:place], framing, *others[place:]]
        return [(name.encode("ascii"), os.fsencode(value)) for name, value in lines]

    def written(self) -> Headers:
        """What is sent, as -v shows it."""
        return [(line.name.encode("ascii"), os.fsencode(line.value)) for line in self._lines]

    @property
    def version(self) -> str:
        """What HTTP/1 calls itself."""
        return "HTTP/1.0" if self.options.http_version == "1.0" else "HTTP/1.1"

    def head(self) -> bytes:
        """Request line and headers of HTTP/1, byte by byte: h11 would write them its own way."""
        first = f"{self.method} {self.target} {self.version}"
        texts = [first, *(line.text for line in self._lines)]
        return os.fsencode("\r\n".join(texts)) + b"\r\n\r\n"

    @cached_property
    def _lines(self) -> tuple[Line, ...]:
        """Made once: Digest counts what it signs."""
        return tuple(self._in_order())

    def _in_order(self) -> Iterator[Line]:
        """As curl: its own, then -H, then those of the body."""
        custom = [header for header in self.custom if self._may_send(header)]
        chosen = {header.name.lower() for header in custom}
        hosts = [header for header in custom if header.name.lower() == "host"]
        if not hosts:
            yield Line.of("Host", self.url.authority)
        elif hosts[0].value is not None:
            yield Line("Host", hosts[0].value, f"Host{hosts[0].text[4:]}")
        for name, value in self._before_custom():
            if name.lower() not in chosen:
                yield Line.of(name, value)
        if cookies := self._cookies("cookie" not in chosen):
            yield Line.of("Cookie", cookies)
        if self.condition is not None and self.condition.header[0].lower() not in chosen:
            yield Line.of(*self.condition.header)
        for header in custom:
            if header.value is not None and header not in hosts and not self._comes_later(header):
                yield Line(header.name, header.value, header.text)
        yield from self._after_custom(chosen)

    def _may_send(self, header: Custom) -> bool:
        name = header.name.lower()
        if name in _FRAMING and self.body is None and (self.url is not self.first or self.payload):
            return False  # it was meant for the body that the redirect dropped, or that comes later
        if name == "host":
            return self.url.host.lower() == self.first.host.lower()
        return self._trusted or name not in _SECRET

    def _comes_later(self, header: Custom) -> bool:
        return self.kind == "FORM" and header.name.lower() == "content-type"

    def _before_custom(self) -> Iterator[tuple[str, str]]:
        options = self.options
        user = self._credentials
        if user is not None:
            proof = self.login.header(*user, self.method, self.url.target)
            if proof is not None:
                yield "Authorization", proof
        extent = f"{self.offset}-" if self.offset else range_of(options)
        if self.kind in ("GET", "HEAD"):
            if extent is not None:
                yield "Range", f"bytes={extent}"
        elif content_range := self._content_range(extent):
            yield "Content-Range", content_range
        if options.user_agent != "":
            yield "User-Agent", options.user_agent or f"socks5-curl/{__version__}"
        yield "Accept", "*/*"
        if options.compressed:
            yield "Accept-Encoding", ACCEPTED
        if self.referer:
            yield "Referer", self.referer
        if self.chunked:
            yield "Transfer-Encoding", "chunked"

    def _content_range(self, extent: str | None) -> str | None:
        """For what is uploaded; of a form there are no parts."""
        if self.payload is None or self.kind == "FORM":
            return None
        size = -1 if self.payload.length is None else self.payload.length
        if self.options.resume == "-":
            return f"bytes 0-{size - 1}/{size}"
        if self.offset:
            return f"bytes {extent}{self.offset + size - 1}/{self.offset + size}"
        return None if extent is None else f"bytes {extent}/{size}"

    def _after_custom(self, chosen: set[str]) -> Iterator[Line]:
        probing = self._probing and self.payload is not None
        if probing:
            yield Line.of("Content-Length", "0")
        elif self.body is not None and not self.chunked and "content-length" not in chosen:
            yield Line.of("Content-Length", str(self.body.length))
        if self.kind == "POST" and "content-type" not in chosen:
            yield Line.of("Content-Type", _FORM)
        elif isinstance(self.payload, Form) and not probing:
            yield Line.of("Content-Type", self.payload.content_type)

    def _cookies(self, literal: bool) -> str:
        """Those of the jar, and what -b says."""
        texts = []
        if self.jar is not None and (kept := self.jar.header(*self._place())):
            texts.append(kept)
        if literal and self._trusted and (said := given(self.options)):
            texts.append(said)
        return "; ".join(texts)

    def _place(self) -> tuple[str, str, bool]:
        """Host, path and safety, as cookies mean them; the host may be that of -H."""
        hosts = [h.value for h in self.custom if h.name.lower() == "host" and self._may_send(h)]
        host = self.url.connect_host
        if hosts and hosts[0]:
            name = hosts[0]
            host = name[1:].partition("]")[0] if name[0] == "[" else name.partition(":")[0]
        return host, self.url.target.partition("?")[0], self.url.scheme == "https" or host in _HERE

    @property
    def _trusted(self) -> bool:
        """Whether this hop may see what was meant for the first one."""
        return self.options.location_trusted or self.url.origin == self.first.origin

    @cached_property
    def _probing(self) -> bool:
        """As it was when this request was made ready: the answer to it changes `login`."""
        if self.kind in ("GET", "HEAD") or not self.login.probing:
            return False
        return self._credentials is not None

    @cached_property
    def _credentials(self) -> tuple[str, str] | None:
        """Of -u, of a .netrc file for its host, or of the URL."""
        if self.login.needs_no_user:
            return ("", "") if self._trusted else None
        if self.user is not None:
            return self.user if self._trusted else None
        named = next((url for url in (self.url, self.first) if url.user is not None), None)
        if not self._trusted:
            named = None
        user = None if named is None else named.user
        password = None if named is None else named.password
        if self.options.netrc != "optional" or not (user and password):
            found = netrc_credentials(self.options, self.url.connect_host, user or None)
            if found is not None:
                return found
        return None if user is None else (user, password or "")

    def _next_referer(self) -> str | None:
        return str(self.url) if ";auto" in (self.options.referer or "") else self.referer
