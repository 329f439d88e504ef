"""What the tests of the asyncio driver share: each event loop in turn."""

from __future__ import annotations

import asyncio
import gc
from functools import cache, partial
from typing import TYPE_CHECKING

import pytest

from tests.asyncio_driver.loops import Loops

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package", autouse=True)
def short_collections() -> Iterator[None]:
    """Each test collects garbage, and need not look through what was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> Loops:
    """Runs coroutines on each kind of event loop."""
    if request.param == "uvloop":
        start_uvloop()
    return Loops(uvloop=request.param == "uvloop")


@cache
def start_uvloop() -> None:
    """The first run of one opens descriptors that stay."""
    Loops(uvloop=True).run(partial(asyncio.sleep, 0))
