"""The resolver's functions: as the system's where nothing is looked up, and else by the mode."""

from __future__ import annotations

import inspect
import socket
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from socks5client._patch.resolving import _plain
from tests.patch.names import Resolver, resolving, shim_for, write_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INET, INET6 = socket.AF_INET, socket.AF_INET6
TUNNEL = Resolver({"name.test": ["192.0.2.7", "2001:db8::7"]})
mode = pytest.mark.parametrize(
    "dns", ["remote", "local", TUNNEL], ids=["remote", "local", "tunnel"]
)
FUNCTIONS = ["gethostbyname", "gethostbyname_ex", "gethostbyaddr"]

# Nothing of it is looked up: IP literals, and what is no host at all.
LITERALS: list[Any] = [
    None,
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.1",
    "1",
    "0",
    "4294967295",
    "192.0.2.1",
    "255.255.255.255",
    "0.0.0.0",
    "::",
    "::1",
    "2001:DB8::1",
    "::ffff:127.0.0.1",
    "::ffff:192.0.2.1",
    "fe80::1%1",
    "\uff11\uff12\uff17.0.0.1",
    b"127.0.0.1",
    b"192.0.2.1",
    bytearray(b"::1"),
    "192.0.2.1\0name.test",
]
NO_HOSTS: list[Any] = [1, 1.5, (), object(), memoryview(b"::1"), "1..2", "a" * 64, "\udc80"]
PORTS: list[Any] = [None, 0, 80, 65535, 65536, -1, 1 << 31, 1 << 63, "80", "http", "domain"]
PORTS += ["", "nope", "65536", "-1", "+80", " 80", b"80", b"http", 1.5, True, "80\0", object()]
FAMILIES = [0, INET, INET6, socket.AF_UNIX, 99, -1]
KINDS = [0, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, 99]
PROTOCOLS = [0, socket.IPPROTO_TCP, socket.IPPROTO_UDP, 99]
FLAGS = [
    0,
    socket.AI_PASSIVE,
    socket.AI_CANONNAME,
    socket.AI_NUMERICHOST,
    socket.AI_NUMERICSERV,
    socket.AI_V4MAPPED,
    socket.AI_V4MAPPED | socket.AI_ALL,
    socket.AI_ADDRCONFIG,
    socket.AI_PASSIVE | socket.AI_CANONNAME | socket.AI_NUMERICSERV,
    0x8000,
    -1,
]


def outcome(function: Any, *args: Any) -> Any:
    """What a call returns, or what it raises: the type, and the code."""
    try:
        return function(*args)
    except (OSError, TypeError, ValueError, OverflowError) as error:
        return type(error), getattr(error, "errno", None)


def combinations() -> Iterator[tuple[Any, ...]]:
    for host in [*LITERALS, *NO_HOSTS]:
        yield from product([host], PORTS)
        yield from product([host], [80, "http"], FAMILIES, KINDS)
        yield from product([host], [0, "http"], [0], KINDS, PROTOCOLS)
        yield from product([host], [None, 0, "http"], [0, INET, INET6], [0, 1], [0], FLAGS)


@mode
def test_getaddrinfo_of_literals_is_the_system_s(dns: Any) -> None:
    getaddrinfo = resolving(shim_for(dns))["getaddrinfo"]
    table = list(combinations())
    assert len(table) > 5000
    for args in table:
        assert outcome(getaddrinfo, *args) == outcome(_plain["getaddrinfo"], *args), args


@mode
def test_by_name_of_literals_is_the_system_s(dns: Any) -> None:
    patched = resolving(shim_for(dns))
    looked_up = {"0x7f.1", "0177.1", "\uff11\uff12\uff17.0.0.1"}  # by the system: no comparison
    for host in [*LITERALS, *NO_HOSTS, "", "<broadcast>", b"", "127.0.0.1\0"]:
        args = (host,)
        assert outcome(patched["gethostbyname"], *args) == outcome(_plain["gethostbyname"], *args)
        if host in ("", b"", "<broadcast>") or (isinstance(host, str) and host in looked_up):
            continue
        # With a code of its own, where it is IPv4 in IPv6.
        mine, theirs = (
            outcome(each, *args)
            for each in (patched["gethostbyname_ex"], _plain["gethostbyname_ex"])
        )
        assert mine == theirs or (mine[0], theirs[0]) == (socket.herror, socket.herror), host
    for name in FUNCTIONS:
        for args in ((), ("127.0.0.1", "127.0.0.1")):
            assert outcome(patched[name], *args) == outcome(_plain[name], *args)


SOCKADDRS: list[Any] = [
    ("127.0.0.1", 80),
    ("192.0.2.1", 80),
    ("127.1", 443),
    ("127.0.0.1", 0),
    ("127.0.0.1", True),
    ("2001:db8::1", 80),
    ("2001:db8::1", 80, 0),
    ("2001:db8::1", 80, 1, 0),
    # From here on something is wrong.
    ("::1", 80, 1 << 20, 0),
    ("::1", 80, 0, 1 << 32),
    ("::1", 80, "0", 0),
    ("127.0.0.1", 80, 0),
    ("127.0.0.1", 80, 0, 0),
    ("::1", 80, 0, 0, 0),
    ("127.0.0.1",),
    (),
    ("127.0.0.1", "80"),
    ("127.0.0.1", 80.0),
    ("127.0.0.1", 65536),
    ("127.0.0.1", -1),
    ("127.0.0.1", 1 << 40),
    ("name.test", 80),
    ("", 80),
    (b"127.0.0.1", 80),
    (None, 80),
    ["127.0.0.1", 80],
    "127.0.0.1",
    None,
]
NUMBERS = SOCKADDRS.index(("::1", 80, 1 << 20, 0))
NUMERIC = socket.NI_NUMERICHOST


@mode
@pytest.mark.parametrize(
    "flags", [NUMERIC, NUMERIC | socket.NI_NUMERICSERV, NUMERIC | socket.NI_DGRAM]
)
def test_getnameinfo_by_numbers_is_the_system_s(dns: Any, flags: int) -> None:
    getnameinfo = resolving(shim_for(dns))["getnameinfo"]
    for sockaddr in SOCKADDRS:
        mine, theirs = (
            outcome(each, sockaddr, flags) for each in (getnameinfo, _plain["getnameinfo"])
        )
        assert mine == theirs, sockaddr


@mode
def test_getnameinfo_of_what_is_no_address(dns: Any) -> None:
    """No name is looked up for it: the system is asked for numbers only."""
    getnameinfo = resolving(shim_for(dns))["getnameinfo"]
    for sockaddr in SOCKADDRS[NUMBERS:]:
        assert outcome(getnameinfo, sockaddr, 0) == outcome(
            _plain["getnameinfo"], sockaddr, NUMERIC
        )
    for args in ((), (("127.0.0.1", 80),), (("127.0.0.1", 80), "0"), (("127.0.0.1", 80), None)):
        assert outcome(getnameinfo, *args)[0] is TypeError


HOSTS = "127.0.0.1 localhost loop\n127.0.1.1 vm.example.test vm\n::1 localhost ip6-localhost\n"
HOSTS += "192.0.2.50 there.test\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The functions by name, on a machine called vm."""
    monkeypatch.setattr(socket, "gethostname", lambda: "vm")
    shim = shim_for()
    write_hosts(shim, tmp_path / "hosts", HOSTS)
    return resolving(shim)


def hosts_of(infos: Any) -> list[str]:
    return list(dict.fromkeys(info[4][0] for info in infos))


def test_this_machine_by_name(here: Any) -> None:
    for name in ("localhost", "LOCALHOST.", b"localhost", "a.localhost"):
        assert hosts_of(here["getaddrinfo"](name, 80)) == ["::1", "127.0.0.1"]
        assert here["gethostbyname"](name) == "127.0.0.1"
    assert here["gethostbyname_ex"]("LocalHost") == ("localhost", ["loop"], ["127.0.0.1"])
    for name in ("vm", "VM", "vm.example.test"):
        assert hosts_of(here["getaddrinfo"](name, 80)) == ["127.0.1.1"]
        assert here["gethostbyname_ex"](name) == ("vm.example.test", ["vm"], ["127.0.1.1"])
        assert here["gethostbyaddr"](name) == ("vm.example.test", ["vm"], ["127.0.1.1"])
    (info,) = here["getaddrinfo"]("VM", 80, INET, 1, 0, socket.AI_CANONNAME)
    assert info[3] == "vm.example.test"
    with pytest.raises(socket.gaierror, match="no address of the family") as caught:
        here["getaddrinfo"]("vm", 80, INET6)
    assert caught.value.errno == socket.EAI_NONAME


def test_this_machine_by_address(here: Any) -> None:
    assert here["gethostbyaddr"]("127.0.0.1") == ("localhost", ["loop"], ["127.0.0.1"])
    assert here["gethostbyaddr"](b"127.0.1.1") == ("vm.example.test", ["vm"], ["127.0.1.1"])
    assert here["gethostbyaddr"]("::1") == ("localhost", ["ip6-localhost"], ["::1"])
    assert here["gethostbyaddr"]("127.9.9.9") == ("localhost", [], ["127.9.9.9"])
    assert here["gethostbyaddr"]("192.0.2.50") == ("there.test", [], ["192.0.2.50"])
    assert here["getnameinfo"](("127.0.1.1", 80), 0) == ("vm.example.test", "http")
    assert here["getnameinfo"](("::1", 80, 0, 0), socket.NI_NUMERICSERV) == ("localhost", "80")
    assert here["getnameinfo"](("192.0.2.50", 1), socket.NI_NAMEREQD)[0] == "there.test"


def test_getfqdn(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail is sent in this name."""
    monkeypatch.setattr(socket, "gethostbyaddr", here["gethostbyaddr"])
    assert socket.getfqdn() == "vm.example.test"
    assert socket.getfqdn("vm") == "vm.example.test"
    assert socket.getfqdn("name.test") == "name.test"
    assert socket.getfqdn(here["gethostbyname"]("name.test")) == "name.test"


def test_placeholders() -> None:
    shim = shim_for()
    here = resolving(shim)
    v4, v6 = shim.placeholders.addresses("name.test")
    for name in ("name.test", b"name.test", bytearray(b"name.test")):
        assert hosts_of(here["getaddrinfo"](name, 80)) == [v4]
        assert hosts_of(here["getaddrinfo"](name, 80, INET)) == [v4]
        assert hosts_of(here["getaddrinfo"](name, 80, INET6)) == [v6]
        assert here["gethostbyname"](name) == v4
        assert here["gethostbyname_ex"](name) == ("name.test", [], [v4])
        assert here["gethostbyaddr"](name) == ("name.test", [], [v4])
    for host in (v4, v6, f"::ffff:{v4}"):
        assert here["gethostbyaddr"](host) == ("name.test", [], [host])
        assert here["getnameinfo"]((host, 80), 0) == ("name.test", "http")
        assert here["getnameinfo"]((host, 80), NUMERIC) == (host, "http")


@pytest.mark.parametrize("family", [0, INET, INET6])
def test_getaddrinfo_of_a_name_is_as_of_its_literal(family: int) -> None:
    """The same entries and errors, for all kinds, services and flags."""
    shim = shim_for()
    here = resolving(shim)["getaddrinfo"]
    literal = shim.placeholders.addresses("name.test")[family == INET6]
    flags = [0, socket.AI_PASSIVE, socket.AI_NUMERICSERV, socket.AI_ADDRCONFIG]
    for args in product(PORTS, [family], [*KINDS, 5], PROTOCOLS, flags):
        mine = outcome(here, "name.test", *args)
        theirs = outcome(
            _plain["getaddrinfo"], literal, *args[:-1], args[-1] & ~socket.AI_ADDRCONFIG
        )
        assert mine == theirs, args


def test_flags_of_names() -> None:
    here = resolving(shim_for())["getaddrinfo"]
    with pytest.raises(socket.gaierror) as caught:
        here("name.test", 80, 0, 0, 0, socket.AI_NUMERICHOST)
    assert caught.value.errno == socket.EAI_NONAME
    infos = here("B\u00fccher.test", 80, 0, 0, 0, socket.AI_CANONNAME)
    assert [info[3] for info in infos] == ["xn--bcher-kva.test", *[""] * (len(infos) - 1)]
    for mapped in (socket.AI_V4MAPPED, socket.AI_V4MAPPED | socket.AI_ALL, socket.AI_ADDRCONFIG):
        assert here("name.test", 80, INET6, 1, 0, mapped) == here("name.test", 80, INET6, 1)


@mode
@pytest.mark.parametrize("family", [socket.AF_UNIX, 99, -1])
def test_families_that_have_no_names(dns: Any, family: int) -> None:
    with pytest.raises(socket.gaierror) as caught:
        resolving(shim_for(dns))["getaddrinfo"]("name.test", 80, family)
    assert caught.value.errno == socket.EAI_FAMILY


NO_NAMES: list[Any] = [
    "name\0.test",
    "name test",
    " ",
    ("a." * 200) + "test",
    b"\xff.test",
    "",
    "::1::",
    "[::1]",
    "<broadcast>",
]


@mode
@pytest.mark.parametrize("host", NO_NAMES)
def test_what_is_no_name(dns: Any, host: Any) -> None:
    """The system's errors, without a question."""
    here = resolving(shim_for(dns))
    with pytest.raises(socket.gaierror) as caught:
        here["getaddrinfo"](host, 80)
    assert caught.value.errno == socket.EAI_NONAME
    for name in FUNCTIONS[1:]:
        with pytest.raises((OSError, TypeError)):
            here[name](host)


@mode
@pytest.mark.parametrize("host", ["a..b", ".test", "x" * 64 + ".test", "\udc80.test"])
def test_labels_that_cannot_be(dns: Any, host: str) -> None:
    """urllib3 and requests catch what the system raises."""
    here = resolving(shim_for(dns))
    with pytest.raises(UnicodeError):
        here["getaddrinfo"](host, 80)
    for name in FUNCTIONS:
        with pytest.raises(UnicodeError):
            here[name](host)


@mode
@pytest.mark.parametrize("host", ["abc.onion", "ABC.ONION.", "abc\u3002onion", b"abc.onion"])
@pytest.mark.parametrize("bypass", ["", "*", "onion"])
def test_onion_names_get_placeholders(dns: Any, host: Any, bypass: str) -> None:
    shim = shim_for(dns, bypass)
    here = resolving(shim)
    v4 = here["gethostbyname"](host)
    assert hosts_of(here["getaddrinfo"](host, 80)) == [v4]
    assert here["gethostbyname_ex"](host)[2] == [v4]
    assert here["gethostbyaddr"](host)[2] == [v4]
    name = shim.placeholders.name_of(v4)
    assert name is not None
    assert name.lower().removesuffix(".") == "abc.onion"


def test_forgotten_placeholders_have_no_name() -> None:
    here = resolving(shim_for(most=3))
    host = here["gethostbyname"]("name.test")
    for number in range(3):
        here["gethostbyname"](f"{number}.test")
    with pytest.raises(socket.herror):
        here["gethostbyaddr"](host)
    assert here["getnameinfo"]((host, 80), 0) == (host, "http")
    with pytest.raises(socket.gaierror) as caught:
        here["getnameinfo"]((host, 80), socket.NI_NAMEREQD)
    assert caught.value.errno == socket.EAI_NONAME


def test_a_table_full_of_names_in_use() -> None:
    shim = shim_for(most=3, networks=("192.0.2.0/24", "2001:db8::/64"))
    here = resolving(shim)
    holds = []
    for number in range(3):
        here["getaddrinfo"](f"{number}.test", 80)
        holds.append(shim.placeholders.hold(f"{number}.test"))
    for call in (
        lambda: here["getaddrinfo"]("more.test", 80),
        lambda: here["gethostbyname"]("more.test"),
    ):
        with pytest.raises(socket.gaierror, match="all 3 names") as caught:
            call()
        assert caught.value.errno == socket.EAI_MEMORY
    del holds[0]
    assert here["gethostbyname"]("more.test").startswith("192.0.2.")


def test_remote_has_no_names_of_addresses() -> None:
    here = resolving(shim_for())
    for host in ("192.0.2.1", b"192.0.2.1", "2001:db8::1"):
        with pytest.raises(socket.herror, match="Unknown host") as caught:
            here["gethostbyaddr"](host)
        assert caught.value.errno == 1
    assert here["getnameinfo"](("192.0.2.1", 80), 0) == ("192.0.2.1", "http")
    with pytest.raises(socket.gaierror) as raised:
        here["getnameinfo"](("192.0.2.1", 80), socket.NI_NAMEREQD)
    assert raised.value.errno == socket.EAI_NONAME


def test_tunnel_answers_with_the_resolver_s_addresses() -> None:
    resolver = Resolver(
        {"name.test": ["192.0.2.7", "2001:db8::7"], "xn--bcher-kva.test": ["192.0.2.8"]}
    )
    here = resolving(shim_for(resolver))
    assert hosts_of(here["getaddrinfo"]("name.test", 80)) == ["192.0.2.7", "2001:db8::7"]
    assert hosts_of(here["getaddrinfo"]("name.test", 80, INET6)) == ["2001:db8::7"]
    assert here["gethostbyname"]("b\u00fccher.test") == "192.0.2.8"
    assert here["gethostbyaddr"]("2001:db8::7")[0] == "name.test"
    assert here["getnameinfo"](("192.0.2.7", 80), 0) == ("name.test", "http")
    with pytest.raises(socket.herror):
        here["gethostbyaddr"]("192.0.2.9")
    asked = list(resolver.asked)
    with pytest.raises(socket.gaierror, match="nobody"):
        here["getaddrinfo"]("nobody.test", 80)
    for name in ("localhost", "127.0.0.1", "abc.onion"):
        here["getaddrinfo"](name, 80)
    here["gethostbyaddr"]("127.0.0.1")
    assert resolver.asked == [*asked, "nobody.test"]


def test_tunnel_knows_which_address_has_a_bypassed_port() -> None:
    shim = shim_for(Resolver({"port.test": ["192.0.2.7"]}), bypass="port.test:8080")
    assert resolving(shim)["gethostbyname"]("port.test") == "192.0.2.7"
    assert shim.is_direct("192.0.2.7", 8080)
    assert not shim.is_direct("192.0.2.7", 80)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the system's functions are asked; they know one name."""
    asked: list[Any] = []

    def getaddrinfo(host: Any, port: Any, *args: Any) -> Any:
        asked.append(host)
        return [(INET, 1, 6, "", ("192.0.2.77", port))]

    def gethostbyname_ex(host: Any) -> Any:
        asked.append(host)
        return "corp.test", [], ["192.0.2.78"]

    def gethostbyaddr(host: Any) -> Any:
        return gethostbyname_ex(host)

    def getnameinfo(sockaddr: Any, flags: int) -> Any:
        asked.append(sockaddr[0])
        return "name", "service"

    for function in (getaddrinfo, gethostbyaddr, gethostbyname_ex, getnameinfo):
        monkeypatch.setitem(_plain, function.__name__, function)
    return asked


@mode
def test_bypassed_names_are_asked_for_here(dns: Any, system: list[Any]) -> None:
    shim = shim_for(dns, "corp.test,10.0.0.0/8,port.test:8080")
    here = resolving(shim)
    assert hosts_of(here["getaddrinfo"]("a.corp.test", 80)) == ["192.0.2.77"]
    assert shim.is_direct("192.0.2.77", 80)
    assert here["gethostbyname"]("corp.test") == "192.0.2.78"
    assert shim.is_direct("192.0.2.78", 443)
    here["gethostbyaddr"]("corp.test")
    here["gethostbyaddr"]("10.1.2.3")
    here["gethostbyaddr"](b"10.1.2.3")
    here["getnameinfo"](("10.1.2.3", 80), 0)
    here["getaddrinfo"]("port.test", 8080)
    assert system == ["a.corp.test", "corp.test", "corp.test", *["10.1.2.3"] * 3, "port.test"]


def test_local_asks_here(system: list[Any]) -> None:
    here = resolving(shim_for("local"))
    assert hosts_of(here["getaddrinfo"]("name.test", 80)) == ["192.0.2.77"]
    assert here["gethostbyname"]("name.test") == "192.0.2.78"
    here["gethostbyaddr"]("192.0.2.1")
    here["getnameinfo"](("192.0.2.1", 80), 0)
    assert system == ["name.test", "name.test", "192.0.2.1", "192.0.2.1"]
    here["getaddrinfo"]("abc.onion", 80)
    here["getaddrinfo"]("localhost", 80)
    assert len(system) == 4


@pytest.mark.parametrize("dns", ["remote", TUNNEL], ids=["remote", "tunnel"])
def test_nothing_else_is_asked_for_here(dns: Any, system: list[Any]) -> None:
    here = resolving(shim_for(dns))
    for host in ("name.test", "name.test.", b"name.test", "192.0.2.1", b"192.0.2.1", "0x7f.1", ""):
        for name in FUNCTIONS[1:]:
            outcome(here[name], host)
    for sockaddr in SOCKADDRS[:NUMBERS]:
        here["getnameinfo"](sockaddr, 0)
    assert system == []


def test_parameters_have_the_system_s_names() -> None:
    shim = shim_for()
    here = resolving(shim)["getaddrinfo"]
    names = list(inspect.signature(here).parameters)
    assert names == ["host", "port", "family", "type", "proto", "flags"]
    assert here(host="127.0.0.1", port=80, type=1) == _plain["getaddrinfo"](
        host="127.0.0.1", port=80, type=1
    )
