"""A `gssapi` package without Kerberos, of the real one's shapes; and the proxy's side of it.

What its context wraps is not secret at all, but it has what the tests ask for: whether it was
encrypted, a checksum, a number (so that a token counts once), and a size of its own.
"""

from __future__ import annotations

import types
import zlib
from enum import IntFlag
from typing import NamedTuple

CONTEXT, LEVEL, DATA = 1, 2, 3
ABORT = b"\x01\xff"

# What a token is longer than what it carries.
SIGNED = 8
ENCRYPTED = 12


def message(kind: int, token: bytes) -> bytes:
    return bytes((1, kind)) + len(token).to_bytes(2, "big") + token


class GSSError(Exception):
    """The texts are by code, so that each test says what its errors are called."""

    def __init__(self, maj_code: int, min_code: int, token: bytes | None = None) -> None:
        super().__init__("the codes tell it all")
        self.maj_code, self.min_code, self.token = maj_code, min_code, token

    def get_all_statuses(self, code: int, is_maj: bool) -> list[str]:
        return (MAJOR if is_maj else MINOR)[code]


MAJOR = {
    1: ["Token header is malformed or corrupt"],
    2: ["The token was a duplicate of an earlier token", "A later token has been processed"],
    13: ["Unspecified GSS failure.  Minor code may provide more information."],
}
MINOR = {
    0: ["Unknown error"],
    9: [""],
    7: ["No Kerberos credentials available"],
    8: ["One.", "Two"],
    5: ["Cannot find a KDC for the realm XX."],
    6: ["Can't find client principal bob@EXAMPLE.COM in cache collection"],
}
MINOR[13] = MAJOR[13]


class RequirementFlag(IntFlag):
    delegate_to_peer = 1
    mutual_authentication = 2
    replay_detection = 4
    out_of_sequence_detection = 8
    confidentiality = 16
    integrity = 32


class FlagSet:
    """What `actual_flags` is: with a flag, `&` tells whether it is there."""

    def __init__(self, flags: int) -> None:
        self._flags = flags

    def __and__(self, flag: int) -> bool:
        return bool(self._flags & flag)


class NameType:
    hostbased_service = "a host-based service"
    kerberos_principal = "a Kerberos principal"
    user = "a user"


class Name(NamedTuple):
    base: str
    name_type: str


class Credentials(NamedTuple):
    name: Name
    usage: str


class OID(NamedTuple):
    numbers: tuple[int, ...]

    @classmethod
    def from_int_seq(cls, integer_sequence: str) -> OID:
        return cls(tuple(int(number) for number in integer_sequence.split(".")))


class WrapResult(NamedTuple):
    message: bytes
    encrypted: bool


class UnwrapResult(NamedTuple):
    message: bytes
    encrypted: bool
    qop: int


class Seals:
    """One side of an established context; the other one has the letters reversed."""

    def __init__(self, ours: bytes, theirs: bytes, ordered: bool = False) -> None:
        self._ours, self._theirs, self._ordered = ours, theirs, ordered
        self._next = 0
        self._seen: list[int] = []

    def wrap(self, data: bytes, encrypt: bool) -> WrapResult:
        number, self._next = self._next.to_bytes(2, "big"), self._next + 1
        body = bytes(ENCRYPTED - SIGNED) + data[::-1] if encrypt else data
        head = (b"E" if encrypt else b"S") + self._ours + number
        return WrapResult(head + zlib.crc32(head + body).to_bytes(4, "big") + body, encrypt)

    def unwrap(self, token: bytes) -> UnwrapResult:
        head, check, body = token[:4], token[4:SIGNED], token[SIGNED:]
        if head[1:2] != self._theirs or zlib.crc32(head + body).to_bytes(4, "big") != check:
            raise GSSError(1, 0)
        number = int.from_bytes(head[2:], "big")
        if number in self._seen or (self._ordered and number != len(self._seen)):
            raise GSSError(2, 0)
        self._seen.append(number)
        if head[:1] == b"S":
            return UnwrapResult(body, False, 0)
        return UnwrapResult(body[ENCRYPTED - SIGNED :][::-1], True, 0)


class SecurityContext:
    def __init__(
        self,
        library: Library,
        *,
        name: Name,
        creds: Credentials | None,
        flags: int,
        mech: OID | None,
        usage: str,
    ) -> None:
        self.arguments = (name, creds, flags, mech, usage)
        self.received: list[bytes | None] = []
        self.actual_flags = FlagSet(flags & ~library.refused_flags)
        self._library = library
        self._seals = Seals(b">", b"<", bool(flags & RequirementFlag.out_of_sequence_detection))
        self._deferred: GSSError | None = None

    @property
    def complete(self) -> bool:
        if self._deferred is not None:
            raise self._deferred
        return len(self.received) >= len(self._library.tokens) and self._library.completes

    def step(self, token: bytes | None = None) -> bytes | None:
        if self._deferred is not None:
            raise self._deferred
        self.received.append(token)
        ours = self._library.tokens[len(self.received) - 1]
        if isinstance(ours, GSSError):
            if ours.token is None:
                raise ours
            self._deferred = ours  # as the real one does: first its token is to be sent
            return ours.token
        return ours

    def wrap(self, message: bytes, encrypt: bool) -> WrapResult:
        if self._library.broken is not None:
            raise self._library.broken
        return self._seals.wrap(message, encrypt and self.actual_flags & 16)

    def unwrap(self, message: bytes) -> UnwrapResult:
        return self._seals.unwrap(message)

    def get_wrap_size_limit(self, desired_output_size: int, encrypted: bool = True) -> int:
        return desired_output_size - (ENCRYPTED if encrypted else SIGNED)


class Library(types.ModuleType):
    """The module, and what the tests tell it to do."""

    exceptions = types.SimpleNamespace(GSSError=GSSError)
    RequirementFlag = RequirementFlag
    NameType = NameType
    OID = OID

    def __init__(self) -> None:
        super().__init__("gssapi")
        #: What `step` gives, each time; with the last one the context is complete.
        self.tokens: list[bytes | GSSError | None] = [b"AP-REQ", None]
        self.completes = True
        self.refused_flags = 0
        self.broken: GSSError | None = None  # what `wrap` raises
        self.unknown_users: dict[str, GSSError] = {}
        self.contexts: list[SecurityContext] = []
        #: The proxy's side of the context.
        self.peer = Seals(b"<", b">")

    def Name(self, base: str, name_type: str) -> Name:
        return Name(base, name_type)

    def Credentials(self, *, name: Name, usage: str) -> Credentials:
        if name.base in self.unknown_users:
            raise self.unknown_users[name.base]
        return Credentials(name, usage)

    def SecurityContext(self, **arguments: object) -> SecurityContext:
        self.contexts.append(SecurityContext(self, **arguments))  # type: ignore[arg-type]
        return self.contexts[-1]

    def sealed(self, plain: bytes, encrypted: bool = True) -> bytes:
        """A message of the proxy's that carries `plain`."""
        return message(DATA, self.peer.wrap(plain, encrypted).message)

    def level(self, plain: bytes, encrypted: bool = False) -> bytes:
        """The proxy's answer to the protection level."""
        return message(LEVEL, self.peer.wrap(plain, encrypted).message)
