"""THE table from what went wrong to one of curl's exit codes and a sentence."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from ..errors import HandshakeTimeout, ProxyConnectionError, SocksError
from .exitcodes import Exit, Stage, TransferError
from .options import UsageError
from .urls import MalformedUrl, UnsupportedScheme

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain(error: Exception, stage: Stage, *, proxied: bool, send_failed: bool) -> TransferError:
    """Any error of a transfer as a `TransferError`.

    `stage` is how far the request got, `proxied` whether it goes through a proxy, `send_failed`
    whether sending had already failed when the answer was waited for.
    """
    if isinstance(error, TransferError):
        return error
    if isinstance(error, UsageError):
        return TransferError(Exit.USAGE, str(error))
    if isinstance(error, UnsupportedScheme):
        return TransferError(Exit.UNSUPPORTED_PROTOCOL, str(error))
    if isinstance(error, MalformedUrl):
        return TransferError(Exit.URL_MALFORMED, str(error))
    found = list(causes(error))
    for cause in found:
        if isinstance(cause, SocksError):
            return _explain_socks(error, cause, found)
    if isinstance(error, httpx.TimeoutException):
        return TransferError(Exit.TIMEOUT, f"timed out ({_describe(stage)})")
    if stage is Stage.CONNECT:
        return _explain_connect(error, found, proxied)
    if stage is Stage.TLS:
        return _explain_tls(found, "the server")
    return _explain_http(error, stage, send_failed)


def _explain_socks(
    error: Exception, socks: SocksError, causes: list[BaseException]
) -> TransferError:
    message = socks.strerror or type(socks).__name__
    if socks.target is not None:
        message += f"; asked for {socks.target}"
    if socks.proxy is not None:
        message += f"; proxy {socks.proxy}"
    code = Exit.PROXY_HANDSHAKE
    if isinstance(error, httpx.TimeoutException) or isinstance(socks, HandshakeTimeout):
        code = Exit.TIMEOUT
    elif isinstance(socks, ProxyConnectionError):
        if _first(causes, socket.gaierror):
            code = Exit.PROXY_NOT_RESOLVED
        elif _first(causes, ssl.SSLCertVerificationError):
            code = Exit.NOT_TRUSTED
        elif _first(causes, ssl.SSLError):
            code = Exit.TLS_FAILED
        else:
            code = Exit.CONNECT_FAILED
    return TransferError(code, message)


def _explain_connect(error: Exception, causes: list[BaseException], proxied: bool) -> TransferError:
    unknown = _first(causes, socket.gaierror)
    if isinstance(unknown, socket.gaierror):
        # A name that is looked up here for the proxy's sake is part of the handshake to curl.
        code = Exit.PROXY_HANDSHAKE if proxied else Exit.HOST_NOT_RESOLVED
        return TransferError(code, f"could not resolve the host: {unknown.strerror}")
    if isinstance(error, ValueError):  # a name that fits in no request
        code = Exit.PROXY_HANDSHAKE if proxied else Exit.HOST_NOT_RESOLVED
        return TransferError(code, str(error))
    return TransferError(Exit.CONNECT_FAILED, f"failed to connect: {_reason(causes)}")


def _explain_tls(causes: list[BaseException], peer: str) -> TransferError:
    untrusted = _first(causes, ssl.SSLCertVerificationError)
    if isinstance(untrusted, ssl.SSLCertVerificationError):
        return TransferError(
            Exit.NOT_TRUSTED, f"the certificate of {peer} is not valid: {untrusted.verify_message}"
        )
    return TransferError(Exit.TLS_FAILED, f"TLS with {peer} failed: {_reason(causes)}")


def _explain_http(error: Exception, stage: Stage, send_failed: bool) -> TransferError:
    text = str(error) or type(error).__name__
    if (failure := _explain_http2(error, text, stage)) is not None:
        return failure
    if isinstance(error, httpx.RemoteProtocolError):
        gone = "disconnected" in text
        if stage is Stage.BODY:
            if gone or "peer closed connection" in text:
                return TransferError(
                    Exit.PARTIAL_FILE, "the server closed the connection before the body had ended"
                )
            return TransferError(Exit.RECEIVE_FAILED, f"the body is malformed: {text}")
        if gone:
            if send_failed:
                return TransferError(Exit.SEND_FAILED, "the server hung up while it was sent to")
            return TransferError(Exit.EMPTY_REPLY, "empty reply from the server")
        if "status line" in text:
            return TransferError(
                Exit.UNSUPPORTED_PROTOCOL, "the server's answer is not HTTP/1 (or HTTP/0.9)"
            )
        return TransferError(Exit.WEIRD_REPLY, f"the server's answer is malformed: {text}")
    if isinstance(error, httpx.LocalProtocolError):
        return TransferError(Exit.SEND_FAILED, f"the request cannot be sent: {text}")
    if isinstance(error, httpx.WriteError) or send_failed:
        return TransferError(Exit.SEND_FAILED, f"sending failed: {text}")
    return TransferError(Exit.RECEIVE_FAILED, f"receiving failed: {text}")


def _explain_http2(error: Exception, text: str, stage: Stage) -> TransferError | None:
    """What only HTTP/2 has; httpcore's texts are h2's events, and what h2 says."""
    if "StreamReset" in text:
        return TransferError(Exit.HTTP2_STREAM, "the server reset the HTTP/2 stream")
    if "ConnectionTerminated" in text or text == "Server disconnected":
        return TransferError(
            Exit.PARTIAL_FILE, "the server closed the HTTP/2 connection before the stream had ended"
        )
    if isinstance(error, httpx.LocalProtocolError) and stage in (Stage.WAIT, Stage.BODY):
        if "InvalidBodyLength" in text:
            return TransferError(
                Exit.HTTP2_STREAM, "the body is not as long as the server says (HTTP/2)"
            )
        return TransferError(Exit.HTTP2_FAILED, f"the server's HTTP/2 is malformed: {text}")
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that it wraps: httpcore's pool hides causes in the arguments."""
    pending, seen = [error], set()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if current.__cause__ is not None:
            pending.append(current.__cause__)
        pending += [arg for arg in current.args if isinstance(arg, BaseException)]


def verify_result(error: BaseException) -> int:
    """OpenSSL's number for what is wrong with a certificate; 0: that is not it."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_code
    return 0


def _first(causes: list[BaseException], cls: type[BaseException]) -> BaseException | None:
    return next((cause for cause in causes if isinstance(cause, cls)), None)


def _reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(causes[0]) or type(causes[0]).__name__


def _describe(stage: Stage) -> str:
    return {
        Stage.CONNECT: "connecting",
        Stage.TLS: "in the TLS handshake",
        Stage.SEND: "sending the request",
        Stage.WAIT: "waiting for the answer",
        Stage.BODY: "receiving the body",
    }[stage]
