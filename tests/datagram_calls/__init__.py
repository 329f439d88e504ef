"""Calls of a UDP socket, each held against a plain one of the system's: the table.

A case is a function of (socket, peer, scene), run once on a plain socket and once on a drop-in;
what it returns must agree. `peer` is the address of an echo, `scene` has the rest. Calls that
raise count as `Failed`.
"""

from . import objects, receiving, sending, states
from .deliberate import DELIBERATE
from .scene import CASES, Case, Failed, Scene, agree, attempt

__all__ = [
    "CASES",
    "DELIBERATE",
    "Case",
    "Failed",
    "Scene",
    "agree",
    "attempt",
    "objects",
    "receiving",
    "sending",
    "states",
]
