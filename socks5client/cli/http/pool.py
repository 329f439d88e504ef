"""The connections of one thread, kept from one transfer to the next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpcore

from ... import DIRECT
from ...httpx import Socks5Transport
from ..ways import server_context
from .backend import Backend

if TYPE_CHECKING:
    from ...proxy import Proxy
    from ..transfer import Transfer


class Pool:
    """Connections for the transfers of one operation, one after the other.

    `transfer` is the one that they serve now: it bounds their waits and is told what happens.
    """

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.transport = _Transport(self)

    @classmethod
    def of(cls, transfer: Transfer) -> Pool:
        """The pool of this thread for the options of `transfer`, which it serves from now on."""
        pool = transfer.session.kept(("http", transfer.options), lambda: cls(transfer))
        pool.transfer = transfer
        return pool

    def handshake(self, proxy: Proxy, event: object) -> None:
        """The library's `trace`."""
        self.transfer.handshake(proxy, event)

    def close(self) -> None:
        self.transport.close()


class _Transport(Socks5Transport):
    _kinds: tuple[Any, Any]

    def __init__(self, pool: Pool) -> None:
        options = pool.transfer.options
        way = pool.transfer.session.way(options)
        self._kinds = httpcore.ConnectionPool, partial(Backend, pool)
        super().__init__(
            DIRECT if way.chain is None else way.chain,
            verify=server_context(options),
            http1=options.http_version != "2-prior",
            http2=options.http_version in ("2", "2-prior") and options.alpn,
            no_proxy=way.bypass,
            trace=pool.handshake,
        )
