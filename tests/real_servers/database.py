"""What a running SQL database is, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .process import Server

USER, PASSWORD = "tester", "s3cret"


@dataclass(frozen=True)
class Database:
    """A running SQL server, with a user who may do anything in one empty database."""

    host: str
    port: int
    name: str
    user: str = USER
    password: str = field(default=PASSWORD, repr=False)
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)
