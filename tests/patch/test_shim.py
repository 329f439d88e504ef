"""Which way a destination goes: decided without a socket, and without a patch."""

from __future__ import annotations

import errno
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from socks5client._patch import shim as module
from socks5client._patch.shim import in_ascii, ip_of, is_onion, numeric
from socks5client.protocol import Address
from tests.patch.names import Resolver, shim_for, write_hosts

if TYPE_CHECKING:
    from pathlib import Path

    from socks5client._patch.shim import Shim

INET, INET6 = socket.AF_INET, socket.AF_INET6
MODES = ["remote", "local", Resolver({"name.test": ["192.0.2.7", "2001:db8::7"]})]
mode = pytest.mark.parametrize("dns", MODES, ids=["remote", "local", "tunnel"])


def way(shim: Shim, address: Any, family: int = 0) -> Any:
    """On a socket of `family`, by default that of the address."""
    if not family:
        host = address[0] if isinstance(address, tuple) and address else ""
        is_six = ":" in host if isinstance(host, str) else b":" in bytes(host or b"")
        family = INET6 if is_six else INET
    return shim.way(family, address, "connect")


@mode
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "127.255.255.254",
        "0.0.0.0",
        "0",
        "",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "0:0:0:0:0:ffff:7f00:1",
        "\uff11\uff12\uff17.0.0.1",  # 127 in wide digits
        b"127.0.0.1",
        bytearray(b"::1"),
    ],
)
def test_loopback_is_reached_directly(dns: Any, host: Any) -> None:
    shim = shim_for(dns)
    assert way(shim, (host, 80)) == (None, (host, 80))


@mode
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1"])
def test_without_exceptions_loopback_is_the_proxy_s(dns: Any, host: str) -> None:
    shim = shim_for(dns, bypass=None)
    assert way(shim, (host, 80)) == (shim.chain, (str(ip_of(host)), 80))


def test_without_exceptions_localhost_is_the_proxy_s() -> None:
    shim = shim_for(bypass=None)
    assert way(shim, ("localhost", 80)) == (shim.chain, ("localhost", 80))
    with pytest.raises(socket.gaierror, match="empty"):
        way(shim, ("", 80))


@mode
@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("3221225985", "192.0.2.1"),
        ("192.0.513", "192.0.2.1"),
        ("0.0.0.1", "0.0.0.1"),
        ("1", "0.0.0.1"),
        ("126.255.255.255", "126.255.255.255"),
        ("128.0.0.1", "128.0.0.1"),
        ("<broadcast>", "255.255.255.255"),
        ("224.0.0.251", "224.0.0.251"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::2", "::2"),
        ("::127.0.0.1", "::7f00:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%lo", "fe80::1"),
        (b"192.0.2.1", "192.0.2.1"),
    ],
)
def test_other_literals_go_to_the_proxy(dns: Any, host: Any, target: str) -> None:
    shim = shim_for(dns)
    for _ in range(2):  # decided, and remembered
        assert way(shim, (host, 80)) == (shim.chain, (target, 80))


@mode
@pytest.mark.parametrize(
    "host", ["a" * 300, "a b", "a:b", "[::1]", b"\xff", "fe80::1%no-such-zone", "127.0.0.1%lo "]
)
def test_hosts_that_cannot_be(dns: Any, host: Any) -> None:
    with pytest.raises(socket.gaierror):
        way(shim_for(dns), (host, 80))


@mode
@pytest.mark.parametrize("host", ["a\0b", "127.0.0.1\0", "::1\0", "\udc80", "x" * 64 + "\u00fc"])
def test_hosts_that_the_system_cannot_encode(dns: Any, host: str) -> None:
    with pytest.raises(TypeError):
        way(shim_for(dns), (host, 80))


ODD = [
    ("127.0.0.1", 1, 0),
    ("127.0.0.1", 1, 0, 0),
    ("127.0.0.1", "1"),
    ("127.0.0.1", 1.0),
    ("127.0.0.1",),
    ("192.0.2.1", 1, 0),
    ("192.0.2.1", -1),
    ("192.0.2.1", 1.0),
    ("::ffff:192.0.2.1", 1),
    ("2001:db8::1", 1, 1 << 20, 0),
    ("2001:db8::1", 1, 0, "x"),
    ("2001:db8::1", 1, 0, 0, 0),
    ("2001:db8::1", 65536, 0),
]


@mode
@pytest.mark.parametrize("bypass", ["", None])
@pytest.mark.parametrize("family", [INET, INET6])
@pytest.mark.parametrize("first", [INET, INET6])
def test_what_the_system_refuses(dns: Any, bypass: str | None, family: int, first: int) -> None:
    """As it does, whatever is remembered of sockets of the other family."""

    def refusal(call: Any) -> Any:
        try:
            call()
        except OSError as error:
            return None if error.errno == errno.EBADF else (type(error), error.errno)
        except (TypeError, OverflowError) as error:
            return type(error), str(error).partition(", in")[0].removesuffix(".")
        return None

    shim = shim_for(dns, bypass)
    with socket.socket(family) as closed:
        pass
    shim.way(family, ("127.0.0.1" if family == INET else "::1", 1), "connect")
    for address in ODD:
        for each in (first, family):
            found = refusal(lambda: shim.way(each, address, "connect"))  # noqa: B023
        assert found == refusal(lambda: closed.connect(address)), address  # noqa: B023


@mode
@pytest.mark.parametrize("port", [-1, 65536, 1 << 40])
def test_ports_that_cannot_be(dns: Any, port: int) -> None:
    with pytest.raises(OverflowError, match=f"0-65535.*{port}"):
        way(shim_for(dns), ("192.0.2.1", port))


@mode
@pytest.mark.parametrize(
    "address", ["/a/path", None, 1, (), ["192.0.2.1", 80], (None, 80), (1, 80)]
)
def test_what_is_no_address_is_the_system_s_to_refuse(dns: Any, address: Any) -> None:
    chain, place = way(shim_for(dns), address)
    assert (chain, place) == (None, address)
    with socket.socket() as sock, pytest.raises((TypeError, OSError)):
        sock.connect(place)


def test_names_by_mode() -> None:
    remote, local = shim_for(), shim_for("local")
    resolver = Resolver({"name.test": ["192.0.2.7", "2001:db8::7"], "six.test": ["2001:db8::6"]})
    tunnel = shim_for(resolver)
    assert way(remote, ("name.test", 80)) == (remote.chain, ("name.test", 80))
    assert remote.chain[-1].remote_dns
    chain, target = way(local, ("name.test", 80))
    assert target == ("name.test", 80)
    assert not chain[-1].remote_dns
    assert way(tunnel, ("name.test", 80)) == (tunnel.chain, ("192.0.2.7", 80))
    assert way(tunnel, ("name.test", 80), INET6) == (tunnel.chain, ("2001:db8::7", 80))
    assert way(tunnel, ("six.test", 80), INET6) == (tunnel.chain, ("2001:db8::6", 80))
    with pytest.raises(socket.gaierror, match="nobody"):
        way(tunnel, ("nobody.test", 80))


ONIONS = [
    "abc.onion",
    "abc.onion.",
    "ABC.Onion",
    "www.abc.onion",
    "onion",
    "abc\u3002onion",  # what IDNA takes for a dot
    "abc\uff0eonion",
    "abc\uff61ONION",
    "abc.\uff4f\uff4e\uff49\uff4f\uff4e",  # in wide letters
    b"abc.onion",
]


@mode
@pytest.mark.parametrize("bypass", ["", "onion", "abc.onion", "*", None])
@pytest.mark.parametrize("host", ONIONS)
def test_onion_names_are_the_proxy_s(dns: Any, bypass: str | None, host: Any) -> None:
    shim = shim_for(dns, bypass)
    chain, target = way(shim, (host, 80))
    assert chain == shim.chain
    assert chain[-1].remote_dns
    assert is_onion(target.host)
    if isinstance(host, str):
        assert not shim.is_direct(host, 80)
        assert not shim.may_look_up(host)


@pytest.mark.parametrize("name", ["onions", "onion.test", "abconion", "abc.onion.test", ""])
def test_names_that_are_not_onion(name: str) -> None:
    assert not is_onion(name)


@mode
@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST", "localhost.", "a.b.localhost", b"localhost"]
)
def test_localhost(dns: Any, name: Any, tmp_path: Path) -> None:
    shim = shim_for(dns)
    write_hosts(shim, tmp_path / "hosts", "127.0.0.1 localhost\n::1 localhost\n")
    assert way(shim, (name, 80)) == (None, ("127.0.0.1", 80))
    assert way(shim, (name, 80), INET6) == (None, ("::1", 80))


@mode
def test_localhost_needs_no_file(dns: Any, tmp_path: Path) -> None:
    shim = shim_for(dns)
    write_hosts(shim, tmp_path / "hosts", "")
    assert way(shim, ("localhost", 80)) == (None, ("127.0.0.1", 80))
    assert way(shim, ("localhost", 80), INET6) == (None, ("::1", 80))
    assert not shim.is_this_machine("localhost.test")
    assert not shim.is_this_machine("notlocalhost")


@mode
def test_the_host_name(dns: Any, tmp_path: Path) -> None:
    """Even where it has an address that is not of loopback: that is this machine, too."""
    name = socket.gethostname()
    shim = shim_for(dns)
    write_hosts(shim, tmp_path / "hosts", f"192.0.2.99 {name}.example.test {name}\n")
    assert way(shim, ("192.0.2.99", 80))[0] == shim.chain
    assert way(shim, (name, 80)) == (None, ("192.0.2.99", 80))
    assert way(shim, (name.upper() + ".", 80)) == (None, ("192.0.2.99", 80))
    assert way(shim, ("192.0.2.99", 80)) == (None, ("192.0.2.99", 80))
    assert shim.is_direct("192.0.2.99", 1)


@mode
def test_names_of_loopback_in_the_file_of_hosts(dns: Any, tmp_path: Path) -> None:
    shim = shim_for(dns)
    text = "127.0.0.9 app.test\n127.0.0.8 both.test\n192.0.2.8 both.test\n0.0.0.0 blocked.test\n"
    write_hosts(shim, tmp_path / "hosts", text)
    assert way(shim, ("app.test", 80)) == (None, ("127.0.0.9", 80))
    assert not shim.is_this_machine("both.test")
    assert not shim.is_this_machine("blocked.test")
    everything = shim_for(dns, bypass=None)
    everything.hosts = shim.hosts
    assert not everything.is_this_machine("app.test")


def test_bypassed_names_networks_and_ports() -> None:
    shim = shim_for(bypass="corp.test,10.0.0.0/8,2001:db8::/32,port.test:8080,192.0.2.5:81")
    for address in [
        ("corp.test", 1),
        ("a.CORP.test.", 1),
        ("10.9.8.7", 1),
        ("10.591879", 1),
        ("::ffff:10.9.8.7", 1),
        ("2001:db8::5", 1),
        ("2001:db8::5", 1, 0, 0),
        ("port.test", 8080),
        ("192.0.2.5", 81),
    ]:
        assert way(shim, address) == (None, address)
    for address in [("xcorp.test", 1), ("11.0.0.1", 1), ("port.test", 80), ("192.0.2.5", 80)]:
        assert way(shim, address) == (shim.chain, address)


def test_bypassed_names_outside_ascii() -> None:
    for rule in ("b\u00fccher.test", "xn--bcher-kva.test"):
        shim = shim_for(bypass=rule)
        assert way(shim, ("b\u00fccher.test", 1)) == (None, ("b\u00fccher.test", 1))
    assert way(shim, ("xn--bcher-kva.test", 1))[0] is None


def test_an_address_of_a_bypassed_name_is_direct_as_the_name_is() -> None:
    shim = shim_for("local", bypass="corp.test,port.test:8080")
    assert way(shim, ("192.0.2.1", 80))[0] == shim.chain
    assert way(shim, ("192.0.2.2", 8080))[0] == shim.chain
    shim.note_direct("corp.test", ["192.0.2.1"])
    shim.note_direct("port.test", ["192.0.2.2"])
    shim.note_direct("other.test", ["192.0.2.3"])
    assert way(shim, ("192.0.2.1", 80))[0] is None
    assert way(shim, ("::ffff:192.0.2.1", 80))[0] is None
    assert way(shim, ("192.0.2.2", 8080))[0] is None
    assert way(shim, ("192.0.2.2", 80))[0] == shim.chain
    assert way(shim, ("192.0.2.3", 80))[0] == shim.chain


def test_many_names_of_one_address() -> None:
    """They are not all remembered; the address stays direct."""
    shim = shim_for(bypass="corp.test")
    for number in range(1000):
        shim.note_direct(f"{number}.corp.test", ["192.0.2.1"])
        assert shim.is_direct("192.0.2.1", 80)
    assert sum(map(len, shim._direct.values())) <= 10


def test_many_addresses_are_forgotten_in_turn() -> None:
    shim = shim_for(bypass="corp.test")
    for number in range(5000):
        shim.note_direct("corp.test", [f"10.0.{number >> 8}.{number & 255}", "192.0.2.1"])
    assert shim.is_direct("192.0.2.1", 80)
    assert not shim.is_direct("10.0.0.0", 80)
    assert len(shim._direct) == module._MOST_DIRECT


def test_looking_a_name_up_again_is_no_moment_without_it() -> None:
    """An address stays direct while other threads look its name up."""
    shim = shim_for(bypass="corp.test")
    shim.note_direct("corp.test", ["192.0.2.1"])
    end = threading.Event()

    def run() -> None:
        number = 0
        while not end.is_set():
            number += 1
            shim.note_direct(f"{number}.corp.test", ["192.0.2.1", "192.0.2.2"])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for port in range(1, 20000):
            assert way(shim, ("192.0.2.1", port))[0] is None
    finally:
        end.set()
        thread.join()


def test_what_was_decided_before_a_look_up_is_not_remembered_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shim = shim_for(bypass="corp.test")
    decide = shim.is_direct

    def decide_slowly(host: str, port: int) -> bool:
        decision = decide(host, port)
        shim.note_direct("corp.test", [host])  # another thread, in between
        return decision

    with monkeypatch.context() as patch:
        patch.setattr(shim, "is_direct", decide_slowly)
        assert way(shim, ("192.0.2.1", 80))[0] == shim.chain
    assert way(shim, ("192.0.2.1", 80))[0] is None


def test_the_ways_that_are_remembered_are_bounded() -> None:
    shim = shim_for()
    for number in range(3 * module._MOST_WAYS):
        way(shim, (f"10.1.{number >> 8}.{number & 255}", 80))
        assert len(shim._ways) <= module._MOST_WAYS


@mode
def test_a_placeholder_is_its_name(dns: Any) -> None:
    """Whatever the mode is now: a program may have looked it up under another one."""
    shim = shim_for(dns)
    for host in shim.placeholders.addresses("name.test"):
        chain, target = way(shim, (host, 80), INET6 if ":" in host else INET)
        assert chain[:-1] == shim.chain[:-1]
        assert target in (("name.test", 80), ("192.0.2.7", 80), ("2001:db8::7", 80))
        assert not shim.is_direct(host, 80)


@mode
def test_a_forgotten_placeholder(dns: Any) -> None:
    shim = shim_for(dns, "*", most=2)
    v4, v6 = shim.placeholders.addresses("name.test")
    for number in range(2):
        shim.placeholders.addresses(f"{number}.test")
    for host in (v4, v6, f"::ffff:{v4}", v4.encode()):
        with pytest.raises(OSError, match="look the name up again") as caught:
            way(shim, (host, 80))
        assert caught.value.errno == errno.EADDRNOTAVAIL


def test_the_placeholder_of_a_bypassed_port() -> None:
    shim = shim_for(bypass="port.test:8080")
    v4, _ = shim.placeholders.addresses("port.test")
    assert way(shim, (v4, 8080)) == (None, ("port.test", 8080))
    assert way(shim, (v4, 80)) == (shim.chain, Address("port.test", 80))


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7F.1", "127.0.0.1"),
        ("1", "0.0.0.1"),
        ("4294967295", "255.255.255.255"),
        ("4294967296", None),
        ("256.1.1.1", None),
        ("1.2.3.4.5", None),
        ("1.2.3.4.", None),
        ("1.2.3.4 name", None),
        ("1.2.3.4\tname", None),
        ("1.2.3.4\0", None),
        ("1..2", None),
        ("08.1", None),
        ("", None),
        (" ", None),
        ("::1%lo", "::1%lo"),
        ("127.0.0.1%lo", None),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("1::2::3", None),
        ("\u0661.2.3.4", None),
    ],
)
def test_numeric(text: str, literal: str | None) -> None:
    assert numeric(text) == literal


def test_in_ascii() -> None:
    assert in_ascii("name.test") == "name.test"
    assert in_ascii("b\u00fccher.test") == "xn--bcher-kva.test"
    with pytest.raises(socket.gaierror):
        in_ascii("\udc80")
