"""TLS to a proxy, sans-IO: a layer between the wire and the SOCKS messages.

It is first driven as an exchange (`data_to_send`, `bytes_needed`, `receive_data`, `done`),
as a `Negotiation` is, and then wraps and unwraps, as an `Encapsulation` does.
"""

from __future__ import annotations

import ssl

from .errors import ProxyConnectionError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .proxy import Proxy

_READ_SIZE = 65536


class TlsLayer:
    """TLS with `proxy` as the server; its `ssl_context`, else the system's trust store."""

    def __init__(self, proxy: Proxy) -> None:
        context = proxy.ssl_context or ssl.create_default_context()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=proxy.host.partition("%")[0]
        )
        self.done = False
        self.bytes_needed = _READ_SIZE
        self._handshake()

    def data_to_send(self) -> bytes:
        """What TLS itself has to say now."""
        return self._outgoing.read()

    def receive_data(self, data: bytes) -> None:
        """Takes a piece of the handshake; b"" means that the proxy hung up."""
        if not data:
            raise RemoteProtocolError("the proxy hung up during the TLS handshake")
        self._incoming.write(data)
        self._handshake()

    @property
    def trailing_data(self) -> bytes:
        """What came behind the handshake, decrypted."""
        return self.unwrap(b"")

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
            while piece := self._tls.read(_READ_SIZE):
                pieces.append(piece)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
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

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason
            raise ProxyConnectionError(
                f"TLS with the proxy failed: {reason}", errno=RemoteProtocolError.default_errno
            ) from error
        self.done = True
