"""URLs as curl reads them: what is sent is what was typed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import quote, unquote

import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "tftp": 69}
_PIPES = frozenset({"tcp", "udp"})  # the port has to be said
_GUESSES = {"ftp.": "ftp"}  # for a host without a scheme that begins so
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)")
_MOST_SLASHES = 3  # that people write behind a scheme


class UnsupportedScheme(Exception):
    """The URL's scheme is none that is spoken here, or not allowed."""


class MalformedUrl(Exception):
    """Not a URL, or not one that names a host."""


@dataclass(frozen=True)
class Url:
    """A URL in parts.

    `host` as it was typed (IPv6 in brackets), `port` None for the scheme's own, `target` what the
    request line holds: path and query. str() has neither user info nor fragment.
    """

    scheme: str
    host: str
    port: int | None
    target: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    fragment: str = ""

    @classmethod
    def parse(cls, text: str, default_scheme: str | None = None, *, as_is: bool = False) -> Url:
        """`default_scheme` is that of --proto-default, for a URL without one; `as_is`: dots stay.

        Raises UnsupportedScheme or MalformedUrl, whose text shows no user info.
        """
        if any(char <= " " or char == "\x7f" for char in text):
            raise MalformedUrl("the URL has a space or a control character")
        scheme, rest = _split_scheme(text) or (default_scheme or _guess(text), text)
        scheme = scheme.lower()
        if scheme not in _DEFAULT_PORTS and scheme not in _PIPES:
            raise UnsupportedScheme(f'the protocol "{scheme}" is not supported')
        rest, sharp, fragment = rest.partition("#")
        end = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
        user_info, at, location = rest[:end].rpartition("@")
        host, port = _split_port(location)
        path, question, query = rest[end:].partition("?")
        target = (path if as_is else _without_dots(path)) or "/"
        target += question + query
        user, _, password = user_info.partition(":")
        url = cls(
            scheme,
            host,
            port,
            _ascii(target),
            _decoded(user) if at else None,
            _decoded(password) if at else None,
            sharp + fragment,
        )
        url.as_httpx()
        if scheme in _PIPES and port is None:
            raise MalformedUrl(f"{scheme}:// needs a port: {scheme}://HOST:PORT")
        return url

    @property
    def effective_port(self) -> int:
        return self.port or _DEFAULT_PORTS[self.scheme]

    @property
    def connect_host(self) -> str:
        """The host as connections are made to it: in IDNA's form, IPv6 without brackets."""
        return self.as_httpx().raw_host.decode("ascii")

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: no default port."""
        host = self.host
        if not host.isascii() or "%" in host:
            host = self.connect_host
            host = f"[{host}]" if ":" in host else host
        default = self.port in (None, _DEFAULT_PORTS.get(self.scheme))
        return host if default else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are bound to."""
        return self.scheme, self.host.lower(), self.effective_port

    @property
    def effective(self) -> str:
        """As -w shows it: with the fragment, without a query or a fragment that is empty."""
        path, _, query = self.target.partition("?")
        shown = self if query else replace(self, target=path)
        return f"{shown}{self.fragment if self.fragment != '#' else ''}"

    @property
    def file_name(self) -> str:
        """The last part of the path, as -O names the file; "" where there is none."""
        return self.target.partition("?")[0].rpartition("/")[2]

    def as_httpx(self) -> httpx.URL:
        """For connecting; raises MalformedUrl where httpx finds the host impossible."""
        port = "" if self.port is None else f":{self.port}"
        try:
            url = httpx.URL(f"{self.scheme}://{self.host}{port}/")
            if not url.raw_host:
                raise MalformedUrl("the URL has no host")
        except (httpx.InvalidURL, ValueError, UnicodeError):
            raise MalformedUrl("the URL's host is malformed") from None
        return url

    def with_query(self, data: str) -> Url:
        """`data` added to the query, for -G. Raises MalformedUrl for what cannot stand there."""
        if any(char <= " " or char == "\x7f" for char in data):
            raise MalformedUrl("the data for the URL (-G) has a space or a control character")
        if "?" in self.target:
            joint = "" if self.target.endswith(("?", "&")) else "&"
        else:
            joint = "?" if data else ""
        data = _ESCAPE.sub(lambda match: match[0].lower(), data)  # as curl writes them
        return replace(self, target=_ascii(self.target + joint + data))

    def with_file_name(self, name: str) -> Url:
        """`name` added where the path ends in a slash, for -T."""
        path, question, query = self.target.partition("?")
        if not path.endswith("/"):
            return self
        return replace(self, target=path + quote(name, safe="") + question + query)

    def follow(self, location: str, *, as_is: bool = False) -> Url:
        """The URL that a Location header means, seen from this one."""
        location, sharp, fragment = location.strip().partition("#")
        path, question, query = location.partition("?")
        location = path.replace(" ", "%20") + question + query.replace(" ", "+")
        location = _ascii(location + sharp + fragment)
        if match := _SCHEME.match(location):
            if not match[2] and match[1].lower() in _DEFAULT_PORTS:
                raise MalformedUrl("the redirect's URL has no host")
            if not match[2]:
                raise UnsupportedScheme("the redirect leads to a protocol that is not supported")
        else:
            location = self._absolute(location)
        url = Url.parse(location, as_is=as_is)
        path, _, query = url.target.partition("?")
        return url if query else replace(url, target=path)  # curl drops an empty one here

    def _absolute(self, location: str) -> str:
        """RFC 3986 section 5.2.2, but for the dots; urljoin removes those, too."""
        if location.startswith("//"):
            return f"{self.scheme}:{location}"
        here = str(replace(self, target=""))
        path = self.target.partition("?")[0]
        if location.startswith("/"):
            return here + location
        if location.startswith("?"):
            return here + path + location
        if location.startswith("#") or not location:
            return f"{self}{location}"
        return here + path[: path.rindex("/") + 1] + location

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.target}"


def is_ipv6_literal(text: str) -> bool:
    """With a zone or without; no brackets."""
    return ":" in text and is_ip_literal(text)


def is_ip_literal(text: str) -> bool:
    """IPv4, or IPv6 with a zone or without; no brackets."""
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _split_scheme(text: str) -> tuple[str, str] | None:
    """Scheme, and what stands behind the slashes; None where there is no scheme."""
    match = _SCHEME.match(text)
    if match is None or not match[2]:
        return None
    if len(match[2]) > _MOST_SLASHES:
        raise MalformedUrl("the URL has too many slashes behind its scheme")
    return match[1], text[match.end() :]


def _decoded(text: str) -> str:
    """A user or a password: what it has must not end a line of any protocol."""
    decoded = unquote(text, errors="surrogateescape")
    if any(char < " " for char in decoded):
        raise MalformedUrl("the URL has a control character in its user or password")
    return decoded


def _guess(text: str) -> str:
    return next((s for start, s in _GUESSES.items() if text.lower().startswith(start)), "http")


def _ascii(text: str) -> str:
    """Escapes what is not ASCII and nothing else; in lower case, as curl does."""
    if text.isascii():
        return text
    return "".join(
        chr(byte) if byte < 0x80 else f"%{byte:02x}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def _split_port(location: str) -> tuple[str, int | None]:
    if location.startswith("["):
        literal, bracket, rest = location.partition("]")
        host, colon, port = literal + bracket, rest[:1], rest[1:]
        if not bracket or colon not in ("", ":"):
            raise MalformedUrl("the URL's IPv6 literal is malformed")
    else:
        host, colon, port = location.partition(":")
    if not host:
        raise MalformedUrl("the URL has no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit()) or int(port[:6]) > 0xFFFF:
        raise MalformedUrl("the URL's port is not a number up to 65535")
    return host, int(port)


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    if "." not in path:
        return path
    output: list[str] = []
    segments = path.split("/")[1:]
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "..":
            if output:
                output.pop()
        elif segment != ".":
            output.append(segment)
            continue
        if last:
            output.append("")
    return "/" + "/".join(output)
