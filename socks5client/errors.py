"""What can go wrong, and the table from reply codes to errors.

Everything raised during I/O is a `SocksError`, which is an `OSError`, and also the
builtin that a caller of a plain socket expects. Mistakes in configuration (a malformed
URL, a name over 255 bytes) are `ValueError`, raised before any I/O.

::

    SocksError (OSError)
     +-- ProxyConnectionError (ConnectionError)   the proxy cannot be reached
     +-- RemoteProtocolError                      the proxy broke the protocol, or hung up
     +-- AuthenticationError (PermissionError)    the proxy refused the credentials
     |    +-- NoAcceptableMethodError             ... or every method offered
     +-- HandshakeTimeout (TimeoutError)          the deadline passed
     +-- LeakError (PermissionError)              patch(strict=True) stopped a leak
     +-- ReplyError                               the proxy answered with a failure code
          +-- GeneralFailure (ConnectionAbortedError)
          +-- NotAllowed (PermissionError)
          +-- NetworkUnreachable
          +-- HostUnreachable
          |    +-- OnionServiceError              Tor's extended codes, one class each
          +-- ConnectionRefused (ConnectionRefusedError)
          +-- TTLExpired (TimeoutError)
          +-- CommandNotSupported
          +-- AddressTypeNotSupported

No message, repr or attribute of an error holds a user name or a password.
"""

from __future__ import annotations

import errno as _errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SocksError(OSError):
    """Base of every error raised during I/O.

    Parameters: `message`, one sentence without secrets; `errno`, the system's number for
    it (the class's own where it has one); `proxy`, the `Proxy` that was spoken to; `target`,
    the `Address` that it was asked for. All are attributes; the message is `strerror`.
    """

    default_errno: int = _errno.EIO

    def __init__(
        self,
        message: str = "",
        *,
        errno: int | None = None,
        proxy: object = None,
        target: object = None,
    ) -> None:
        super().__init__(self.default_errno if errno is None else errno, message)
        self.proxy = proxy
        self.target = target

    def __str__(self) -> str:
        place = ", ".join(
            f"{what} {value}"
            for what, value in (("target", self.target), ("proxy", self.proxy))
            if value is not None
        )
        text = f"[Errno {self.errno}] {self.strerror}"
        return f"{text} ({place})" if place else text

    def __reduce__(self) -> tuple[type[SocksError], tuple[str], dict[str, Any]]:
        # OSError's own passes errno as the first argument, which is not our signature. The
        # proxy goes as text, so that its credentials stay in this process.
        proxy = None if self.proxy is None else str(self.proxy)
        state = {**self.__dict__, "errno": self.errno, "proxy": proxy}
        return type(self), (self.strerror or "",), state


class ProxyConnectionError(SocksError, ConnectionError):
    """The proxy could not be reached; `errno` is the system's own where it gave one."""

    default_errno = _errno.ECONNREFUSED


class RemoteProtocolError(SocksError):
    """The proxy said something that RFC 1928 does not allow, or hung up in the handshake."""

    default_errno = _errno.EPROTO


class AuthenticationError(SocksError, PermissionError):
    """The proxy refused the credentials (RFC 1929: a STATUS other than 0)."""

    default_errno = _errno.EACCES


class NoAcceptableMethodError(AuthenticationError):
    """The proxy accepted no method of those offered, or chose one that was not offered."""


class LeakError(SocksError, PermissionError):
    """Under `patch(strict=True)`: something would have left this machine past the proxy."""

    default_errno = _errno.EPERM


class HandshakeTimeout(SocksError, TimeoutError):
    """The deadline passed before the handshake had ended."""

    default_errno = _errno.ETIMEDOUT


class ReplyError(SocksError):
    """The proxy answered the request with a failure.

    `code` is the REP field of the reply, 1 to 255 (RFC 1928 section 6).
    """

    default_errno = _errno.ECONNABORTED
    code: int = 0xFF


class GeneralFailure(ReplyError, ConnectionAbortedError):
    """REP 1, general SOCKS server failure."""


class NotAllowed(ReplyError, PermissionError):
    """REP 2, connection not allowed by the proxy's ruleset."""


class NetworkUnreachable(ReplyError):
    """REP 3, network unreachable from the proxy."""


class HostUnreachable(ReplyError):
    """REP 4, host unreachable from the proxy; most proxies say so of an unknown name too."""


class ConnectionRefused(ReplyError, ConnectionRefusedError):
    """REP 5, the target refused the connection."""


class TTLExpired(ReplyError, TimeoutError):
    """REP 6, TTL expired; proxies say so when the target does not answer in time."""


class CommandNotSupported(ReplyError):
    """REP 7, the proxy does not know the command."""


class AddressTypeNotSupported(ReplyError):
    """REP 8, the proxy does not know the address type."""


class OnionServiceError(HostUnreachable):
    """Base of Tor's extended codes F0 to F7 (tor's socks-extensions, ExtendedErrors)."""


class OnionDescriptorNotFound(OnionServiceError):
    """REP F0, the onion service's descriptor was not found."""


class OnionDescriptorInvalid(OnionServiceError):
    """REP F1, the onion service's descriptor is invalid."""


class OnionIntroductionFailed(OnionServiceError):
    """REP F2, the introduction to the onion service failed."""


class OnionRendezvousFailed(OnionServiceError):
    """REP F3, the rendezvous with the onion service failed."""


class OnionAuthorizationMissing(OnionServiceError):
    """REP F4, the onion service wants client authorization."""


class OnionAuthorizationWrong(OnionServiceError):
    """REP F5, the onion service does not accept this client authorization."""


class OnionAddressInvalid(OnionServiceError):
    """REP F6, the onion address is invalid."""


class OnionIntroductionTimedOut(OnionServiceError):
    """REP F7, the introduction to the onion service timed out."""


# REP -> (class, errno, what it says). RFC 1928 section 6, then Tor's extensions.
REPLY_ERRORS: dict[int, tuple[type[ReplyError], int, str]] = {
    0x01: (GeneralFailure, _errno.ECONNABORTED, "general SOCKS server failure"),
    0x02: (NotAllowed, _errno.EACCES, "connection not allowed by the proxy's ruleset"),
    0x03: (NetworkUnreachable, _errno.ENETUNREACH, "network unreachable from the proxy"),
    0x04: (HostUnreachable, _errno.EHOSTUNREACH, "host unreachable from the proxy"),
    0x05: (ConnectionRefused, _errno.ECONNREFUSED, "connection refused by the target"),
    0x06: (TTLExpired, _errno.ETIMEDOUT, "TTL expired, says the proxy"),
    0x07: (CommandNotSupported, _errno.EOPNOTSUPP, "command not supported by the proxy"),
    0x08: (AddressTypeNotSupported, _errno.EAFNOSUPPORT, "address type not supported by the proxy"),
    0xF0: (OnionDescriptorNotFound, _errno.EHOSTUNREACH, "onion service descriptor not found"),
    0xF1: (OnionDescriptorInvalid, _errno.EHOSTUNREACH, "onion service descriptor invalid"),
    0xF2: (OnionIntroductionFailed, _errno.EHOSTUNREACH, "onion service introduction failed"),
    0xF3: (OnionRendezvousFailed, _errno.EHOSTUNREACH, "onion service rendezvous failed"),
    0xF4: (OnionAuthorizationMissing, _errno.EHOSTUNREACH, "onion service wants authorization"),
    0xF5: (OnionAuthorizationWrong, _errno.EHOSTUNREACH, "onion service authorization is wrong"),
    0xF6: (OnionAddressInvalid, _errno.EHOSTUNREACH, "onion address invalid"),
    0xF7: (OnionIntroductionTimedOut, _errno.EHOSTUNREACH, "onion service introduction timed out"),
}

for _cls, _number, _ in REPLY_ERRORS.values():
    _cls.default_errno = _number  # so that one made by hand has it too
del _cls, _number


def reply_error(code: int) -> ReplyError:
    """The error for a reply whose REP is `code` (1 to 255); an unknown code is a `ReplyError`."""
    unknown = (ReplyError, _errno.ECONNABORTED, f"the proxy answered with the code {code:#04x}")
    cls, number, message = REPLY_ERRORS.get(code, unknown)
    error = cls(message, errno=number)
    error.code = code
    return error
