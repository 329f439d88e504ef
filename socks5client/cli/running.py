"""The jobs of a command: one after the other, or several at once with -Z."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from .transfer import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .jobs import Job
    from .options import Options
    from .outcome import Outcome
    from .session import Session

    Results = queue.SimpleQueue[tuple[Job, Outcome] | BaseException | None]


def run_all(
    jobs: Iterator[Job], session: Session, command: Options
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, in the order in which they end."""
    if not command.parallel or command.parallel_max == 1:
        for job in jobs:
            yield job, run(job, session)
            if session.stopping.is_set():
                return
        return
    yield from _in_parallel(jobs, session, command.parallel_max)


def _in_parallel(jobs: Iterator[Job], session: Session, most: int) -> Iterator[tuple[Job, Outcome]]:
    results: Results = queue.SimpleQueue()
    lock = threading.Lock()

    def take() -> Job | None:
        with lock:
            return None if session.stopping.is_set() else next(jobs, None)

    def work(job: Job | None) -> None:
        try:
            while job is not None:
                results.put((job, run(job, session)))
                job = take()
            results.put(None)
        except BaseException as error:  # a bad glob, or a defect: for the main thread
            results.put(error)

    working = 0
    # Daemons: an interrupt does not wait for them.
    for _ in range(most):
        job = take()
        if job is None:
            break
        threading.Thread(target=work, args=(job,), daemon=True).start()
        working += 1
    while working:
        result = results.get()
        if result is None:
            working -= 1
        elif isinstance(result, BaseException):
            session.stopping.set()
            raise result
        else:
            yield result
