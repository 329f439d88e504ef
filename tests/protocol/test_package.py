from __future__ import annotations

import pytest

from socks5client import protocol


def test_what_is_imported_at_first_use() -> None:
    for name in ("Association", "Datagram", "Fragment", "GSSAPI", "Reassembler", "fragment"):
        assert name in protocol.__all__
        protocol.__dict__.pop(name, None)
        assert getattr(protocol, name).__module__.startswith("socks5client.protocol.")


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        protocol.Nonsense  # type: ignore[attr-defined]  # noqa: B018
