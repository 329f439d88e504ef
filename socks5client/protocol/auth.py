"""Authentication methods: sub-negotiations as generators.

A method plugs in once for every driver, because it does no I/O: its `negotiate` is a
generator that yields what to send and how many bytes to wait for.
"""

from __future__ import annotations

from ..errors import AuthenticationError, RemoteProtocolError
from .messages import Method, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Protocol, TypeAlias

    from .encapsulation import Encapsulation

    SubNegotiation: TypeAlias = "Generator[tuple[bytes, int], bytes, Encapsulation | None]"
else:
    Protocol = object


class AuthMethod(Protocol):
    """An authentication method. Anything of this shape can be passed as `Proxy(auth=...)`.

    It must be comparable and hashable where proxies that use it are to be, and its repr
    must not show secrets. Where its sub-negotiation may take long by itself, because it asks
    somebody else, it has an attribute `blocks` that is true: then an event loop runs it aside.
    Where it is no more than one message and the answer to it, whatever the proxy says, and it
    agrees on no `Encapsulation`, an attribute `one_message` that is true lets it be pipelined.
    Source: RFC 1928 section 3.
    """

    @property
    def code(self) -> int:
        """The method's number, 0 to 254; 0x80 to 0xFE are for private use."""
        ...

    def negotiate(self, request: Request, server: str) -> SubNegotiation:
        """The method-dependent sub-negotiation.

        `request` is what will be asked for after it; `server` is the proxy's host, for
        methods that authenticate it too. Yield (bytes to send, number of bytes to receive):
        exactly that number is sent back into the generator (0 gives b""). Return an
        `Encapsulation` where one was agreed, else None. Raise `AuthenticationError` where the
        proxy refuses, `RemoteProtocolError` where it talks nonsense.
        """
        ...


class NoAuth:
    """No authentication, method 00 (RFC 1928 section 3)."""

    __slots__ = ()
    code = Method.NO_AUTHENTICATION
    one_message = True  # none, even

    def negotiate(self, request: Request, server: str) -> SubNegotiation:
        """As `AuthMethod.negotiate`: there is nothing to do."""
        yield from ()
        return None

    def __eq__(self, other: object) -> bool:
        # A class derived from it negotiates in its own way.
        return self is other or type(self) is type(other) is NoAuth

    def __hash__(self) -> int:
        return hash(NoAuth)

    def __repr__(self) -> str:
        return "NoAuth()"


class UsernamePassword:
    """User name and password, method 02 (RFC 1929).

    Parameters: `username`, a str of 1 to 255 bytes in UTF-8; `password`, one of at most 255.
    An empty password is sent as one (PLEN 0), though RFC 1929 wants 1 to 255: some proxies
    take it, and authentication is never dropped silently.

    Raises ValueError where either is too long, the user name is empty, or one has a control
    character; TypeError where one is no str. Neither is shown by repr.
    """

    __slots__ = ("_message",)
    code = Method.USERNAME_PASSWORD
    one_message = True

    VERSION = 0x01

    def __init__(self, username: str, password: str) -> None:
        user = _credential("user name", username)
        if not user:
            raise ValueError("the user name is empty; it takes 1 to 255 bytes")
        secret = _credential("password", password)
        self._message = bytes((self.VERSION, len(user))) + user + bytes((len(secret),)) + secret

    def negotiate(self, request: Request, server: str) -> SubNegotiation:
        """As `AuthMethod.negotiate`: VER ULEN UNAME PLEN PASSWD, answered by VER STATUS."""
        version, status = yield self._message, 2
        # Some proxies answer with the version of SOCKS instead of the sub-negotiation's.
        if version not in (self.VERSION, 0x05):
            raise RemoteProtocolError(f"the answer to the password has the version {version:#04x}")
        if status != 0:
            raise AuthenticationError("the proxy refused the user name or password")
        return None

    def __eq__(self, other: object) -> bool:
        return type(other) is UsernamePassword and other._message == self._message

    def __hash__(self) -> int:
        return hash(self._message)

    def __repr__(self) -> str:
        return "UsernamePassword(***)"


def _credential(what: str, text: str) -> bytes:
    """`text` in UTF-8; the errors name the rule, never the value."""
    if not isinstance(text, str):
        raise TypeError(f"the {what} must be a str, not {type(text).__name__}")
    for position, char in enumerate(text):
        if char < " " or char == "\x7f":
            raise ValueError(f"the {what} has a control character at position {position}")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"the {what} is not valid text: it has a lone surrogate") from None
    if len(data) > 255:
        raise ValueError(f"the {what} is {len(data)} bytes long in UTF-8, 255 is the most")
    return data
