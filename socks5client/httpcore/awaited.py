"""The network backend for httpcore's asynchronous pools, on asyncio and on trio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore

from ..protocol import Address
from ..tunnel import Deadline
from .shared import Ways, connect_errors
from .stream import AsyncStream

if TYPE_CHECKING:
    from collections.abc import Iterable


class AsyncSocks5Backend(Ways, httpcore.AsyncNetworkBackend):
    """A network backend whose TCP connections go through a SOCKS5 proxy; asyncio or trio runs it.

    Parameters and errors are those of `Socks5Backend`.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to `host` and `port`; `timeout`, in seconds, bounds all of it.

        As `Socks5Backend.connect_tcp`. Cancelling it closes what has been opened so far.
        """
        chain = self._chain(host, port)
        if chain is None:
            return await _direct().connect_tcp(host, port, timeout, local_address, socket_options)
        running = _running()
        options = self._options(local_address, socket_options)
        with connect_errors():
            tunnel = await running.open_tunnel(
                chain, Address(host, port), Deadline.after(timeout), **options
            )
            return AsyncStream(tunnel.plain(), running.run)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        """A unix socket is local: no proxy has a part in it."""
        return await _direct().connect_unix_socket(*args, **kwargs)

    async def sleep(self, seconds: float) -> None:
        """The pause before a retry."""
        await _direct().sleep(seconds)


def _library() -> str:
    """The library that runs this, as httpcore finds it for its locks: the two must agree."""
    try:
        import sniffio
    except ImportError:  # trio depends on it, so this is not trio
        return "asyncio"
    return sniffio.current_async_library()


def _running() -> Any:
    """How that library runs a conversation with a proxy, and waits for a socket."""
    if _library() == "trio":
        from ..trio import running as trio_running

        return trio_running
    from ..asyncio import running as asyncio_running

    return asyncio_running


def _direct() -> httpcore.AsyncNetworkBackend:
    """httpcore's own backend, for what goes through no proxy."""
    return httpcore.TrioBackend() if _library() == "trio" else httpcore.AnyIOBackend()
