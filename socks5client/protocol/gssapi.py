"""GSSAPI, method 01 (RFC 1961): authentication by Kerberos, with integrity and confidentiality.

Every message is VER, MTYP, LEN and a token. MTYP 1 carries the tokens that establish the
security context, 2 the protection level, 3 everything after it: the request, the replies, the
data, and each UDP datagram. `01 FF` instead of a message is an abort.
"""

from __future__ import annotations

import errno
import re
from enum import IntEnum

from ..errors import AuthenticationError, RemoteProtocolError, SocksError
from .messages import Command, Method

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .auth import SubNegotiation
    from .messages import Request

    Exchange = Generator[tuple[bytes, int], bytes, bytes]

VERSION = 0x01
HEAD = 4  # VER, MTYP, LEN
LARGEST_TOKEN = 0xFFFF


class MessageType(IntEnum):
    """MTYP, RFC 1961 sections 3 to 5."""

    CONTEXT = 0x01
    LEVEL = 0x02
    DATA = 0x03
    ABORT = 0xFF


class Level(IntEnum):
    """Protection levels, RFC 1961 section 4.3; 0 is an extension: nothing is protected."""

    CLEAR = 0
    INTEGRITY = 1
    CONFIDENTIALITY = 2
    SELECTIVE = 3


# Weakest first. Selective protects each message by integrity at least.
_STRENGTH = (Level.CLEAR, Level.INTEGRITY, Level.SELECTIVE, Level.CONFIDENTIALITY)


class GSSAPI:
    """GSSAPI authentication, method 01, usually by Kerberos 5.

    Parameters:
        service: the proxy's service: a host-based service such as "rcmd", or with a "/" a full
            principal.
        hostname: the host of that service; default: the proxy's, as it is written. Kerberos may
            look it up, as its own configuration says (rdns, dns_canonicalize_hostname).
        principal: whose credentials to use; default: the default ones (`kinit`'s).
        protection: what to ask for: "confidentiality" (every message is encrypted),
            "integrity" (every message is signed), "selective" (either; this client encrypts), or
            "clear" (nothing is protected after the authentication).
        require: the weakest of these that the proxy may answer with; default: `protection`.
        delegate: whether the proxy gets the user's credentials (delegation).
        mechanism: an object identifier such as "1.2.840.113554.1.2.2"; default: the library's.
        nec: exchange the level as a bare octet, as the NEC reference implementation does.

    Raises ImportError where the `gssapi` package is missing, ValueError for an unknown level,
    or where `require` is stronger than `protection`. Source: RFC 1961.
    """

    __slots__ = (
        "_delegate",
        "_hostname",
        "_mechanism",
        "_nec",
        "_principal",
        "_protection",
        "_require",
        "_service",
    )
    code = Method.GSSAPI
    blocks = True  # the library asks the KDC

    def __init__(
        self,
        service: str = "rcmd",
        hostname: str | None = None,
        principal: str | None = None,
        protection: str = "confidentiality",
        require: str | None = None,
        delegate: bool = False,
        mechanism: str | None = None,
        nec: bool = False,
    ) -> None:
        gssapi = _library()
        if not service:
            raise ValueError("the service of GSSAPI is empty")
        self._service = service
        self._hostname = hostname
        self._principal = principal
        self._protection = _level("protection", protection)
        self._require = self._protection if require is None else _level("require", require)
        if _STRENGTH.index(self._require) > _STRENGTH.index(self._protection):
            raise ValueError(f"require={require!r} is stronger than protection={protection!r}")
        if mechanism is not None:
            try:
                gssapi.OID.from_int_seq(mechanism)
            except ValueError:
                raise ValueError(f"mechanism={mechanism!r} is no object identifier") from None
        self._delegate = bool(delegate)
        self._mechanism = mechanism
        self._nec = bool(nec)

    def negotiate(self, request: Request, server: str) -> SubNegotiation:
        """As `AuthMethod.negotiate`: the context tokens, then the protection level.

        Raises ImportError where the `gssapi` package is missing. Source: RFC 1961 sections 3, 4.
        """
        gssapi = _library()
        try:
            context = self._context(gssapi, request, server)
            yield from self._establish(context)
            level = yield from self._agree(gssapi, context)
        except gssapi.exceptions.GSSError as error:
            cause = error if self._principal is None else None  # which may name him
            raise AuthenticationError(f"GSSAPI: {self._without_principal(error)}") from cause
        return None if level is Level.CLEAR else GssEncapsulation(context, level)

    def _without_principal(self, error: Any) -> str:
        """What the library says; a user's name is in no message."""
        text = _explained(error)
        if self._principal is None:
            return text
        user = re.escape(self._principal.partition("@")[0])
        return re.sub(rf"(?<!\w){user}(?!\w)", "***", text)

    def _context(self, gssapi: Any, request: Request, server: str) -> Any:
        flag = gssapi.RequirementFlag
        flags = flag.mutual_authentication | flag.replay_detection
        flags |= flag.integrity | flag.confidentiality
        if request.command != Command.UDP_ASSOCIATE:
            # With it, one datagram that is lost or late would lose those behind it.
            flags |= flag.out_of_sequence_detection
        if self._delegate:
            flags |= flag.delegate_to_peer
        mechanism = None if self._mechanism is None else gssapi.OID.from_int_seq(self._mechanism)
        if "/" in self._service:
            name = gssapi.Name(self._service, gssapi.NameType.kerberos_principal)
        else:
            host = self._hostname or server.partition("%")[0]
            name = gssapi.Name(f"{self._service}@{host}", gssapi.NameType.hostbased_service)
        credentials = None
        if self._principal is not None:
            user = gssapi.Name(self._principal, gssapi.NameType.user)
            credentials = gssapi.Credentials(usage="initiate", name=user)
        return gssapi.SecurityContext(
            name=name, creds=credentials, flags=flags, mech=mechanism, usage="initiate"
        )

    def _establish(self, context: Any) -> Generator[tuple[bytes, int], bytes, None]:
        """Every token of ours is answered, also the last one: then the answer may be empty."""
        answer = None
        while True:
            token = context.step(answer)
            complete = context.complete  # an error that came with a token is raised here
            if not token:
                if complete:
                    return
                raise RemoteProtocolError("the proxy's GSSAPI token leads to no other")
            answer = yield from _ask(MessageType.CONTEXT, token)
            if complete:
                if answer:
                    raise RemoteProtocolError("a GSSAPI token came when there was none to come")
                return
            if not answer:
                raise RemoteProtocolError("the proxy's GSSAPI token is empty")

    def _agree(self, gssapi: Any, context: Any) -> Generator[tuple[bytes, int], bytes, Level]:
        flags, flag = context.actual_flags, gssapi.RequirementFlag
        wanted = self._protection
        if wanted >= Level.CONFIDENTIALITY and not flags & flag.confidentiality:
            raise AuthenticationError("GSSAPI: the security context offers no confidentiality")
        if wanted is Level.INTEGRITY and not flags & flag.integrity:
            raise AuthenticationError("GSSAPI: the security context offers no integrity")
        octet = bytes((wanted,))
        token = octet if self._nec else context.wrap(octet, False).message
        answer = yield from _ask(MessageType.LEVEL, token)
        plain = answer if self._nec else context.unwrap(answer).message
        if len(plain) != 1 or plain[0] not in tuple(Level):
            raise RemoteProtocolError("the proxy's protection level is none that RFC 1961 knows")
        level = Level(plain[0])
        if level is Level.CONFIDENTIALITY and not flags & flag.confidentiality:
            raise AuthenticationError("GSSAPI: the security context offers no confidentiality")
        if level is not Level.CLEAR and not flags & flag.integrity:
            raise AuthenticationError("GSSAPI: the security context offers no integrity")
        if _STRENGTH.index(level) < _STRENGTH.index(self._require):
            raise AuthenticationError(
                f"GSSAPI: the proxy wants the protection level {level.name.lower()},"
                f" {self._require.name.lower()} is required"
            )
        return level

    def _fields(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self.__slots__])

    def __eq__(self, other: object) -> bool:
        return type(other) is GSSAPI and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"GSSAPI({self._service!r}, protection={self._protection.name.lower()!r})"


class GssEncapsulation:
    """What an established context does to everything after the level; `GSSAPI` makes one.

    Source: RFC 1961 section 5.
    """

    def __init__(self, context: Any, level: Level) -> None:
        self._context = context
        self._encrypts = level is not Level.INTEGRITY
        self._must_be_encrypted = level is Level.CONFIDENTIALITY
        self._incoming = bytearray()
        #: The most plain bytes that one token takes.
        self.chunk: int = context.get_wrap_size_limit(LARGEST_TOKEN, self._encrypts)
        #: What a datagram grows by, in bytes.
        self.datagram_overhead: int = HEAD + LARGEST_TOKEN - self.chunk

    def wrap(self, data: bytes) -> bytes:
        """The messages for `data`: one for each piece of `chunk` bytes."""
        if len(data) <= self.chunk:
            return self.wrap_datagram(data) if data else b""
        view = memoryview(data)
        pieces = range(0, len(data), self.chunk)
        return b"".join([self.wrap_datagram(bytes(view[at : at + self.chunk])) for at in pieces])

    def unwrap(self, data: bytes) -> bytes:
        """The plain bytes that `data` completes.

        Raises RemoteProtocolError for what is no message, was tampered with, or is protected
        less than was agreed.
        """
        self._incoming += data
        pieces: list[bytes] = []
        try:
            self._unwrap_messages(pieces)
        except SocksError:
            # What came before is good; the next call, also with b"", fails again.
            if not pieces:
                raise
        return b"".join(pieces)

    def _unwrap_messages(self, pieces: list[bytes]) -> None:
        start = 0
        try:
            with memoryview(self._incoming) as view:
                while len(view) - start >= 2:
                    _check_head(bytes(view[start : start + 2]), MessageType.DATA)
                    if len(view) - start < HEAD:
                        break
                    end = start + HEAD + int.from_bytes(view[start + 2 : start + HEAD], "big")
                    if len(view) < end:
                        break
                    pieces.append(self._unwrap_token(bytes(view[start + HEAD : end])))
                    start = end
        finally:
            del self._incoming[:start]

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun to arrive."""
        return bool(self._incoming)

    def finish(self) -> bytes:
        """Nothing: the end of the connection ends the context."""
        return b""

    def wrap_datagram(self, packet: bytes) -> bytes:
        """The one message for `packet`.

        Raises OSError with EMSGSIZE where it is too large for one, RemoteProtocolError where the
        context has expired, ImportError where the `gssapi` package is missing.
        """
        gssapi = _library()
        try:
            token = self._context.wrap(packet, self._encrypts).message
        except gssapi.exceptions.GSSError as error:
            raise RemoteProtocolError(f"GSSAPI: {_explained(error)}") from error
        if len(token) > LARGEST_TOKEN:
            raise OSError(errno.EMSGSIZE, f"{len(packet)} bytes are too many for one token")
        return bytes((VERSION, MessageType.DATA)) + len(token).to_bytes(2, "big") + bytes(token)

    def unwrap_datagram(self, packet: bytes) -> bytes:
        """The packet in `packet`, one message. Raises a SocksError as `unwrap` does."""
        _check_head(packet[:2], MessageType.DATA)
        if len(packet) != HEAD + int.from_bytes(packet[2:HEAD], "big"):
            raise RemoteProtocolError("the length of a GSSAPI datagram is not its own")
        return self._unwrap_token(packet[HEAD:])

    def _unwrap_token(self, token: bytes) -> bytes:
        gssapi = _library()
        try:
            plain, encrypted, _ = self._context.unwrap(token)
        except gssapi.exceptions.GSSError as error:
            raise RemoteProtocolError(f"GSSAPI: {_explained(error)}") from error
        if self._must_be_encrypted and not encrypted:
            raise RemoteProtocolError("a message is not encrypted, but confidentiality is agreed")
        return bytes(plain)


def _ask(kind: MessageType, token: bytes) -> Exchange:
    """Sends a message; returns the token of the proxy's answer to it."""
    if len(token) > LARGEST_TOKEN:
        raise AuthenticationError(f"a GSSAPI token is {len(token)} bytes long, 65535 is the most")
    message = bytes((VERSION, kind)) + len(token).to_bytes(2, "big") + token
    head = yield message, 2
    _check_head(head, kind)
    length = int.from_bytes((yield b"", 2), "big")
    return (yield b"", length) if length else b""


def _check_head(head: bytes, kind: MessageType) -> None:
    """VER and MTYP. Raises for an abort, and for another message."""
    if len(head) < 2 or head[0] != VERSION:
        raise RemoteProtocolError("what the proxy sent is no GSSAPI message")
    if head[1] == MessageType.ABORT:
        raise AuthenticationError("the proxy aborted the GSSAPI exchange")
    if head[1] != kind:
        raise RemoteProtocolError(f"a GSSAPI message has the type {head[1]:#04x}, not {kind:#04x}")


def _level(name: str, text: str) -> Level:
    try:
        return Level[text.upper()]
    except (KeyError, AttributeError):
        names = ", ".join(level.name.lower() for level in Level)
        raise ValueError(f"{name}={text!r} is none of {names}") from None


def _library() -> Any:
    """The `gssapi` package, which nobody else needs."""
    try:
        import gssapi
    except ImportError as error:
        raise ImportError(
            "GSSAPI needs the gssapi package: pip install 'socks5client[gssapi]'; it is built from"
            " source, with the Kerberos headers (Debian's libkrb5-dev)"
        ) from error
    return gssapi


def _explained(error: Any) -> str:
    """The major and the minor text; a piece of advice where there is one."""
    texts = []
    for code, is_major in ((error.maj_code, True), (error.min_code, False)):
        if code == 0:
            continue
        texts += [text.rstrip(".") for text in error.get_all_statuses(code, is_major) if text]
    return ": ".join(dict.fromkeys(texts))
