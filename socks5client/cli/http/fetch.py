"""HTTP: the requests of one URL and what they bring."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx

from ..exitcodes import Exit, TransferError
from .pool import Pool
from .request import Request
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...httpx import Socks5Transport
    from ..body import Body
    from ..deadline import Deadline
    from ..output import Sink
    from ..transfer import Transfer


def fetch(transfer: Transfer) -> None:
    """The requests of one job, from the proxy to the last byte."""
    request, destination = None, transfer.destination()
    try:
        request = Request.first_of(transfer, destination.offset())
        sink = transfer.sink(destination, offset=request.offset)
        _Fetch(transfer, request.body).follow(request, sink)
    finally:
        if request is not None and request.body is not None:
            request.body.close()


class _Fetch:
    def __init__(self, transfer: Transfer, body: Body | None) -> None:
        self.transfer = transfer
        self.options = transfer.options
        self.outcome = transfer.outcome
        self.deadline = transfer.deadline
        self.narrator = transfer.narrator
        self.watch = Watch(transfer)
        self.body = body

    def follow(self, request: Request, sink: Sink) -> None:
        """`request` and those that redirects make of it."""
        transport = Pool.of(self.transfer).transport
        try:
            while next_request := self._hop(transport, request, sink):
                request = next_request
            sink.finish()
        finally:
            sink.close()
            if request.body is not None:
                self.outcome.size_upload = request.body.sent

    def _hop(self, transport: Socks5Transport, request: Request, sink: Sink) -> Request | None:
        """One request and its response; the request that follows it, if any."""
        # Where there is no way, that is told before anything is done.
        self.transfer.way(request.url.connect_host, request.url.effective_port)
        self._note_request(request)
        response = self._send(transport, request)
        try:
            self._note_response(response)
            location = _raw_header(response, b"location")
            if location and 300 <= response.status_code < 400:
                following = self._following(request, response.status_code, location)
            else:
                following = None
            self._show_head(response, sink)
            if following is None or not self.options.location:
                self._receive(request, response, sink)
                return None
            for piece in _pieces(response):  # the body of a redirect is of no use
                self.outcome.size_download += len(piece)
            return self._count_redirect(following)
        finally:
            response.close()

    def _send(self, transport: Socks5Transport, request: Request) -> httpx.Response:
        """The response; a kept connection that turns out to be closed is replaced, as by curl."""
        while True:
            self.watch.begin(request)
            try:
                return transport.handle_request(self._as_httpx(request))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                gone = isinstance(error, httpx.NetworkError) or "disconnected" in str(error)
                if self.watch.fresh or not gone:
                    raise
                self.narrator.note("That connection had been closed; opening another one")

    def _following(self, request: Request, status: int, location: str) -> Request | None:
        """Where a redirect leads to, whether or not it will be followed."""
        try:
            following = request.redirected(status, location)
        except Exception:
            if self.options.location:
                raise
            return None
        if not self.options.location:
            self.outcome.redirect_url = following.url.effective
        return following

    def _count_redirect(self, following: Request) -> Request:
        limit = self.options.max_redirs
        if 0 <= limit <= self.outcome.redirects:
            raise TransferError(Exit.TOO_MANY_REDIRECTS, f"maximum ({limit}) redirects followed")
        self.outcome.redirects += 1
        self.narrator.note(f"Redirected to {following.url}")
        return following

    def _as_httpx(self, request: Request) -> httpx.Request:
        stream = _Upload(request, self.deadline)
        connect = self.deadline.connecting()
        made = httpx.Request(
            request.method,
            request.url.as_httpx(),
            headers=request.headers(),
            stream=stream,
            extensions={
                "target": request.url.target.encode("ascii"),
                "timeout": {"connect": connect, "read": None, "write": None, "pool": None},
                "trace": self.watch.http,
            },
        )
        made.method = request.method  # httpx writes it in capitals
        return made

    def _receive(self, request: Request, response: httpx.Response, sink: Sink) -> None:
        status, resumed = response.status_code, request.offset > 0 and request.kind == "GET"
        ignored = resumed and status == 416  # there is no more: all is well, says curl
        # With -f, curl lets pass a 416 that does not say how long the file is.
        forgiven = ignored and "*" not in response.headers.get("content-range", "")
        if self.options.fail and status >= 400 and not forgiven:
            raise TransferError(Exit.HTTP_ERROR, f"the requested URL returned error: {status}")
        size = _content_length(response)
        started = False
        for piece in _pieces(response):
            if not started:
                started = True
                if resumed and not ignored and not _continues(response, request.offset):
                    if size == request.offset:
                        return  # all of it is there already
                    raise TransferError(
                        Exit.RANGE_ERROR, "the server does not resume: it ignored the range"
                    )
                sink.expect(size, request.offset if resumed else 0)
            if ignored:
                continue
            self.outcome.size_download += len(piece)
            sink.write(piece)

    def _show_head(self, response: httpx.Response, sink: Sink) -> None:
        version = response.extensions["http_version"].decode("ascii")
        reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
        line = f"{version} {response.status_code} {reason}"
        headers = response.headers.raw
        self.narrator.response(line, headers)
        head = line.encode("latin-1") + b"\r\n"
        head += b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n"
        self.outcome.size_header += len(head)
        if self.options.include or self.options.head:
            sink.write(head)

    def _note_request(self, request: Request) -> None:
        self.transfer.note_url(request.url)
        self.outcome.method = request.method

    def _note_response(self, response: httpx.Response) -> None:
        outcome = self.outcome
        outcome.status = response.status_code
        version = response.extensions["http_version"].decode("ascii").partition("/")[2]
        outcome.http_version = version.removesuffix(".0")
        outcome.size_download = 0
        outcome.content_type = response.headers.get("content-type", "")
        outcome.headers = response.headers.multi_items()


class _Upload(httpx.SyncByteStream):
    """A request's body for httpx."""

    def __init__(self, request: Request, deadline: Deadline) -> None:
        self._body = request.body
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        if self._body is not None:
            yield from self._body.pieces(self._deadline)


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    """The body as it was sent, nothing decompressed."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    return iter(response.stream)


def _raw_header(response: httpx.Response, wanted: bytes) -> str:
    """A header's bytes, as a path would be decoded; "" where it is missing."""
    for name, value in response.headers.raw:
        if name.lower() == wanted:
            return os.fsdecode(value)
    return ""


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _continues(response: httpx.Response, offset: int) -> bool:
    """Whether the body begins at `offset`, as its Content-Range says."""
    unit, _, extent = response.headers.get("content-range", "").partition(" ")
    start: str = extent.partition("-")[0].strip()
    return str(unit).lower() == "bytes" and start == str(offset)
