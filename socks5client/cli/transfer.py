"""One job: its attempts, until one is good or no more are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connecting import connect
from .deadline import Deadline
from .exitcodes import Stage
from .explain import explain
from .handlers import handler_of
from .outcome import Outcome
from .output import Destination
from .retrying import Retries
from .urls import Url
from .verbose import Narrator

if TYPE_CHECKING:
    import socket

    from ..proxy import Proxy
    from .jobs import Job
    from .output import Sink
    from .session import Session


def run(job: Job, session: Session) -> Outcome:
    """What became of a job, after as many attempts as --retry grants."""
    retries = Retries(job.options, session)
    while True:
        outcome = _attempt(job, session)
        outcome.retries = retries.made
        if not retries.again(outcome):
            return outcome


def _attempt(job: Job, session: Session) -> Outcome:
    transfer = Transfer(job, session)
    outcome = transfer.outcome
    try:
        transfer.url = Url.parse(job.url, job.options.proto_default)
        transfer.note_url(transfer.url)
        handler_of(transfer.url, job.options)(transfer)
    except Exception as error:
        outcome.error = explain(
            error, transfer.stage, proxied=transfer.proxied, send_failed=transfer.send_failed
        )
    finally:
        outcome.mark("total", transfer.deadline.elapsed())
    return outcome


class Transfer:
    """One attempt at a job: what every protocol needs for it, and where it tells what happens.

    `stage`, `proxied` and `send_failed` say how far it has got, for the exit code.
    """

    url: Url

    def __init__(self, job: Job, session: Session) -> None:
        self.job = job
        self.options = job.options
        self.session = session
        self.outcome = Outcome(number=job.number)
        self.deadline = Deadline(job.options.max_time, job.options.connect_timeout)
        self.narrator = Narrator.of(job.options, session)
        self.stage = Stage.CONNECT
        self.proxied = True
        self.send_failed = False

    def note_url(self, url: Url) -> None:
        """`url` is asked for now: the job's own, or where a redirect leads."""
        self.outcome.url = url.effective
        self.outcome.scheme = url.scheme

    def mark(self, step: str) -> None:
        """`step` has ended now."""
        self.outcome.mark(step, self.deadline.elapsed())

    def way(self, host: str, port: int) -> tuple[Proxy, ...] | None:
        """The proxies to `host`, first hop first; None: directly, as the user said.

        Raises UsageError where there is no proxy and no such exception.
        """
        chain = self.session.way(self.options).to(host, port)
        self.proxied = chain is not None
        return chain

    def handshake(self, proxy: Proxy, event: object) -> None:
        """The library's `trace`."""
        self.narrator.handshake(proxy, event)
        self.mark(type(event).__name__)

    def connect(self, host: str, port: int) -> socket.socket:
        """A blocking socket to `host`, through the proxies where it is to be."""
        sock = connect(self, host, port)
        self.outcome.connections += 1
        self.mark("connect")
        return sock

    def destination(self) -> Destination:
        """Where what arrives goes."""
        return Destination(self.job, self.url, self.outcome)

    def sink(self, destination: Destination, *, offset: int = 0) -> Sink:
        """That destination, opened for writing; `offset`: the bytes that are there already."""
        return destination.sink(self.session.display, offset)
