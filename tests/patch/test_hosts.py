"""The file of hosts."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from socks5client._patch.hosts import Host, Hosts

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# a comment
127.0.0.1\tlocalhost
127.0.1.1 vm.example.test vm   # the machine's own
::1 localhost ip6-localhost ip6-loopback
192.0.2.1 Two.test both
192.0.2.2 two.test other
2001:0db8::1 two.test
not-an-address name.test
127.0.0.9
fe80::1%lo0 scoped.test
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("name", "family", "host"),
    [
        ("localhost", socket.AF_INET, Host("localhost", [], ["127.0.0.1"])),
        ("LocalHost", socket.AF_INET, Host("localhost", [], ["127.0.0.1"])),
        (
            "localhost",
            0,
            Host("localhost", ["ip6-localhost", "ip6-loopback"], ["127.0.0.1", "::1"]),
        ),
        ("vm", 0, Host("vm.example.test", ["vm"], ["127.0.1.1"])),
        ("vm.example.test", socket.AF_INET, Host("vm.example.test", ["vm"], ["127.0.1.1"])),
        ("vm", socket.AF_INET6, None),
        (
            "two.test",
            socket.AF_INET,
            Host("Two.test", ["both", "two.test", "other"], ["192.0.2.1", "192.0.2.2"]),
        ),
        ("two.test", socket.AF_INET6, Host("two.test", [], ["2001:db8::1"])),
        ("name.test", 0, None),
        ("nobody.test", 0, None),
        ("", 0, None),
        ("#", 0, None),
    ],
)
def test_by_name(path: Path, name: str, family: int, host: Host | None) -> None:
    assert Hosts(str(path)).by_name(name, family) == host


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1", Host("localhost", [], ["127.0.0.1"])),
        ("127.0.1.1", Host("vm.example.test", ["vm"], ["127.0.1.1"])),
        ("2001:db8::1", Host("two.test", [], ["2001:db8::1"])),
        ("127.0.0.9", None),
        ("192.0.2.9", None),
    ],
)
def test_by_address(path: Path, address: str, host: Host | None) -> None:
    assert Hosts(str(path)).by_address(address) == host


def test_a_change_is_seen(path: Path) -> None:
    hosts = Hosts(str(path))
    assert hosts.by_name("new.test") is None
    path.write_text("192.0.2.5 new.test\n")
    os.utime(path, ns=(0, 0))
    assert hosts.by_name("new.test") == Host("new.test", [], ["192.0.2.5"])
    assert hosts.by_name("localhost") is None
    path.unlink()
    assert hosts.by_name("new.test") is None


def test_no_such_file(tmp_path: Path) -> None:
    assert Hosts(str(tmp_path / "none")).by_name("localhost") is None
    assert Hosts(str(tmp_path)).by_address("127.0.0.1") is None  # a folder


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"\xff\xfe junk\n127.0.0.1 \xff good.test\r\n")
    host = Hosts(str(path)).by_name("good.test")
    assert host is not None
    assert host.addresses == ["127.0.0.1"]
