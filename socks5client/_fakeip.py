"""Placeholder addresses for names that are looked up by the proxy.

A program that looks a name up is given an address that stands for it, and where it connects or
sends to that, the proxy is given the name.
"""

from __future__ import annotations

from _thread import RLock
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# RFC 2544's addresses for benchmarks, which no host on the internet has; and of the unique local
# ones (RFC 4193) a prefix of our own.
NETWORKS = ("198.18.0.0/15", "fd53:6f63:6b73:3563::/64")
MOST_NAMES = 65536


class Forgotten(LookupError):
    """The address is a placeholder, and stands for no name, or not any more."""


class Placeholders:
    """A bounded table of names, each with an IPv4 and an IPv6 placeholder.

    Parameters: `networks`, one IPv4 and one IPv6 network, as text; `most`, how many names at
    the most. After that the name that was used least recently is forgotten, but never one that
    is held (`hold`). An address stands for another name only after all the others of its
    network have had their turn. Raises ValueError for networks that are none, or too small.

    All methods may be called from any thread.
    """

    def __init__(self, networks: Sequence[str] = NETWORKS, most: int = MOST_NAMES) -> None:
        self._v4, self._v6 = _networks(networks)
        if most < 1:
            raise ValueError(f"{most} placeholders are too few: 1 is the least")
        # Neither the first nor the last address of a network, which mean all of it.
        self._size = min(self._v4.num_addresses, self._v6.num_addresses) - 2
        if self._size < most:
            raise ValueError(f"{self._v4} and {self._v6} have no {most} addresses for placeholders")
        self._most = most
        # Names are numbered in turn; `_names` is in the order of their last use.
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._held: dict[int, int] = {}
        # A destructor may come in the middle of all else, and wants it, too.
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._names)

    def addresses(self, name: str) -> tuple[str, str]:
        """The IPv4 and the IPv6 placeholder of `name`, new ones where it has none.

        Raises MemoryError where the table is full of names that are held.
        """
        with self._lock:
            number = self._numbers.get(name)
            if number is None:
                number = self._add(name)
            else:
                self._touch(number)
        offset = 1 + number % self._size
        return str(self._v4.network_address + offset), str(self._v6.network_address + offset)

    def name_of(self, host: str) -> str | None:
        """The name that `host` stands for; None where it is no placeholder at all.

        Raises Forgotten.
        """
        offset = self._offset(host)
        if offset is None:
            return None
        with self._lock:
            number = self._latest(offset)
            if number is None:
                raise Forgotten(f"the placeholder {host} stands for no name, or not any more")
            self._touch(number)
            return self._names[number]

    def hold(self, name: str) -> Hold | None:
        """Keeps `name` from being forgotten for as long as the result lives.

        None where it has no placeholder.
        """
        with self._lock:
            number = self._numbers.get(name)
            if number is None:
                return None
            self._held[number] = self._held.get(number, 0) + 1
        return Hold(self, number)

    def release(self, number: int) -> None:
        """A `Hold` has ended."""
        with self._lock:
            self._held[number] -= 1
            if not self._held[number]:
                del self._held[number]

    def _add(self, name: str) -> int:
        if len(self._names) >= self._most:
            self._forget_one()
        # Those that were never forgotten keep their addresses when their turn comes again.
        while self._latest(self._next % self._size) is not None:
            self._next += 1
        number, self._next = self._next, self._next + 1
        self._names[number] = name
        self._numbers[name] = number
        return number

    def _forget_one(self) -> None:
        for _ in range(len(self._names)):
            number = next(iter(self._names))
            if number not in self._held:
                del self._numbers[self._names.pop(number)]
                return
            self._touch(number)
        raise MemoryError(f"all {self._most} names that have placeholders are in use")

    def _touch(self, number: int) -> None:
        self._names[number] = self._names.pop(number)

    def _latest(self, offset: int) -> int | None:
        """The number that has the address at `offset`, which went from one to the next."""
        if not 0 <= offset < self._size:
            return None
        last = self._next - 1
        for number in range(last - (last - offset) % self._size, -1, -self._size):
            if number in self._names:
                return number
        return None

    def _offset(self, host: str) -> int | None:
        try:
            address = ip_address(host)
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is None:
                first = self._v6.network_address if address in self._v6 else None
                return None if first is None else int(address) - int(first) - 1
            address = address.ipv4_mapped
        return int(address) - int(self._v4.network_address) - 1 if address in self._v4 else None


class Hold:
    """Of one name, by somebody who has a connection to it."""

    __slots__ = ("_number", "_table")

    def __init__(self, table: Placeholders, number: int) -> None:
        self._table, self._number = table, number

    def __del__(self) -> None:
        self._table.release(self._number)


def _networks(texts: Sequence[str]) -> tuple[IPv4Network, IPv6Network]:
    try:
        networks = [ip_network(text) for text in texts]
    except ValueError as error:
        raise ValueError(f"placeholders: {error}") from None
    match sorted(networks, key=lambda network: network.version):
        case IPv4Network() as v4, IPv6Network() as v6:
            return v4, v6
    raise ValueError(f"placeholders {tuple(texts)} are not one IPv4 and one IPv6 network")


__all__ = ["MOST_NAMES", "NETWORKS", "Forgotten", "Hold", "Placeholders"]
