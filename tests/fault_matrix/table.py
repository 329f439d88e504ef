"""The table: every row there is, and how a test asks for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fault_matrix import afterwards, gss, handshake, replies

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.fault_matrix.rows import Command, Row, Stage

TABLE: list[Row] = [*handshake.ROWS, *replies.ROWS, *afterwards.ROWS, *gss.ROWS]

GSS_STAGES: tuple[Stage, ...] = ("GSSAPI token", "GSSAPI level")
AFTERWARDS: tuple[Stage, ...] = ("second reply", "data", "association")


def rows(
    command: Command, *, only: Collection[Stage] = (), without: Collection[Stage] = ()
) -> pytest.MarkDecorator:
    """The rows of `command`, of all stages or `only` some, as the parameter `row`."""
    chosen: list[Any] = [
        row
        for row in TABLE
        if command in row.commands and row.stage not in without and (not only or row.stage in only)
    ]
    return pytest.mark.parametrize("row", chosen, ids=str)
