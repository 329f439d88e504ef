"""Targets: the reference server, which reads what clients say."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tests.server_fixture import datagram, wire
from tests.server_fixture.reassembly import Reassembly

from .source import Source

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class Gone(Exception):
    """The client has no more to say."""


def conversation(data: bytes) -> None:
    """Method offer, authentication, request: understood, or malformed in the server's own words."""
    source = Source(data)
    method = source.byte() % 3
    data = source.rest()
    at = 0

    async def read(size: int) -> bytes:
        nonlocal at
        assert size >= 0
        piece = data[at : at + size]
        at += size
        if len(piece) < size:
            raise Gone
        return piece

    async def talk() -> wire.Request:
        offered = await wire.read_offer(read)
        assert 1 <= len(offered) <= 255
        if method == 1:
            await wire.read_gss(read, wire.GSS_CONTEXT)
            await wire.read_gss(read, wire.GSS_LEVEL)
        elif method == 2:
            user, password = await wire.read_credentials(read)
            assert len(user) <= 255
            assert len(password) <= 255
        return await wire.read_request(read)

    try:
        request = _run(talk())
    except (Gone, wire.MalformedMessage):
        return
    # What it understood is what it would say itself.
    assert data[:at].endswith(wire.encode_address(request.host, request.port)) or (
        request.atyp == wire.NAME and wire.as_ip(request.host.partition("%")[0]) is not None
    )


def relay(data: bytes) -> None:
    """Packets of a client's: whole datagrams come out, or the reason why not is told."""
    reasons: list[str] = []
    reassembler = Reassembly(reasons.append)
    now = 0.0
    for piece in Source(data).pieces():
        now += len(piece) / 64
        try:
            message = datagram.decode(piece)
        except datagram.Dropped as dropped:
            assert str(dropped)
            continue
        result = reassembler.receive(message, now)
        if result is not None:
            whole, count = result
            assert whole.frag == 0
            assert 1 <= count <= 127
    assert all(reasons)


def _run(steps: Coroutine[object, None, T]) -> T:
    """A coroutine that waits for nothing."""
    try:
        steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")
