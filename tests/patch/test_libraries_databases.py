"""Clients of databases, unmodified, under patch()."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Server

if TYPE_CHECKING:
    from tests.patch.conftest import Trial
    from tests.real_servers import Database, DocumentStore

NAME = "db.test"  # there is no such name but at the proxy
TEXT = "The Waves"

# What the table says: the server's fixture and what it is.
SQL = {
    "pg8000": ("postgresql", "PostgreSQL"),
    "asyncpg": ("postgresql", "PostgreSQL"),
    "PyMySQL": ("mariadb", "MariaDB"),
}


@pytest.mark.parametrize("library", SQL)
def test_a_table(library: str, trial: Trial, request: pytest.FixtureRequest) -> None:
    fixture, server = SQL[library]
    database: Database = request.getfixturevalue(fixture)
    with Server(names={NAME: database.host}) as proxy:
        answer = trial(
            f"{library.lower()}_query",
            NAME,
            database.port,
            database.user,
            database.password,
            database.name,
            TEXT,
            library=library,
            server=server,
            proxy=proxy,
        )
        proxy.wait_idle()
    assert answer == f"{TEXT}\n"


@pytest.mark.parametrize("how", ["blocking", "asyncio"])
def test_a_document(how: str, trial: Trial, secantus: DocumentStore) -> None:
    with Server(names={NAME: secantus.host}) as proxy:
        answer = trial(
            "pymongo_document",
            NAME,
            secantus.port,
            TEXT,
            how,
            library=f"pymongo {how}",
            server="SecantusDB",
            proxy=proxy,
        )
        assert len(proxy.requests) > 1  # it watches the server besides
        proxy.wait_idle()
    assert answer == f"{TEXT}\n"
