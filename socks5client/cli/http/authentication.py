"""Who asks: Basic, Digest (RFC 7616), a bearer token, or what the server prefers.

Not httpx.DigestAuth: it signs its own spelling of the path, where the request line has the user's,
quotes nothing, and knows no userhash.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..options import Options

    Headers = Iterable[tuple[bytes, bytes]]

_SCHEME = re.compile(r"(?:^|,)\s*(basic|digest|bearer)(?=$|[,\s])", re.IGNORECASE)
_PAIR = re.compile(r'\s*([^=,"]+?)=("(?:\\.|[^"\\])*"|[^,]*)')
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Login:
    """How a transfer authenticates, from its first request to its last.

    `probing`: the next request is without its body, for the server will ask for Digest first.
    """

    def __init__(self, options: Options) -> None:
        self._token = options.oauth2_bearer
        kinds = {"basic": ("basic",), "digest": ("digest",), "any": ("digest", "basic")}
        self._wanted = ("bearer",) if self._token is not None else kinds[options.auth]
        # Which one is used; "" for none of them.
        self._picked = self._wanted[0] if len(self._wanted) == 1 else ""
        self._digest: Digest | None = None
        self._given_up = False

    @property
    def needs_no_user(self) -> bool:
        return self._token is not None

    @property
    def probing(self) -> bool:
        return self._picked == "digest" and self._digest is None

    def header(self, user: str, password: str, method: str, target: str) -> str | None:
        """The value of Authorization, if there is one to send."""
        if self._picked == "bearer":
            return f"Bearer {self._token}"
        if self._picked == "basic":
            secret = base64.b64encode(os.fsencode(f"{user}:{password}")).decode("ascii")
            return f"Basic {secret}"
        if self._picked == "digest" and self._digest is not None:
            return self._digest.header(user, password, method, target)
        return None

    def refused(self, headers: Headers) -> bool:
        """After a 401: whether to ask once more, now that the server has said how."""
        if self._given_up:
            return False
        offered: set[str] = set()
        for name, value in headers:
            if name.lower() == b"www-authenticate":
                text = os.fsdecode(value)
                for scheme in _SCHEME.finditer(text):
                    self._read(scheme[1].lower(), text[scheme.end() :], offered)
        choice = next((kind for kind in self._wanted if kind in offered), None)
        self._given_up = self._given_up or choice is None
        self._picked = choice or ""
        return not self._given_up

    def accepted(self) -> bool:
        """After an answer that is no error: whether it was to a probe, and the request is due."""
        if not self.probing:
            return False
        self._given_up, self._picked = True, ""
        return True

    def _read(self, scheme: str, rest: str, offered: set[str]) -> None:
        if scheme == "digest" and "digest" not in offered:
            known, self._digest = self._digest, Digest.parse(rest)
            # Another nonce without stale=true: it was the password that was wrong.
            if self._digest is None or (known is not None and not self._digest.stale):
                self._given_up = True
        elif scheme != "digest" and scheme == self._picked:
            self._given_up = True
        offered.add(scheme)


class Digest:
    """A server's challenge, and what answers it. `stale`: only the nonce was too old."""

    def __init__(self, fields: dict[str, str], algorithm: str) -> None:
        self.stale = fields.get("stale", "").lower() == "true"
        self._fields = fields
        self._session = algorithm.upper().endswith("-SESS")
        self._hash = _hasher(_HASHES[algorithm.upper().removesuffix("-SESS")])
        offers = [offer.strip().lower() for offer in fields.get("qop", "").split(",")]
        self._qop = next((qop for qop in ("auth", "auth-int") if qop in offers), None)
        self._cnonce = secrets.token_urlsafe(24)
        self._count = 0

    @classmethod
    def parse(cls, text: str) -> Digest | None:
        """None where it is malformed, or of an algorithm that is not known."""
        fields = {match[1].lower(): _unquoted(match[2]) for match in _PAIR.finditer(text)}
        algorithm = fields.get("algorithm", "MD5")
        if "nonce" not in fields or algorithm.upper().removesuffix("-SESS") not in _HASHES:
            return None
        made = cls(fields, algorithm)
        return None if made._session and made._qop is None else made

    def header(self, user: str, password: str, method: str, target: str) -> str:
        fields, h = self._fields, self._hash
        realm, nonce = fields.get("realm", ""), fields["nonce"]
        secret = h(f"{user}:{realm}:{password}")
        if self._session:
            secret = h(f"{secret}:{nonce}:{self._cnonce}")
        asked = f"{method}:{target}"
        if self._qop == "auth-int":
            asked += f":{h('')}"  # right for what has no body; curl does no more
        hashed_user = fields.get("userhash", "").lower() == "true"
        name = h(f"{user}:{realm}") if hashed_user else user
        parts = [f"username={_quoted(name)}", f"realm={_quoted(realm)}", f"nonce={_quoted(nonce)}"]
        parts.append(f'uri="{target}"')
        if self._qop is None:
            proof = h(f"{secret}:{nonce}:{h(asked)}")
        else:
            self._count += 1
            count = f"{self._count:08x}"
            proof = h(f"{secret}:{nonce}:{count}:{self._cnonce}:{self._qop}:{h(asked)}")
            parts += [f'cnonce="{self._cnonce}"', f"nc={count}", f"qop={self._qop}"]
        parts.append(f'response="{proof}"')
        if "opaque" in fields:
            parts.append(f"opaque={_quoted(fields['opaque'])}")
        if "algorithm" in fields:
            parts.append(f"algorithm={fields['algorithm']}")
        if hashed_user:
            parts.append("userhash=true")
        return f"Digest {', '.join(parts)}"


def _hasher(name: str) -> Callable[[str], str]:
    return lambda text: hashlib.new(name, os.fsencode(text), usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _unquoted(text: str) -> str:
    text = text.strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
