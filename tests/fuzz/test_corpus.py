"""What the fuzzer has found once, or starts from; and what hypothesis makes of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .targets import TARGETS, corpus_of

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = [(name, path) for name in TARGETS for path in corpus_of(name)]


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=[f"{n}-{p.name}" for n, p in INPUTS])
def test_input(name: str, path: Path) -> None:
    TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_property(name: str, data: st.DataObject) -> None:
    """Any bytes, and inputs of the corpus with bytes changed, lost, doubled and mixed."""
    if data.draw(st.booleans()):
        TARGETS[name](data.draw(st.binary(max_size=200)))
        return
    known = bytearray(data.draw(st.sampled_from(corpus_of(name))).read_bytes())
    rng = random.Random(data.draw(st.integers(0, 1 << 32)))
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(known))
        known[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    TARGETS[name](bytes(known))
