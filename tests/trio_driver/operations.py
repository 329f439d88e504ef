"""Every call of the trio driver that talks to a proxy; the results have `socket` or `close`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import socks5client.trio as api
from tests.tunnel.stalling import SOMEWHERE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Operation = Callable[..., Awaitable[Any]]


async def connect(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    return await api.connect(target, proxy=proxy, **options)


async def open_tcp_stream(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    return await api.open_tcp_stream(*target, proxy=proxy, **options)


async def open_ssl_over_tcp_stream(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    stream = await api.open_ssl_over_tcp_stream(*target, proxy=proxy, **options)
    return stream.transport_stream


async def bind(proxy: Any, target: Any = None, **options: Any) -> Any:
    return await api.bind(proxy=proxy, **options)


async def associate(proxy: Any, target: Any = None, **options: Any) -> Any:
    return await api.associate(proxy=proxy, **options)


OPERATIONS: dict[str, Operation] = {
    "connect": connect,
    "open_tcp_stream": open_tcp_stream,
    "open_ssl_over_tcp_stream": open_ssl_over_tcp_stream,
    "bind": bind,
    "associate": associate,
}


def dispose(result: Any) -> None:
    """Closes it at once."""
    if isinstance(result, trio.SocketStream):
        result.socket.close()
    else:
        result.close()


def run(main: Callable[[], Awaitable[Any]], *instruments: trio.abc.Instrument) -> None:
    """A program, for at most a while."""

    async def bounded() -> None:
        with trio.fail_after(15):
            await main()

    trio.run(bounded, instruments=instruments)
