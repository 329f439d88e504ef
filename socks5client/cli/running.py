"""The jobs of a command: one after the other, or several at once with -Z."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .transfer import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .jobs import Job
    from .options import Options
    from .outcome import Outcome
    from .session import Session

    Results = queue.SimpleQueue[tuple[Job, Outcome] | None]


_END = 1.0  # seconds that transfers which are given up may take for it


def run_all(
    jobs: Iterator[Job], session: Session, command: Options
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, in the order in which they end, until `session.stopping`.

    Raises what `jobs` raises, once what has begun has ended.
    """
    if command.parallel and command.parallel_max > 1:
        yield from _Parallel(jobs, session, command.parallel_max).results()
        return
    for job in jobs:
        yield job, run(job, session)
        if session.stopping.is_set():
            return


class _Parallel:
    def __init__(self, jobs: Iterator[Job], session: Session, most: int) -> None:
        self._jobs = jobs
        self._session = session
        self._most = most
        self._lock = threading.Lock()
        self._done: Results = queue.SimpleQueue()
        self._error: BaseException | None = None

    def results(self) -> Iterator[tuple[Job, Outcome]]:
        working = 0
        while working < self._most and (job := self._take()) is not None:
            # Daemons: who is interrupted, or fails early, does not wait for them.
            threading.Thread(target=self._work, args=(job,), daemon=True).start()
            working += 1
        while working:
            try:
                result = self._done.get(timeout=self._patience())
            except queue.Empty:
                break  # what waits for a name to be looked up cannot be woken
            if result is None:
                working -= 1
            else:
                yield result
        if self._error is not None:
            raise self._error

    def _patience(self) -> float | None:
        """How long to wait for the next end; after a stop all of them are near."""
        return _END if self._session.stopping.is_set() else None

    def _take(self) -> Job | None:
        """The next job, if any. An error of the list itself is kept: no more are taken."""
        with self._lock:
            if self._error is not None or self._session.stopping.is_set():
                return None
            try:
                return next(self._jobs, None)
            except Exception as error:
                self._error = error
                return None

    def _work(self, job: Job | None) -> None:
        try:
            while job is not None:
                outcome = run(job, self._session)
                if outcome.error is not None and self._session.stopping.is_set():
                    outcome.error = TransferError(Exit.ABORTED, "given up: another transfer failed")
                self._done.put((job, outcome))
                job = self._take()
        except BaseException as error:  # a defect of ours: not to be lost in a thread
            self._error = error
        finally:
            self._done.put(None)
