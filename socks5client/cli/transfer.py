"""One transfer: the requests of one URL, from the proxy to the last byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx

from .. import DIRECT
from ..httpx import Socks5Transport
from .deadline import Deadline
from .exitcodes import Exit, TransferError, explain
from .options import UsageError
from .outcome import Outcome
from .output import Sink, stderr_is_terminal
from .request import Request
from .urls import Url
from .verbose import Narrator
from .watch import Watch
from .ways import NO_PROXY_CONFIGURED, find_bypass, find_proxy, server_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import Options


def run(options: Options) -> Outcome:
    """The transfer that `options` describe; its error, if any, is in the outcome."""
    outcome = Outcome()
    with Deadline(options.max_time, options.connect_timeout) as deadline:
        transfer = _Transfer(options, outcome, deadline)
        try:
            transfer.run()
        except Exception as error:
            outcome.error = deadline.expired or transfer.explain(error)
        outcome.times = {**transfer.watch.times, "total": deadline.elapsed()}
        outcome.connections = transfer.watch.connections
    return outcome


class _Transfer:
    def __init__(self, options: Options, outcome: Outcome, deadline: Deadline) -> None:
        self.options = options
        self.outcome = outcome
        self.deadline = deadline
        self.narrator = Narrator(options.verbose)
        self.watch = Watch(deadline, self.narrator)
        self.proxied = True

    def explain(self, error: Exception) -> TransferError:
        return explain(
            error,
            self.watch.stage,
            proxied=self.proxied,
            send_failed=self.watch.send_failed,
        )

    def run(self) -> None:
        options = self.options
        request = Request.first_of(options, self._offset())
        self._note_request(request)
        body = request.body  # a redirect may drop it
        try:
            sink = self._sink(request)
            self.proxy, self.bypass = find_proxy(options), find_bypass(options)
            self._choose_way(request)
            self._follow(request, sink)
        finally:
            if body is not None:
                body.close()

    def _follow(self, request: Request, sink: Sink) -> None:
        """`request` and those that redirects make of it."""
        transport = Socks5Transport(
            DIRECT if self.proxy is None else self.proxy,
            verify=server_context(self.options),
            http2=self.options.http2,
            no_proxy=self.bypass,
            trace=self.watch.handshake,
        )
        try:
            with transport:
                while next_request := self._hop(transport, request, sink):
                    request = next_request
            if self.deadline.expired is not None:
                raise self.deadline.expired
            sink.finish()
        finally:
            sink.close()
            if request.body is not None:
                self.outcome.size_upload = request.body.sent

    def _hop(self, transport: Socks5Transport, request: Request, sink: Sink) -> Request | None:
        """One request and its response; the request that follows it, if any."""
        self._choose_way(request)
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
            self.watch.begin(request, proxied=self.proxied)
            try:
                return transport.handle_request(self._as_httpx(request))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                gone = isinstance(error, httpx.NetworkError) or "disconnected" in str(error)
                if self.watch.fresh or self.deadline.expired or not gone:
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

    def _choose_way(self, request: Request) -> None:
        """Through the proxy, or directly where the user said so; never by default."""
        direct = self.bypass.matches(
            request.url.as_httpx().raw_host.decode("ascii"), request.url.effective_port
        )
        if self.proxy is None and not direct:
            raise UsageError(NO_PROXY_CONFIGURED)
        self.proxied = not direct

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
        self.outcome.url = request.url.effective
        self.outcome.scheme = request.url.scheme
        self.outcome.method = request.method

    def _note_response(self, response: httpx.Response) -> None:
        outcome = self.outcome
        outcome.status = response.status_code
        version = response.extensions["http_version"].decode("ascii").partition("/")[2]
        outcome.http_version = version.removesuffix(".0")
        outcome.size_download = 0
        outcome.content_type = response.headers.get("content-type", "")
        outcome.headers = {name.lower(): value for name, value in response.headers.items()}

    def _offset(self) -> int:
        """Where -C resumes."""
        resume = self.options.resume
        if resume != "-":
            return int(resume or 0)
        try:
            return os.stat(self._path()).st_size
        except OSError:
            return 0

    def _path(self) -> str:
        if self.options.remote_name:
            return Url.parse(self.options.urls[0]).file_name
        return self.options.output or ""

    def _sink(self, request: Request) -> Sink:
        path = self._path()
        if self.options.remote_name and not path:
            raise TransferError(Exit.WRITE_FAILED, "the URL has no file name for -O")
        if not self.options.remote_name and path in ("", "-"):
            return Sink(None, append=False, show_progress=False)
        self.outcome.file_name = path
        show = stderr_is_terminal() and not self.options.silent
        return Sink(path, append=request.offset > 0, show_progress=show)


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
