"""DNS over HTTPS through a proxy."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .nameserver import ProxiedNameserver, place

if TYPE_CHECKING:
    import dns.message

    from ..protocol import Address
    from ..route import ProxyLike
    from ..tunnel import Deadline
    from .exchange import Question


class DoHNameserver(ProxiedNameserver):
    """A name server that is asked by DNS over HTTPS, through a SOCKS5 proxy; POST, no redirects.

    Parameters:
        url: such as "https://dns.example/dns-query"; the proxy looks up the host, if it is a name.
        proxy: as for `Nameserver`; NO_PROXY does not count.
        ssl_context: verifies the certificate, default `ssl.create_default_context()`. Its ALPN
            protocols are set.

    HTTP/2 is spoken where the package h2 is installed; some servers know nothing else.

    Raises ValueError where `url` is no such URL, and as `Nameserver` does; ImportError where the
    extra `httpx` is missing. Source: RFC 8484.
    """

    def __init__(
        self, url: str, *, proxy: ProxyLike = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(proxy)
        from . import post  # which needs the extra

        self._post = post.Post
        self._server, self._target = _split(url)
        self.address, self.port = url, self._server.port
        self._context = ssl.create_default_context() if ssl_context is None else ssl_context

    def __str__(self) -> str:
        return self.address

    def kind(self) -> str:
        """What dnspython calls it."""
        return "DoH"

    def _ask(self, question: Question, max_size: bool, deadline: Deadline) -> dns.message.Message:
        return question.read(self._request(question).send(deadline))

    async def _async_ask(
        self, question: Question, max_size: bool, deadline: Deadline, backend: Any
    ) -> dns.message.Message:
        request = self._request(question)
        return question.read(await backend.wait_for(request.async_send(), deadline.left()))

    def _request(self, question: Question) -> Any:
        return self._post(self._server, self._target, question.wire, self._route, self._context)


def _split(url: str) -> tuple[Address, bytes]:
    """Host and port, and what is asked for there."""
    what = "the name server's URL"
    if "@" in url:  # and say nothing of it: a password may be in there
        raise ValueError(f"{what} has user info, which DNS over HTTPS has no use for")
    try:
        if not url.isprintable():  # urlsplit leaves some characters out
            raise ValueError("it has a control character")
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.fragment:
            raise ValueError("it is not https://host[:port]/path, with no fragment")
        server = place(parts.hostname, 443 if parts.port is None else parts.port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not target.isascii() or " " in target:
            raise ValueError("what is not ASCII in its path has to be percent-encoded")
    except ValueError as error:
        raise ValueError(f"{what} {url!r}: {error}") from None
    return server, target.encode()
