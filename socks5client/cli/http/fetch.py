"""HTTP: the requests of one URL and what they bring."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import httpx

from ..dates import parse_date
from ..exitcodes import Exit, TransferError
from ..handlers import REDIRECTS, allowed, handler_of
from ..output import HeaderFile
from .backend import Stream
from .conditions import save_etag
from .decoding import decoded
from .disposition import file_name
from .framing import HIDDEN
from .heads import read_heads, written
from .pool import Pool
from .request import Request
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..output import Destination, Sink
    from ..transfer import Transfer
    from ..urls import Url


def fetch(transfer: Transfer) -> None:
    """The requests of one job, from the proxy to the last byte."""
    request, destination = None, transfer.destination()
    try:
        request = Request.first_of(transfer, destination.offset())
        elsewhere = _Fetch(transfer, destination, request).run()
    finally:
        if request is not None and request.payload is not None:
            request.payload.close()
    if elsewhere is not None:  # a redirect to another protocol
        transfer.url = elsewhere
        transfer.note_url(elsewhere)
        handler_of(elsewhere, transfer.options)(transfer)


class _Fetch:
    def __init__(self, transfer: Transfer, destination: Destination, request: Request) -> None:
        self.transfer = transfer
        self.options = transfer.options
        self.outcome = transfer.outcome
        self.narrator = transfer.narrator
        self.destination = destination
        self.request = request
        self.watch = Watch(transfer)
        self._raw: Pool | None = None
        self.headers = HeaderFile.of(transfer.options, transfer.session)

    def run(self) -> Url | None:
        """The request and those that redirects make of it; where one leads out of HTTP, if any."""
        sink = self.transfer.sink(self.destination, offset=self.request.offset)
        try:
            while following := self._hop(sink):
                if following.url.scheme not in ("http", "https"):
                    return following.url
                self.request = following
            if not self.outcome.unmet:  # what is there stays
                sink.finish()
        finally:
            sink.close()
            if self.request.body is not None:
                self.outcome.size_upload = self.request.body.sent
        if self.options.fail_with_body:
            self._check_status(self.outcome.status)
        return None

    def _hop(self, sink: Sink) -> Request | None:
        """One request and its response; the request that follows it, if any."""
        request = self.request
        # Where there is no way, that is told before anything is done.
        self.transfer.way(request.url.connect_host, request.url.effective_port)
        self.transfer.note_url(request.url)
        self.outcome.method = request.method
        self.outcome.referer = request.referer or ""
        pool = Pool.of(self.transfer, request.url.scheme)
        response = self._send(pool)
        try:
            self._note(response)
            request.learn(response.headers.raw)
            save_etag(self.options, response.headers.raw)
            self._show_head(response, pool, sink)
            self._check_size(response)
            again = request.again(response.status_code, response.headers.raw)
            following = again or self._following(response)
            if following is None or not (again or self.options.location):
                self._receive(response, sink)
                return None
            for _ in self._pieces(response):
                pass  # the body of a redirect is of no use
            return self._count_redirect(following)  # curl counts a second try, too
        finally:
            response.close()

    def _send(self, pool: Pool) -> httpx.Response:
        """The response; a kept connection that turns out to be closed is replaced, as by curl.

        `pool.received` has its head, and may have more.
        """
        while True:
            self.watch.begin(self.request)
            pool.received = bytearray()
            try:
                return pool.transport.handle_request(self._as_httpx(self.request))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                gone = isinstance(error, httpx.NetworkError) or "disconnected" in str(error)
                if self.watch.fresh or not gone:
                    raise
                self.narrator.note("That connection had been closed; opening another one")

    def _as_httpx(self, request: Request) -> httpx.Request:
        made = httpx.Request(
            request.method,
            request.url.as_httpx(),
            headers=request.headers(),
            stream=_Upload(request, self.transfer),
            extensions={
                "target": os.fsencode(request.target),
                "timeout": {"connect": None, "read": None, "write": None, "pool": None},
                "trace": self.watch.http,
            },
        )
        made.method = request.method  # httpx writes it in capitals
        return made

    def _note(self, response: httpx.Response) -> None:
        outcome, headers = self.outcome, response.headers
        outcome.status = response.status_code
        version = response.extensions["http_version"].decode("ascii").partition("/")[2]
        outcome.http_version = version.removesuffix(".0")
        outcome.size_download = 0
        outcome.content_type = headers.get("content-type", "")
        outcome.headers = [
            ("content-length" if name == HIDDEN else name.decode("latin-1"), os.fsdecode(value))
            for name, value in headers.raw
        ]
        outcome.file_time = parse_date(headers.get("last-modified", ""))
        outcome.retry_after = _pause(headers.get("retry-after", ""))
        stream = response.extensions.get("network_stream")
        if isinstance(stream, Stream):
            self.transfer.note_wire(stream.connection.local, stream.connection.remote)

    def _show_head(self, response: httpx.Response, pool: Pool, sink: Sink) -> None:
        """With those of 1xx before it, as they came; of HTTP/2 as it would be in HTTP/1."""
        heads, rest = read_heads(bytes(pool.received or b""))
        self._raw = pool if self.options.raw and _is_http1(response) else None
        pool.received = None if self._raw is None else bytearray(rest)
        if not _is_http1(response):
            heads = [written(response)]
        for head in heads:
            self.narrator.response(head.line, head.headers)
            self.outcome.size_header += len(head.raw)
            if self.headers is not None:
                self.headers.write(head.raw)
        if self.options.remote_header_name and self.destination.is_named_by_url:
            name = file_name(response.headers.get("content-disposition", ""))
            if name is not None:
                self.destination.take_name(name)
        if self.options.include or self.options.head:
            for head in heads:
                sink.write(head.raw)

    def _following(self, response: httpx.Response) -> Request | None:
        """Where a redirect leads to, whether or not it will be followed."""
        location = _raw_header(response, b"location")
        if not location or not 300 <= response.status_code < 400:
            return None
        try:
            following = self.request.redirected(response.status_code, location)
        except Exception:
            if self.options.location:
                raise
            self.outcome.redirect_url = location
            return None
        if not self.options.location or self._too_many():
            self.outcome.redirect_url = following.url.effective
        return following

    def _too_many(self) -> bool:
        return 0 <= self.options.max_redirs <= self.outcome.redirects

    def _count_redirect(self, following: Request) -> Request:
        if self._too_many():
            raise TransferError(
                Exit.TOO_MANY_REDIRECTS, f"maximum ({self.options.max_redirs}) redirects followed"
            )
        allowed(following.url.scheme, self.options.proto_redir, REDIRECTS)
        allowed(following.url.scheme, self.options.proto)
        self.outcome.redirects += 1
        self.transfer.mark("redirect")
        self.narrator.note(f"Redirected to {following.url}")
        return following

    def _receive(self, response: httpx.Response, sink: Sink) -> None:
        request, status = self.request, response.status_code
        resumed = request.offset > 0 and request.kind == "GET"
        ignored = resumed and status == 416  # there is no more: all is well, says curl
        # With -f, curl lets pass a 416 that does not say how long the file is.
        forgiven = ignored and "*" not in response.headers.get("content-range", "")
        if self.options.fail and not forgiven:
            self._check_status(status)
        if request.unmet(status, response.headers.get("last-modified", "")):
            self.outcome.status = 304
            self.outcome.unmet = True
            return
        size = _content_length(response)
        started = False
        for piece in self._decoded(response):
            if not started:
                started = True
                if resumed and not ignored and not _continues(response, request.offset):
                    if size == request.offset:
                        return  # all of it is there already
                    raise TransferError(
                        Exit.RANGE_ERROR, "the server does not resume: it ignored the range"
                    )
                sink.expect(size, request.offset if resumed else 0)
            if not ignored:
                sink.write(piece)

    def _check_size(self, response: httpx.Response) -> None:
        size = _content_length(response)
        if size is not None:
            self.destination.limit(size)

    def _check_status(self, status: int) -> None:
        if status >= 400:
            raise TransferError(Exit.HTTP_ERROR, f"the requested URL returned error: {status}")

    def _decoded(self, response: httpx.Response) -> Iterator[bytes]:
        encoding = response.headers.get("content-encoding", "")
        pieces = self._pieces(response)
        if self.options.compressed and encoding and not self.options.raw:
            return decoded(pieces, encoding)
        return pieces

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The body as it was sent, nothing decompressed."""
        assert isinstance(response.stream, httpx.SyncByteStream)
        pieces = iter(response.stream)
        for piece in pieces if self._raw is None else _undecoded(pieces, self._raw):
            self.outcome.size_download += len(piece)
            self.narrator.received(piece)
            yield piece


class _Upload(httpx.SyncByteStream):
    """A request's body for httpx."""

    def __init__(self, request: Request, transfer: Transfer) -> None:
        self._body = request.body
        self._transfer = transfer

    def __iter__(self) -> Iterator[bytes]:
        if self._body is not None:
            for piece in self._transfer.pieces(self._body):
                self._transfer.narrator.sent(piece)
                yield piece


def _pause(text: str) -> float | None:
    """What Retry-After asks for: seconds, or a date (RFC 9110 section 10.2.3)."""
    if text.isascii() and text.isdigit():
        return float(text[:9]) or None
    date = parse_date(text)
    return None if date is None else max(0.0, date - time.time()) or None


def _undecoded(pieces: Iterator[bytes], pool: Pool) -> Iterator[bytes]:
    """For --raw: what came for `pieces`, with the frames of its transfer encoding."""
    for _ in pieces:
        piece, pool.received = pool.received, bytearray()
        if piece:
            yield bytes(piece)
    if pool.received:
        yield bytes(pool.received)
    pool.received = None


def _is_http1(response: httpx.Response) -> bool:
    version: bytes = response.extensions["http_version"]
    return version.startswith(b"HTTP/1")


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
