"""Follows a request through httpcore: how far it is, when it got there, what to narrate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exitcodes import Stage
from ..explain import verify_result
from ..tls import chain_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..transfer import Transfer
    from .request import Request


_LONG = 65536  # bytes
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Watch:
    """What happens to the requests of one transfer, told to it."""

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._narrator = transfer.narrator
        self._request: Request | None = None
        self._fresh = False
        self._version = "HTTP/1.1"
        self._steps: dict[str, Callable[[dict[str, Any]], None]] = {
            "connect_tcp.started": self._connecting,
            "connect_tcp.complete": self._connected,
            "start_tls.started": self._tls_started,
            "start_tls.complete": self._tls_complete,
            "start_tls.failed": self._tls_failed,
            "send_request_headers.started": self._sending,
            "send_request_headers.complete": self._headers_sent,
            "send_request_headers.failed": self._sending_failed,
            "send_request_body.failed": self._sending_failed,
            "receive_response_headers.started": self._waiting,
            "receive_response_headers.complete": self._answered,
        }

    def begin(self, request: Request) -> None:
        """The next request starts."""
        self._request, self._fresh = request, False
        self._transfer.stage, self._transfer.send_failed = Stage.CONNECT, False

    @property
    def fresh(self) -> bool:
        """Whether this request opened a connection of its own."""
        return self._fresh

    def http(self, name: str, info: dict[str, Any]) -> None:
        """httpcore's "trace" extension."""
        protocol, _, event = name.partition(".")
        self._version = "HTTP/2" if protocol == "http2" else "HTTP/1.1"
        step = self._steps.get(event)
        if step is not None:
            step(info)

    def _connecting(self, info: dict[str, Any]) -> None:
        self._transfer.outcome.connections += 1
        self._fresh = True

    def _connected(self, info: dict[str, Any]) -> None:
        if not self._transfer.proxied:
            self._narrator.note(f"Connected directly to {self._place()}, past any proxy")

    def _tls_started(self, info: dict[str, Any]) -> None:
        self._transfer.stage = Stage.TLS
        self._transfer.outcome.verify_result = 1  # as long as nothing is known

    def _tls_complete(self, info: dict[str, Any]) -> None:
        self._transfer.mark("appconnect")
        self._transfer.outcome.verify_result = 0
        tls = info["return_value"].get_extra_info("ssl_object")
        self._narrator.tls(self._place(), tls)
        self._transfer.outcome.certificates = chain_of(tls)

    def _tls_failed(self, info: dict[str, Any]) -> None:
        result = verify_result(info["exception"])
        if result and result not in _WRONG_NAME:  # curl looks at the name later, by itself
            self._transfer.outcome.verify_result = result

    def _sending(self, info: dict[str, Any]) -> None:
        self._transfer.stage = Stage.SEND
        if not self._fresh:
            self._transfer.mark("namelookup")
        self._transfer.mark("pretransfer")
        self._transfer.meter.begin()
        if self._version != "HTTP/2" and self._request is not None:
            self._transfer.head = self._request.head()
        if not self._fresh:
            self._narrator.note(f"Using the connection to {self._place()} again")

    def _headers_sent(self, info: dict[str, Any]) -> None:
        assert self._request is not None
        version = self._version if self._version == "HTTP/2" else self._request.version
        line = f"{self._request.method} {self._request.target} {version}"
        self._transfer.outcome.size_request += len(self._request.head())
        body = self._request.body
        if self._request.kind == "POST" and body is not None and (body.length or _LONG) < _LONG:
            # What goes along with the head, says curl.
            self._transfer.outcome.size_request += body.length or 0
        self._narrator.request(line, self._request.written())

    def _sending_failed(self, info: dict[str, Any]) -> None:
        self._transfer.send_failed = True

    def _waiting(self, info: dict[str, Any]) -> None:
        self._transfer.stage = Stage.WAIT

    def _answered(self, info: dict[str, Any]) -> None:
        self._transfer.stage = Stage.BODY
        self._transfer.mark("starttransfer")

    def _place(self) -> str:
        assert self._request is not None
        return f"{self._request.url.host}:{self._request.url.effective_port}"
