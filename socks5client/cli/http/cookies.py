"""-b and -c: the cookies of a command, kept and sent as RFC 6265 says, and as curl does.

Not http.cookiejar: it adds ".local" to a host without a dot, knows neither __Host- nor __Secure-,
lets a cookie of http replace a secure one, reads and writes other files than curl, and sends
cookies in another order.

What it cannot tell is a public suffix of several labels, like co.uk: that takes a list that nobody
ships with Python. A suffix of one label is refused, and a cookie lives as long as the command, or
its file.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ..body import read_lines
from ..dates import parse_date
from ..exitcodes import TransferError
from ..output import write_text
from ..urls import is_ip_literal
from ..verbose import to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..jobs import Job
    from ..options import Options
    from ..session import Session

_FILE_HEAD = (
    "# Netscape HTTP Cookie File\n"
    "# https://curl.se/docs/http-cookies.html\n"
    "# Written by socks5-curl: it will be written anew.\n\n"
)
_HTTP_ONLY = "#HttpOnly_"
_FOREVER = 2**63 - 1
_MOST_IN_ANSWER = 50
_MOST_IN_REQUEST = 150
_LONGEST_HEADER = 8190
_LONGEST_LINE = 5000
_LONGEST_NAME = 4096
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_PART = re.compile(r"[ \t]*([^;\t\r\n=]*)(?:=([^;\r\n]*))?")


@dataclass
class Cookie:
    """`domain` in lower case, without a dot in front; `tail`: for hosts below it, too.

    `expires`: seconds since 1970, 0 for a cookie of this session; `path` as it was said.
    """

    name: str
    value: str = field(repr=False)
    domain: str
    tail: bool
    path: str
    secure: bool = False
    http_only: bool = False
    expires: int = 0
    live: bool = False  # from an answer, not from a file
    born: int = 0

    @property
    def clean_path(self) -> str:
        """RFC 6265 section 5.2.4; without quotes, and without a slash at the end."""
        path = self.path.removeprefix('"').removesuffix('"')
        return path.removesuffix("/") if path.startswith("/") else "/"

    def belongs(self, host: str, path: str, secure: bool) -> bool:
        """Whether a request may have it."""
        if self.secure and not secure:
            return False
        if not (_below(host, self.domain) if self.tail else host == self.domain):
            return False
        prefix = self.clean_path
        return len(prefix) <= 1 or path == prefix or path.startswith(f"{prefix}/")

    def line(self) -> str:
        """As the file has it."""
        fields = (
            (_HTTP_ONLY if self.http_only else "") + ("." if self.tail else "") + self.domain,
            str(self.tail).upper(),
            self.path,
            str(self.secure).upper(),
            str(self.expires),
            self.name,
            self.value,
        )
        return "\t".join(fields) + "\n"


class Jar:
    """All cookies of a command; for several threads."""

    def __init__(self) -> None:
        self._cookies: list[Cookie] = []
        self._lock = threading.Lock()
        self._born = 0

    @classmethod
    def of(cls, options: Options, session: Session) -> Jar | None:
        """That of the command, with the cookies of the files that the options name.

        None where they name none: then cookies are neither kept nor sent.
        """
        files = [text.removeprefix("@") for text in options.cookies if not _is_data(text)]
        if not files and options.cookie_jar is None:
            return None
        jar: Jar = session.shared("cookies", cls)
        for name in files:
            session.shared(("cookies", name), partial(jar.load, name, options.junk_session_cookies))
        return jar

    def load(self, name: str, new_session: bool) -> None:
        """Netscape's format, or lines as of headers; a file that cannot be read has none."""
        if not name:
            return
        try:
            lines = read_lines(name)
        except TransferError as error:
            to_stderr(f"socks5-curl: no cookies: {error}")
            return
        for line in lines:
            if line[:11].lower() == "set-cookie:":
                cookie = _parse_header(line[11:], "", "/")
            else:
                cookie = _parse_line(line)
            if cookie is not None and cookie.domain and (cookie.expires or not new_session):
                with self._lock:
                    self._add(cookie, secure=True)

    def learn(
        self, headers: Iterable[tuple[bytes, bytes]], host: str, path: str, secure: bool
    ) -> None:
        """The Set-Cookie headers of an answer of `host`."""
        lines = [value for name, value in headers if name.lower() == b"set-cookie"]
        for line in lines[:_MOST_IN_ANSWER]:
            cookie = _parse_header(os.fsdecode(line), host.lower(), path)
            if cookie is not None and (secure or not cookie.secure):
                cookie.live = True
                with self._lock:
                    self._add(cookie, secure=secure)

    def header(self, host: str, path: str, secure: bool) -> str:
        """What a Cookie header to `host` says: the longest paths first; "" for none."""
        with self._lock:
            self._drop_expired()
            fitting = [c for c in self._cookies if c.belongs(host.lower(), path, secure)]
        fitting = fitting[:_MOST_IN_REQUEST]
        fitting.sort(key=lambda c: (len(c.path), len(c.domain), len(c.name), c.born), reverse=True)
        text = ""
        for cookie in fitting:
            more = f"{'; ' if text else ''}{cookie.name}={cookie.value}"
            if len(text) + len(more) > _LONGEST_HEADER:
                break
            text += more
        return text

    def text(self) -> str:
        """The file of -c."""
        with self._lock:
            self._drop_expired()
            newest_first = sorted(self._cookies, key=lambda cookie: -cookie.born)
            return _FILE_HEAD + "".join(cookie.line() for cookie in newest_first)

    def _add(self, cookie: Cookie, *, secure: bool) -> None:
        self._drop_expired()
        self._born += 1
        cookie.born = self._born
        same_name = [
            old
            for old in self._cookies
            if (old.name.lower(), old.domain) == (cookie.name.lower(), cookie.domain)
        ]
        for old in same_name:
            if old.secure and not cookie.secure and not secure and _shadows(old, cookie):
                return
        for old in same_name:
            if old.tail == cookie.tail and old.clean_path.lower() == cookie.clean_path.lower():
                if old.live and not cookie.live:
                    return
                cookie.born = old.born
                self._cookies[self._cookies.index(old)] = cookie
                break
        else:
            self._cookies.append(cookie)
        self._drop_expired()

    def _drop_expired(self) -> None:
        now = time.time()
        self._cookies = [c for c in self._cookies if not c.expires or c.expires >= now]


def given(options: Options) -> str:
    """What -b says literally: "a=1;b=2"."""
    return ";".join(text for text in options.cookies if _is_data(text))


def save(job: Job, session: Session) -> None:
    """-c: all cookies, after a transfer. Raises TransferError where stdout is gone."""
    name = job.options.cookie_jar
    jar = None if name is None else Jar.of(job.options, session)
    if name is None or jar is None:
        return
    if name == "-":
        write_text(jar.text())
        return
    try:
        _replace(name, os.fsencode(jar.text()))
    except OSError as error:
        to_stderr(f"socks5-curl: cannot write cookies to {name}: {error.strerror or error}")


def _replace(name: str, data: bytes) -> None:
    """At once, where it is a file; who has no file yet gets one that only the user may read."""
    try:
        status = os.stat(name)
    except FileNotFoundError:
        mode = 0o600
    else:
        if not stat.S_ISREG(status.st_mode):
            with open(name, "wb") as special:
                special.write(data)
            return
        mode = stat.S_IMODE(status.st_mode)
    name = os.path.realpath(name)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(name))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, name)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _is_data(text: str) -> bool:
    return "=" in text and not text.startswith("@")


def _below(host: str, domain: str) -> bool:
    """Nothing is below a domain of one label: those are public suffixes."""
    return host == domain or ("." in domain.strip(".") and host.endswith(f".{domain}"))


def _shadows(old: Cookie, new: Cookie) -> bool:
    """Whether `new` would hide the secure cookie `old`: it lies in the same first folder."""
    first = "/".join(old.clean_path.split("/")[:2])
    return new.clean_path.lower().startswith(first.lower())


def _parse_header(text: str, host: str, path: str) -> Cookie | None:
    """A Set-Cookie header of `host`; of a file where that is "". None: not a cookie, or not his."""
    if len(text) > _LONGEST_LINE:
        return None
    parts = [(m[1].strip(" \t"), m[2]) for m in map(_PART.match, text.split(";")) if m]
    name, value = parts[0]
    if value is None or not name or "\t" in value.strip(" \t"):
        return None
    value = value.strip(" \t")
    if _CONTROL.search(name + value) or len(name) + len(value) > _LONGEST_NAME:
        return None
    folder = path.partition("?")[0]
    cookie = Cookie(name, value, host, False, folder[: folder.rfind("/") + 1] or "/")
    domain = max_age = expires = ""  # of each the last one counts
    for word, given_value in parts[1:]:
        key, said = word.lower(), (given_value or "").strip(" \t")
        if key == "secure" and not said:
            cookie.secure = True
        elif key == "httponly" and not said:
            cookie.http_only = True
        elif key == "path" and given_value is not None:
            cookie.path = said
        elif key == "domain" and said:
            domain = said.removeprefix(".").lower()
            if host and not f".{host}".endswith(f".{domain}"):  # foreign, whatever follows
                return None
        elif key == "max-age" and given_value is not None:
            max_age = said
        elif key == "expires" and given_value is not None:
            expires = said
    if domain:
        if not _may_set(host, domain):
            return None
        cookie.domain, cookie.tail = domain, not is_ip_literal(domain)
    if "\t" in cookie.path or _CONTROL.search(cookie.path):
        return None  # in the file of -c it would be other fields
    cookie.expires = _end(max_age, expires)
    return cookie if _keeps_its_prefix(cookie) else None


def _may_set(host: str, domain: str) -> bool:
    """Whether `host` may set a cookie for all of `domain`."""
    if not host or host == domain:
        return True
    return not is_ip_literal(host) and _below(host, domain)


def _end(max_age: str, expires: str) -> int:
    if max_age:
        match = re.match(r'"?(\d+)', max_age, re.ASCII)
        if match is None or not int(match[1]):
            return 1
        return min(int(time.time()) + int(match[1]), _FOREVER)
    when = parse_date(expires) if expires else None
    if when is None or when < 0:
        return 0
    return when or 1


def _parse_line(line: str) -> Cookie | None:
    """A line of Netscape's format."""
    http_only = line.startswith(_HTTP_ONLY)
    line = line.removeprefix(_HTTP_ONLY)
    fields = line.split("\t")
    if len(fields) == 7 and not fields[4]:
        fields[4] = "0"  # as the standard library writes what has no end
    fields = [field for field in fields if field]  # as curl, to which several tabs are one
    if line.startswith("#") or not fields:
        return None
    if len(fields) > 2 and fields[2] in ("TRUE", "FALSE"):
        fields.insert(2, "/")
    if len(fields) == 6:
        fields.append("")
    if len(fields) != 7 or not re.fullmatch(r"-?\d+", fields[4], re.ASCII):
        return None
    domain, tail, path, secure, expires, name, value = fields
    cookie = Cookie(
        name,
        value,
        domain.removeprefix(".").lower(),
        tail.lower() == "true",
        path,
        secure.lower() == "true",
        http_only,
        min(int(expires), _FOREVER),
    )
    sound = _keeps_its_prefix(cookie) and not _CONTROL.search(name + value)
    return cookie if sound else None


def _keeps_its_prefix(cookie: Cookie) -> bool:
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.secure and cookie.path == "/" and not cookie.tail
    return cookie.secure or not name.startswith("__secure-")
