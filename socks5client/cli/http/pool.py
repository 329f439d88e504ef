"""The connections of one thread, kept from one transfer to the next."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from ... import DIRECT
from ...httpx import Socks5Transport
from ..ways import server_context
from .backend import Backend

if TYPE_CHECKING:
    from ..transfer import Transfer


# Connections whose options are the same in these may serve each other's transfers, whatever
# --next stands between them.
_OF_CONNECTIONS = (
    *("proxy", "preproxy", "proxy_user", "socks5_basic", "noproxy", "dns", "nameservers"),
    *("gssapi", "gssapi_service", "gssapi_nec", "gssapi_protection"),
    *("proxy_cacert", "proxy_capath", "proxy_cert", "proxy_key", "proxy_pass", "proxy_ciphers"),
    *("proxy_insecure", "insecure", "cacert", "capath", "crlfile", "cert", "key", "key_pass"),
    *("ciphers", "tls_min", "tls_max", "alpn", "http_version", "ip_version", "resolve"),
    *("connect_to", "interface", "local_port", "keepalive", "keepalive_time", "tcp_nodelay"),
)
# How long curl keeps a connection that nobody uses, in seconds (CURLOPT_MAXAGE_CONN).
_LIFE = 118.0


class Pool:
    """Connections for the transfers of one operation, one after the other.

    `transfer` is the one that they serve now: it bounds their waits and is told what happens.
    `received`, where it is not None, takes all that comes.
    """

    def __init__(self, transfer: Transfer, *, secure: bool) -> None:
        self.transfer = transfer
        self.received: bytearray | None = None
        self.transport = _Transport(self, secure)

    @classmethod
    def of(cls, transfer: Transfer, scheme: str) -> Pool:
        """The pool of this thread for the options of `transfer`, which it serves from now on.

        http and https have pools of their own: reading certificates takes 30 ms.
        """
        options = transfer.options
        key = scheme, *(getattr(options, name) for name in _OF_CONNECTIONS)
        pool = transfer.session.kept(key, lambda: cls(transfer, secure=scheme == "https"))
        pool.transfer = transfer
        return pool

    def close(self) -> None:
        self.transport.close()


class _Transport(Socks5Transport):
    _kinds: tuple[Any, Any]

    def __init__(self, pool: Pool, secure: bool) -> None:
        options = pool.transfer.options
        way = pool.transfer.session.way(options)
        self._kinds = httpcore.ConnectionPool, partial(Backend, pool)
        super().__init__(
            DIRECT if way.chain is None else way.chain,
            verify=server_context(options) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            http1=options.http_version != "2-prior",
            http2=options.http_version in ("2", "2-prior") and options.alpn,
            no_proxy=way.bypass,
            limits=httpx.Limits(keepalive_expiry=_LIFE),
        )
