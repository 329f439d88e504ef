"""Placeholder addresses: what they stand for, for how long, and whose turn is next."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import tracemalloc
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client._fakeip import MOST_NAMES, NETWORKS, Forgotten, Hold, Placeholders

ROOT = Path(__file__).parents[1]
SMALL = ("192.0.2.0/29", "2001:db8::/125")  # 6 addresses each, for placeholders

# What a program does: look up, use an address, connect and close. Names are numbers here.
NAMES = st.integers(0, 9).map(str)
STEPS = st.lists(st.tuples(st.sampled_from(["look up", "use", "hold", "let go"]), NAMES))


class Model:
    """What the table promises, done slowly: the order of use is a list."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.order: list[str] = []
        self.held: set[str] = set()

    def use(self, name: str) -> None:
        self.order.remove(name)
        self.order.append(name)

    def look_up(self, name: str) -> bool:
        """Whether there is room for it."""
        if name in self.order:
            self.use(name)
            return True
        if len(self.order) == self._most:
            if self.held.issuperset(self.order):
                return False
            # Those in front are in use, so they count as used.
            while self.order[0] in self.held:
                self.use(self.order[0])
            del self.order[0]
        self.order.append(name)
        return True


@given(steps=STEPS, most=st.integers(1, 6))
def test_who_is_forgotten(steps: list[tuple[str, str]], most: int) -> None:
    table, model = Placeholders(SMALL, most), Model(most)
    holds: dict[str, Hold] = {}
    found: dict[str, tuple[str, str]] = {}
    for step, name in steps:
        if step == "look up":
            if model.look_up(name):
                found[name] = table.addresses(name)
            else:
                with pytest.raises(MemoryError, match="in use"):
                    table.addresses(name)
        elif step == "use" and name in model.order:
            assert table.name_of(found[name][0]) == name
            model.use(name)
        elif step == "hold":
            hold = table.hold(name)
            assert (hold is not None) == (name in model.order)
            if hold is not None:
                holds[name] = hold
        elif step == "let go":
            holds.pop(name, None)
        model.held = set(holds)
        assert len(table) == len(model.order) <= most
    for name in list(model.order):
        assert table.addresses(name) == found[name]
        assert [table.name_of(host) for host in found[name]] == [name, name]
    standing = {found[name][0] for name in model.order}
    for name in found.keys() - set(model.order):
        if found[name][0] not in standing:
            with pytest.raises(Forgotten):
                table.name_of(found[name][0])


@given(names=st.lists(st.integers(0, 30).map(str), max_size=80), most=st.integers(1, 6))
def test_an_address_is_used_again_after_all_the_others(names: list[str], most: int) -> None:
    table = Placeholders(SMALL, most)
    usable = {str(host) for host in ip_network(SMALL[0]).hosts()}
    waited: dict[str, set[str]] = {}  # the others' turns since an address was given
    stands: dict[str, str] = {}
    for name in names:
        in_use = set(stands.values())
        host = table.addresses(name)[0]
        if stands.get(name) != host:
            # A turn is passed over where the address stands for a name at the time.
            for others in waited.values():
                others |= in_use | {host}
            assert usable - {host} <= waited.get(host, usable)
            waited[host] = set()
            stands = {other: place for other, place in stands.items() if place != host}
            stands[name] = host


def test_one_that_is_kept_is_passed_over_each_time() -> None:
    table = Placeholders(SMALL, 2)
    hosts = []
    for number in range(20):
        kept = table.addresses("kept.test")[0]
        hosts.append(table.addresses(f"{number}.test")[0])
    others = {str(host) for host in ip_network(SMALL[0]).hosts()} - {kept}
    for start in range(len(hosts) - 4):
        assert set(hosts[start : start + 5]) == others


def test_the_limits_that_are_promised() -> None:
    assert NETWORKS == ("198.18.0.0/15", "fd53:6f63:6b73:3563::/64")
    assert MOST_NAMES == 65536
    assert Placeholders().addresses("name.test") == ("198.18.0.1", "fd53:6f63:6b73:3563::1")


def test_held_by_many() -> None:
    table = Placeholders(SMALL, 1)
    v4, _ = table.addresses("kept.test")
    holds = [table.hold("kept.test") for _ in range(3)]
    while holds:
        with pytest.raises(MemoryError, match="all 1 names"):
            table.addresses("other.test")
        holds.pop()
    table.addresses("other.test")
    with pytest.raises(Forgotten, match=v4):
        table.name_of(v4)


def test_a_hold_in_a_cycle_ends_with_it() -> None:
    """The collector comes at any time: in the middle of a look-up, too."""
    table = Placeholders(SMALL, 2)
    for number in range(10):
        name = f"{number}.test"
        table.addresses(name)
        cycle: list[object] = [table.hold(name)]
        cycle.append(cycle)
        del cycle
        gc.collect()
    assert len(table) == 2


def test_many_held_names_are_passed_over_quickly() -> None:
    """All of them in less time than it took to look them up."""
    table = Placeholders()
    holds = []
    begin = time.process_time()
    for number in range(MOST_NAMES):
        name = f"{number}.test"
        table.addresses(name)
        holds.append(table.hold(name))
    full = time.process_time()
    with pytest.raises(MemoryError, match=str(MOST_NAMES)):
        table.addresses("more.test")
    assert time.process_time() - full < full - begin
    del holds[-1]
    table.addresses("more.test")
    assert table.hold(f"{MOST_NAMES - 1}.test") is None


def test_what_is_no_placeholder() -> None:
    table = Placeholders()
    table.addresses("name.test")
    for host in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "name.test", "", "198.20.0.1"):
        assert table.name_of(host) is None


@pytest.mark.parametrize(
    "host", ["198.18.0.0", "198.19.255.255", "198.18.0.2", "fd53:6f63:6b73:3563::"]
)
def test_a_placeholder_that_nobody_was_given(host: str) -> None:
    table = Placeholders()
    table.addresses("name.test")
    with pytest.raises(Forgotten, match=host):
        table.name_of(host)


def test_ipv4_mapped_into_ipv6() -> None:
    table = Placeholders()
    v4, _ = table.addresses("name.test")
    assert table.name_of(f"::ffff:{v4}") == "name.test"
    assert table.name_of(str(ip_address(f"::ffff:{v4}"))) == "name.test"
    with pytest.raises(Forgotten):
        table.name_of("::ffff:198.19.0.1")


@pytest.mark.parametrize(
    ("networks", "most", "match"),
    [
        (["198.18.0.0/15"], 1, "not one IPv4 and one IPv6"),
        (["198.18.0.0/15", "10.0.0.0/8"], 1, "not one IPv4 and one IPv6"),
        (["fd00::/64", "fd01::/64"], 1, "not one IPv4 and one IPv6"),
        ([*NETWORKS, "10.0.0.0/8"], 1, "not one IPv4 and one IPv6"),
        ([], 1, "not one IPv4 and one IPv6"),
        (["198.18.0.1/15", "fd00::/64"], 1, "host bits"),
        (["name.test", "fd00::/64"], 1, "name.test"),
        (["10.0.0.0/30", "fd00::/64"], 3, "no 3 addresses"),
        (["10.0.0.0/8", "fd00::/126"], 3, "no 3 addresses"),
        (["10.0.0.1/32", "fd00::/64"], 1, "no 1 addresses"),
        (NETWORKS, 0, "too few"),
        (NETWORKS, -1, "too few"),
    ],
)
def test_networks_that_will_not_do(networks: list[str], most: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Placeholders(networks, most)


@given(prefixes=st.tuples(st.integers(20, 29), st.integers(100, 125)), in_turn=st.booleans())
def test_networks_of_ones_own(prefixes: tuple[int, int], in_turn: bool) -> None:
    networks = [f"10.16.0.0/{prefixes[0]}", f"fd00::/{prefixes[1]}"]
    table = Placeholders(networks if in_turn else networks[::-1], 2)
    for number in range(50):
        hosts = table.addresses(str(number))
        for host, network in zip(hosts, map(ip_network, networks), strict=True):
            place = ip_address(host)
            assert place in network
            assert place not in (network.network_address, network.broadcast_address)
            assert table.name_of(host) == str(number)


def test_threads() -> None:
    table = Placeholders(SMALL, 4)
    wrong: list[object] = []

    def run(number: int) -> None:
        for turn in range(500):
            name = f"{number}-{turn % 3}"
            try:
                v4, _ = table.addresses(name)
                hold = table.hold(name)
                if hold is not None:
                    v4, v6 = table.addresses(name)
                    if (table.name_of(v4), table.name_of(v6)) != (name, name):
                        wrong.append(name)
            except MemoryError:  # each of the others holds one
                pass
            hold = None

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(table) == 4
    assert len({table.addresses(f"new-{number}") for number in range(4)}) == 4


FORKING = """
import os, signal, threading
from socks5client._fakeip import Placeholders

table = Placeholders(most=100)
end = threading.Event()

def run():
    number = 0
    while not end.is_set():
        number += 1
        table.addresses(str(number))

thread = threading.Thread(target=run, daemon=True)
thread.start()
for number in range(30):
    child = os.fork()
    if not child:
        signal.alarm(10)
        os._exit(table.name_of(table.addresses("child.test")[0]) != "child.test")
    assert os.waitpid(child, 0)[1] == 0, "the lock was not free, or the table not whole"
end.set()
thread.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_child_finds_the_lock_free() -> None:
    run = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    subprocess.run(run, check=True, cwd=ROOT, timeout=60)


def test_memory() -> None:
    """About 200 bytes a name, besides its text, for as many names as ever are looked up."""
    most = MOST_NAMES // 8
    names = [f"{number}.example.test" for number in range(3 * most)]
    table = Placeholders(most=most)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for name in names:
            table.addresses(name)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / most < 260
