"""Placeholder addresses for names that are looked up by the proxy.

A program that looks a name up is given an address that stands for it, and where it connects or
sends to that, the proxy is given the name.
"""

from __future__ import annotations

import os
from _thread import RLock
from collections import OrderedDict
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from weakref import WeakValueDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# RFC 2544's addresses for benchmarks, which no host on the internet has; and of the unique local
# ones (RFC 4193) a prefix of our own.
NETWORKS = ("198.18.0.0/15", "fd53:6f63:6b73:3563::/64")
MOST_NAMES = 65536

# A destructor may come in the middle of all else, and look a name up, too. Of all tables, because
# a child that is forked must find each of them whole, and the lock free.
_lock = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


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
        # By their place in the networks, in the order of their last use. (A plain dict's first
        # item takes the longer to find, the more have been taken away before it.)
        self._names: OrderedDict[int, str] = OrderedDict()
        self._places: dict[str, int] = {}
        self._next = 0
        self._held: WeakValueDictionary[int, Hold] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._names)

    def addresses(self, name: str) -> tuple[str, str]:
        """The IPv4 and the IPv6 placeholder of `name`, new ones where it has none.

        Raises MemoryError where the table is full of names that are held.
        """
        with _lock:
            place = self._places.get(name)
            if place is None:
                place = self._add(name)
            else:
                self._names.move_to_end(place)
        return str(self._v4.network_address + place + 1), str(self._v6.network_address + place + 1)

    def name_of(self, host: str) -> str | None:
        """The name that `host` stands for; None where it is no placeholder at all.

        Raises Forgotten.
        """
        place = self._place(host)
        if place is None:
            return None
        with _lock:
            if place not in self._names:
                raise Forgotten(f"the placeholder {host} stands for no name, or not any more")
            self._names.move_to_end(place)
            return self._names[place]

    def hold(self, name: str) -> Hold | None:
        """Keeps `name` from being forgotten for as long as the result lives.

        None where it has no placeholder.
        """
        with _lock:
            place = self._places.get(name)
            if place is None:
                return None
            held = self._held.get(place)
            if held is None:
                held = self._held[place] = Hold()
            return held

    def _add(self, name: str) -> int:
        if len(self._names) >= self._most:
            self._forget_one()
        # Those that were never forgotten keep their places when their turn comes again.
        while self._next in self._names:
            self._next = (self._next + 1) % self._size
        place, self._next = self._next, (self._next + 1) % self._size
        self._names[place] = name
        self._places[name] = place
        return place

    def _forget_one(self) -> None:
        for _ in range(len(self._names)):
            place = next(iter(self._names))
            if place not in self._held:
                del self._places[self._names.pop(place)]
                return
            self._names.move_to_end(place)
        raise MemoryError(f"all {self._most} names that have placeholders are in use")

    def _place(self, host: str) -> int | None:
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
    """Of one name, by all who have a connection to it."""

    __slots__ = ("__weakref__",)


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
