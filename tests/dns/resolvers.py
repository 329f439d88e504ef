"""The kinds of resolvers, blocking and awaited on each library, asked in one way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from socks5client.dns import AsyncResolver, Resolver

if TYPE_CHECKING:
    from collections.abc import Callable

# Addresses for documentation: only the proxy finds something there.
HIDDEN, HIDDEN6 = "192.0.2.53", "2001:db8::53"


def _called(function: Callable[..., Any]) -> Any:
    return function()


async def _awaited(function: Callable[..., Any]) -> Any:
    return await function()


@dataclass(frozen=True)
class Kind:
    """`make` makes a resolver; `run` waits for what a method of it comes to."""

    make: type[Resolver] | type[AsyncResolver]
    run: Callable[[Callable[..., Any]], Any]

    def call(self, resolver: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.run(partial(getattr(resolver, method), *args, **kwargs))

    def resolve(
        self, *args: Any, question: tuple[str, str], lifetime: float = 10, **kwargs: Any
    ) -> Any:
        """One question to a new resolver."""
        resolver = self.make(*args, **kwargs)
        return self.call(resolver, "resolve", *question, lifetime=lifetime)

    def addresses(self, *args: Any, name: str, family: int = 0, **kwargs: Any) -> Any:
        return self.call(self.make(*args, **kwargs), "addresses", name, family)


KINDS = {
    "sync": Kind(Resolver, _called),
    "asyncio": Kind(AsyncResolver, lambda function: asyncio.run(_awaited(function))),
    "trio": Kind(AsyncResolver, lambda function: trio.run(_awaited, function)),
}
