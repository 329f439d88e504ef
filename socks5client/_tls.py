"""TLS to a proxy, sans-IO: a layer between the wire and the SOCKS messages.

Its handshake is steps of a `Negotiation`; then it wraps and unwraps, as an `Encapsulation`.
"""

from __future__ import annotations

import ssl

from .errors import ProxyConnectionError, RemoteProtocolError
from .protocol import READ_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from .proxy import Proxy


class TlsLayer:
    """TLS with `proxy` as the server; its `ssl_context`, else the system's trust store."""

    ended = False

    def __init__(self, proxy: Proxy) -> None:
        context = proxy.ssl_context or ssl.create_default_context()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=proxy.host.partition("%")[0]
        )

    def negotiate(self) -> Generator[tuple[bytes, int, int], bytes, None]:
        """TLS's own handshake, in steps as a `Negotiation` runs them."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._incoming.write((yield self._outgoing.read(), 1, READ_SIZE))
            except ssl.SSLError as error:
                reason = getattr(error, "verify_message", None) or error.reason
                raise ProxyConnectionError(
                    f"TLS with the proxy failed: {reason}", errno=RemoteProtocolError.default_errno
                ) from error
            else:
                # The last word is ours, but nothing comes back for it alone: it goes out
                # with the first message that is wrapped.
                return

    def describe(self) -> str:
        """Version and cipher, such as "TLSv1.3 / TLS_AES_256_GCM_SHA384"."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} / {cipher[0] if cipher else 'no cipher'}"

    def wrap(self, data: bytes) -> bytes:
        """The records for `data`, and whatever else TLS has to say."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def unwrap(self, data: bytes) -> bytes:
        """The plain bytes that `data` completes; after the proxy's close_notify, none."""
        self._incoming.write(data)
        pieces = []
        try:
            while piece := self._tls.read(READ_SIZE):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            raise RemoteProtocolError(f"TLS with the proxy broke: {error.reason}") from error
        return b"".join(pieces)

    def finish(self) -> bytes:
        """The close_notify, to be sent before the connection is half-closed."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it waits for the peer's, which comes when the peer is done
        return self._outgoing.read()
