"""One job: its attempts, until one is good or no more are due."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .connecting import connect
from .deadline import Deadline
from .exitcodes import Stage
from .explain import explain, verify_result
from .handlers import handler_of
from .meter import Lull, Meter
from .outcome import Outcome
from .output import Chosen, Destination, finish_file
from .retrying import Retries
from .urls import Url
from .verbose import Narrator

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from ..proxy import Proxy
    from .body import Body
    from .jobs import Job
    from .output import Sink
    from .session import Session


def run(job: Job, session: Session) -> Outcome:
    """What became of a job, after as many attempts as --retry grants."""
    retries, chosen = Retries(job.options, session), Chosen()
    while True:
        outcome = _attempt(job, session, chosen)
        outcome.retries = retries.made
        if not retries.again(outcome):
            finish_file(job.options, outcome, chosen)
            return outcome


def _attempt(job: Job, session: Session, chosen: Chosen) -> Outcome:
    transfer = Transfer(job, session, chosen)
    outcome = transfer.outcome
    try:
        options = job.options
        transfer.url = Url.parse(job.url, options.proto_default, as_is=options.path_as_is)
        transfer.note_url(transfer.url)
        handler = handler_of(transfer.url, job.options)
        transfer.deadline.begin()
        handler(transfer)
    except Exception as error:
        outcome.error = explain(
            error, transfer.stage, proxied=transfer.proxied, send_failed=transfer.send_failed
        )
        if transfer.stage is Stage.CONNECT:
            outcome.proxy_verify_result = verify_result(error)
    finally:
        outcome.mark("total", transfer.deadline.elapsed())
    return outcome


class Transfer:
    """One attempt at a job: what every protocol needs for it, and where it tells what happens.

    Every wait asks `deadline` how long it may take; what passes is told to `meter`.
    `stage`, `proxied` and `send_failed` say how far it has got, for the exit code.
    """

    url: Url

    def __init__(self, job: Job, session: Session, chosen: Chosen | None = None) -> None:
        self._chosen = chosen or Chosen()
        self.job = job
        self.options = options = job.options
        self.session = session
        self.outcome = Outcome(number=job.number, given_url=job.url)
        self.deadline = Deadline(options.max_time, options.connect_timeout, Lull.of(options))
        self.meter = Meter(options.limit_rate, self.deadline)
        self.narrator = Narrator.of(options, session)
        self.stage = Stage.CONNECT
        self.proxied = True
        self.send_failed = False
        self.head: bytes | None = None  # that is about to be written

    def note_url(self, url: Url) -> None:
        """`url` is asked for now: the job's own, or where a redirect leads."""
        self.outcome.url = url.effective
        self.outcome.scheme = url.scheme

    def note_wire(self, local: tuple[str, int], remote: tuple[str, int]) -> None:
        """The ends of the TCP connection that is used now: to the proxy, as a rule."""
        self.outcome.local, self.outcome.remote = local, remote

    def on_wire(self, data: bytes) -> bytes:
        """What is written in place of `data`: the head of a request as it was meant, once."""
        head, self.head = self.head, None
        return data if head is None else head

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
        self.outcome.connections += 1
        return connect(self, host, port).sock

    def destination(self) -> Destination:
        """Where what arrives goes."""
        return Destination(self.job, self.url, self.outcome, self._chosen)

    def sink(self, destination: Destination, *, offset: int = 0) -> Sink:
        """That destination, opened for writing; `offset`: the bytes that are there already."""
        return destination.sink(self.session.display, offset)

    def pieces(self, body: Body) -> Iterator[bytes]:
        """What is sent, with a bar where it is an upload."""
        pieces = body.pieces(self.deadline)
        if self.job.upload is None:
            return pieces
        label = os.path.basename(self.job.upload)
        return self.session.display.following(pieces, label, body.length)
