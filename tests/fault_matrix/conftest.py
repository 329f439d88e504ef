from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tunnel.stalling import blackhole

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def full() -> Iterator[tuple[str, int]]:
    """An address that takes no connection, and refuses none."""
    with blackhole() as address:
        yield address
