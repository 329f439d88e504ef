"""The table covers the whole product, and says nothing twice."""

from __future__ import annotations

from itertools import product

from tests.fault_matrix.meaningless import MEANINGLESS, WITHOUT
from tests.fault_matrix.rows import COMMANDS, FAULTS, STAGES
from tests.fault_matrix.table import TABLE
from tests.server_fixture import MALFORMED_HEADERS


def test_each_pair_is_a_row_or_means_nothing() -> None:
    rows = {(row.stage, row.fault) for row in TABLE}
    assert rows | MEANINGLESS.keys() == {*product(STAGES, FAULTS)}
    assert not rows & MEANINGLESS.keys()


def test_each_command_has_its_stages_whole() -> None:
    """A fault of a stage strikes at every command that has the stage."""
    rows = {(command, row.stage, row.fault) for row in TABLE for command in row.commands}
    for command, stage, fault in product(COMMANDS, STAGES, FAULTS):
        meant = (command, stage) not in WITHOUT and (stage, fault) not in MEANINGLESS
        assert ((command, stage, fault) in rows) == meant, (command, stage, fault)


def test_no_two_rows_have_one_name() -> None:
    names = [str(row) for row in TABLE]
    assert len({*names}) == len(names)


def test_each_reason_says_something() -> None:
    assert all(len(reason.split()) > 3 for reason in [*MEANINGLESS.values(), *WITHOUT.values()])


def test_each_malformed_packet_of_the_servers_is_a_row() -> None:
    names = {row.name for row in TABLE if row.stage == "association"}
    assert MALFORMED_HEADERS.keys() <= names
