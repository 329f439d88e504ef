"""Every call of the asyncio driver that talks to a proxy, and what closes its result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import socks5client.asyncio as api
from tests.tunnel.stalling import SOMEWHERE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Operation = Callable[..., Awaitable[Any]]


async def connect(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    return await api.connect(target, proxy=proxy, **options)


async def open_connection(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    _, writer = await api.open_connection(*target, proxy=proxy, **options)
    return writer


async def create_connection(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    transport, _ = await api.create_connection(asyncio.Protocol, *target, proxy=proxy, **options)
    return transport


async def with_ssl(proxy: Any, target: Any = SOMEWHERE, **options: Any) -> Any:
    return await create_connection(proxy, target, ssl=True, **options)


async def bind(proxy: Any, target: Any = None, **options: Any) -> Any:
    return await api.bind(proxy=proxy, **options)


async def associate(proxy: Any, target: Any = None, **options: Any) -> Any:
    return await api.associate(proxy=proxy, **options)


async def endpoint(proxy: Any, target: Any = None, **options: Any) -> Any:
    transport, _ = await api.create_datagram_endpoint(
        asyncio.DatagramProtocol, proxy=proxy, **options
    )
    return transport


OPERATIONS: dict[str, Operation] = {
    "connect": connect,
    "open_connection": open_connection,
    "create_connection": create_connection,
    "create_connection with ssl": with_ssl,
    "bind": bind,
    "associate": associate,
    "create_datagram_endpoint": endpoint,
}
