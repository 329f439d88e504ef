from __future__ import annotations

import sys

import pytest

from tests.protocol.fake_gssapi import Library


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """The fake `gssapi`, which the package finds instead of the real one, or of none."""
    fake = Library()
    monkeypatch.setitem(sys.modules, "gssapi", fake)
    return fake
