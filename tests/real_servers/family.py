"""The processes that belong to a server: itself, its session, its descendants.

Servers fork, and some of their children leave the process group (sshd gives
every connection a session of its own), so signalling the group is not enough.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path


def members(leader: int) -> set[int]:
    """The living processes of the session that `leader` leads, and their descendants."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile
            # "pid (name) state ppid pgrp session ...", and a name may hold anything.
            stat = (entry / "stat").read_text("utf-8", "replace")
            state, parent, _, session = stat.rpartition(")")[2].split()[:4]
            if state in "ZX":  # ended; whether anyone reaps an orphan is not our matter
                continue
            pid = int(entry.name)
            parents[pid] = int(parent)
            if leader in (pid, int(session)):
                found.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def end(leader: int, patience: float) -> set[int]:
    """Terminate the family of `leader`, kill what is left of it, return what survives.

    Each signal goes by pidfd, so never to a stranger that got the number of a process
    that ended; a pidfd also tells when a process that is not our child ends. They are
    kept from the first round on: a child whose parent has ended is found no other way.
    """
    with contextlib.ExitStack() as stack:
        alive: dict[int, int] = {}
        for signum in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + patience
            # Again and again: a process may fork between being listed and being signalled.
            while True:
                for pid in members(leader) - alive.keys():
                    with contextlib.suppress(ProcessLookupError):
                        alive[pid] = os.pidfd_open(pid)
                        stack.callback(os.close, alive[pid])
                for fd in alive.values():
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(fd, signum)
                _wait(alive, deadline)
                if time.monotonic() >= deadline or not (alive or members(leader)):
                    break
        return set(alive)


def _wait(alive: dict[int, int], deadline: float) -> None:
    """Take out of `alive` (pid: pidfd) those that end before the deadline."""
    ends = select.poll()
    for fd in alive.values():
        ends.register(fd, select.POLLIN)  # readable: it has ended
    while alive and (left := deadline - time.monotonic()) > 0:
        ended = {fd for fd, _ in ends.poll(left * 1000)}
        for pid, fd in list(alive.items()):
            if fd in ended:
                ends.unregister(fd)
                del alive[pid]
