"""Every public name says its parameters, their units, what it returns and raises, its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client.errors import RemoteProtocolError, ReplyError
from tests.docstrings import Public, complaints, members, modules, public_names

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("module", modules())
def test_docstrings(module: str) -> None:
    pytest.importorskip(module, exc_type=ImportError)
    found = {public.name: complaints(public) for public in public_names(module)}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_what_is_looked_at() -> None:
    found = {public.name for public in public_names("socks5client")}
    callables = {name for name in socks5client.__all__ if callable(getattr(socks5client, name))}
    assert {f"socks5client.{name}" for name in callables} <= found
    # Methods, class methods, properties, inherited ones; neither private nor C's.
    assert {
        "socks5client",
        "socks5client.Proxy.from_url",
        "socks5client.Proxy.replace",
        "socks5client.socket.proxy_peername",
        "socks5client.DatagramSocket.max_datagram_size",
        "socks5client.Rendezvous.wait",
    } <= found
    assert not {name for name in found if "._" in name or name.endswith(".recv_fds")}
    assert "socks5client.protocol.reassembly" in modules()
    assert not [name for name in modules() if "._" in name or ".cli" in name]


class Complete:
    """A thing.

    Parameters:
        size: how many bytes it takes.
        first, second: what it is made of.

    Raises ValueError for a `size` of 0.
    """

    def __init__(self, size: int, first: str, second: str) -> None:
        if not size:
            raise ValueError("nothing")
        self._parts = first, second

    def wait(self, timeout: float) -> bool:
        """Waits for `timeout` seconds. Returns whether there is something."""
        return bool(timeout and self._parts)

    @classmethod
    def copied(cls, *args: Any, **options: Any) -> Complete:
        """One like another, of `args` and `options`. Raises TypeError as it is."""
        return cls(*args, **_only_known(options))

    @property
    def largest_size(self) -> int:
        """The most bytes."""
        return 1


def _only_known(options: dict[str, Any]) -> dict[str, Any]:
    if options:
        raise TypeError("none is known")
    return options


class Without(Complete):
    """A thing like another, whose constructor says all."""

    def undocumented(self) -> None: ...

    def parameter(self, name: str, other: str) -> None:
        """Takes `name`, and another one."""

    def seconds(self, timeout: float) -> None:
        """Waits for `timeout`."""

    def bytes(self, chunk_size: int) -> None:
        """Cuts it in pieces of `chunk_size`."""

    @property
    def most_bytes(self) -> int:
        """The most that it takes."""
        return 1

    def returned(self) -> str:
        """Reads a line."""
        return ""

    def raised(self) -> None:
        """Nothing is wrong."""
        raise RemoteProtocolError("all is")

    def raised_by_a_helper(self) -> None:
        """Nothing is wrong."""
        self._helper()

    def _helper(self) -> None:
        raise ValueError

    def raised_again(self) -> None:
        """Nothing is wrong."""
        try:
            raise OSError
        except OSError:
            raise

    def caught(self) -> None:
        """Nothing is wrong."""
        try:
            raise FileNotFoundError
        except (OSError, ValueError):
            pass

    def base_is_named(self) -> None:
        """Nothing but an OSError."""
        raise RemoteProtocolError

    def elsewhere(self, timeout: float) -> bool:
        """As `Complete.wait`, but faster."""
        return bool(timeout)

    def nowhere(self, timeout: float) -> bool:
        """As `Complete.weight`, but faster."""
        return bool(timeout)


WITHOUT = {
    "undocumented": ["no docstring"],
    "parameter": ["parameter other is not named"],
    "seconds": ["timeout: no word of seconds"],
    "bytes": ["chunk_size: no word of bytes"],
    "most_bytes": ["most_bytes: no word of bytes"],
    "returned": ["what it returns is not said"],
    "raised": ["RemoteProtocolError is not named"],
    "raised_by_a_helper": ["ValueError is not named"],
    "raised_again": ["OSError is not named"],
    "nowhere": ["parameter timeout is not named", "timeout: no word of seconds"],
}


def test_what_is_complete() -> None:
    assert complaints(Public("Complete", Complete)) == []
    found = list(members("Complete", Complete))
    assert [public.name for public in found] == [
        "Complete.wait",
        "Complete.copied",
        "Complete.largest_size",
    ]
    assert [complaints(public) for public in found] == [[], [], []]


def test_what_is_missing() -> None:
    assert complaints(Public("Without", Without)) == []
    found = {public.name: complaints(public) for public in members("Without", Without)}
    missing = {name.removeprefix("Without."): each for name, each in found.items() if each}
    assert missing == WITHOUT


class Silent:
    """A thing."""

    def __init__(self, path: str, timeout: float) -> None:
        if not path:
            raise ValueError


class Made:
    """A thing; `connect` makes one."""

    def __init__(self, path: str) -> None: ...


class Overriding(socks5client.socket):
    """A socket."""

    def sendto(self, *args: Any) -> int:
        """Sends it elsewhere."""
        raise ValueError

    def accept(self) -> Any:
        raise ValueError


class InTheSystem:
    """No socket, but like one."""

    def recv(self, size: int) -> bytes:
        """As in the system, but it may wait."""
        return bytes(size)

    def receive(self, size: int) -> bytes:
        """As in the system, but it may wait."""
        return bytes(size)


def bind() -> None:
    """Does what RFC 1918 says."""


class OurReply(ReplyError):
    """A code; the base class says the RFC."""


def test_constructors() -> None:
    assert complaints(Public("Silent", Silent)) == [
        "parameter path is not named",
        "parameter timeout is not named",
        "timeout: no word of seconds",
        "ValueError is not named",
    ]
    assert complaints(Public("Made", Made)) == []


def of(cls: type, name: str) -> list[str]:
    return complaints(Public(f"{cls.__name__}.{name}", vars(cls)[name], cls))


def test_what_others_document() -> None:
    assert of(Overriding, "sendto") == []
    assert of(Overriding, "accept") == ["no docstring"]
    assert of(InTheSystem, "recv") == []
    assert of(InTheSystem, "receive") == ["parameter size is not named", "size: no word of bytes"]


@pytest.mark.parametrize(
    ("value", "missing"),
    [(bind, True), (OurReply, False), (socks5client.bind, False), (of, False)],
    ids=["a command", "a reply's code", "said", "no protocol"],
)
def test_source(value: Callable[..., Any] | type, missing: bool) -> None:
    found = complaints(Public(value.__name__, value))
    assert ("no source: which RFC, or Tor's socks-extensions" in found) is missing
