"""`patch()` and `unpatch()`: what holds when, and that nothing is left of it."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import types
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, Bypass, Proxy
from socks5client._patch import installing, patching
from socks5client._plain import CHANGEABLE
from socks5client.dns import AsyncResolver, Resolver
from tests.origins import unused_address
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.origins import Echo

RESOLVERS = ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo")


def state() -> dict[str, Any]:
    """All that `patch()` may touch, object by object."""
    import _socket

    found: dict[str, Any] = {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in (socket, _socket)
        for name in RESOLVERS
    }
    found |= {f"socket.{name}": vars(socket.socket).get(name) for name in dir(socket.socket)}
    return found


def surroundings() -> tuple[Any, ...]:
    """What is the same again, if not the same object."""
    names = ("PYTHONPATH", "SOCKS5CLIENT_PATCH")
    return *map(os.environ.get, names), list(sys.meta_path)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before, around = state(), surroundings()
    yield
    after = state()
    assert {name for name in before if before[name] is not after[name]} == set()
    assert surroundings() == around


@pytest.fixture
def server(echo: Echo) -> Iterator[Server]:
    with Server(names={"echo.test": echo.address}) as running:
        yield running
        running.wait_idle()


@pytest.fixture
def other(echo: Echo) -> Iterator[Server]:
    with Server(names={"echo.test": echo.address}) as running:
        yield running
        running.wait_idle()


def connect() -> None:
    socket.create_connection(("echo.test", 80), 5).close()


def counts(*servers: Server) -> list[int]:
    return [len(server.requests) for server in servers]


def test_a_context_manager(server: Server) -> None:
    with socks5client.patch(server.url) as patch:
        assert isinstance(patch, socks5client.Patch)
        assert patch.proxy == (Proxy.from_url(server.url),)
        assert (patch.dns, patch.strict, patch.bind) == ("remote", False, False)
        assert "ended" not in repr(patch)
        connect()
    assert "ended" in repr(patch)
    assert counts(server) == [1]


def test_patch_and_unpatch(server: Server) -> None:
    before = state()
    socks5client.patch(server.url)
    try:
        assert state() != before
        connect()
    finally:
        socks5client.unpatch()
    assert state() == before
    assert counts(server) == [1]


def test_unpatch_without_patch_is_nothing() -> None:
    before = state()
    socks5client.unpatch()
    assert state() == before


def test_nested(server: Server, other: Server) -> None:
    with socks5client.patch(server.url):
        connect()
        with socks5client.patch(other.url):
            connect()
            connect()
        connect()
    assert counts(server, other) == [2, 2]


def test_ended_in_another_order(server: Server, other: Server) -> None:
    first = socks5client.patch(server.url)
    second = socks5client.patch(other.url)
    first.unpatch()
    connect()
    assert counts(server, other) == [0, 1]
    first.unpatch()  # it has ended
    connect()
    second.unpatch()
    assert counts(server, other) == [0, 2]


def test_the_same_again_wants_two_ends(server: Server) -> None:
    for _ in range(2):
        socks5client.patch(server.url)
    socks5client.unpatch()
    connect()
    socks5client.unpatch()
    assert counts(server) == [1]


def test_direct_for_a_while(server: Server, echo: Echo) -> None:
    before = state()
    with socks5client.patch(server.url, bypass=None), socks5client.patch(DIRECT) as patch:
        assert patch.proxy is DIRECT
        assert state() == before
        socket.create_connection(echo.address, 5).close()
    assert counts(server) == [0]


def test_the_default_proxy_and_the_environment(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", server.url)
    with socks5client.patch():
        connect()
    socks5client.set_default_proxy(other.url)
    try:
        with socks5client.patch():
            connect()
    finally:
        socks5client.set_default_proxy(None)
    assert counts(server, other) == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "no proxy is configured"),
        ({"proxy": "http://127.0.0.1:1"}, "scheme"),
        ({"proxy": []}, "empty"),
        ({"dns": "system"}, "'system' is none of remote, tunnel, local"),
        ({"nameservers": ["192.0.2.1"]}, "nameservers"),
        ({"dns": 53}, "53 is neither"),
        ({"dns": AsyncResolver("192.0.2.1", proxy="127.0.0.1:1080")}, "neither"),
        ({"dns": Resolver("192.0.2.1", proxy="127.0.0.1:1080"), "nameservers": "tor"}, "resolver"),
        ({"dns": "tunnel", "nameservers": []}, "nameservers is empty"),
        ({"dns": "tunnel", "nameservers": ["ns.test"]}, "ns.test"),
        ({"placeholders": ["198.18.0.0/15"]}, "IPv4 and one IPv6"),
        ({"placeholders": ["198.18.0.0/15", "10.0.0.0/8"]}, "IPv4 and one IPv6"),
        ({"placeholders": ["198.18.0.1/15", "fd00::/64"]}, "host bits"),
        ({"most_names": 0}, "too few"),
        ({"most_names": 1 << 20}, "1048576"),
    ],
)
def test_what_cannot_be_patches_nothing(arguments: dict[str, Any], match: str) -> None:
    if arguments:
        arguments = {"proxy": "socks5h://127.0.0.1:1080", **arguments}
    before = state()
    with pytest.raises(ValueError, match=match):
        socks5client.patch(**arguments)
    assert state() == before
    assert patching._stack == []


class Failure(Exception):
    """One that nothing catches."""


@pytest.mark.parametrize("step", ["functions", "methods"])
def test_failing_half_way(server: Server, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set by then is taken away again; an outer one goes on."""

    def fail(shim: object) -> Any:
        raise Failure

    before = state()
    with monkeypatch.context() as broken:
        broken.setattr(installing, step, fail)
        with pytest.raises(Failure):
            socks5client.patch(server.url)
    assert state() == before
    with socks5client.patch(server.url):
        inside = state()
        with monkeypatch.context() as broken:
            working = getattr(installing, step)
            # Of the inner one only: the outer is put in place anew.
            broken.setattr(
                installing, step, lambda shim: fail(shim) if shim.bind else working(shim)
            )
            with pytest.raises(Failure):
                socks5client.patch(server.url, bind=True)
        assert [name for name in CHANGEABLE if inside[f"socket.{name}"] is None] == []
        connect()
    assert counts(server) == [1]


def test_interrupted_half_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state()
    monkeypatch.setattr(
        installing, "functions", lambda shim: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        socks5client.patch(server.url)
    monkeypatch.undo()
    assert state() == before


def test_names_bound_in_other_modules(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By those that were imported before, and those that are imported while it is patched."""
    before = types.ModuleType("before_it")
    meanwhile = types.ModuleType("meanwhile")
    exec("from socket import *", vars(before))
    monkeypatch.setitem(sys.modules, "before_it", before)
    originals = {name: vars(before)[name] for name in RESOLVERS}
    with socks5client.patch(server.url):
        exec("from socket import *", vars(meanwhile))
        monkeypatch.setitem(sys.modules, "meanwhile", meanwhile)
        placeholder = before.gethostbyname("echo.test")
        assert placeholder.startswith("198.1")
        assert meanwhile.gethostbyname("echo.test") == placeholder
        assert before.gethostbyaddr(placeholder)[0] == "echo.test"
        before.create_connection(("echo.test", 80), 5).close()
        with before.socket() as sock:
            sock.connect((placeholder, 80))
    for module in (before, meanwhile):
        assert {name: vars(module)[name] for name in RESOLVERS} == originals
        assert all(vars(module)[name] is originals[name] for name in RESOLVERS)
    assert [(request.host, request.port) for request in server.requests] == [("echo.test", 80)] * 2


def test_what_others_set_meanwhile_is_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_a_test(name: str) -> str:
        return name

    with socks5client.patch(server.url):
        monkeypatch.setattr(socket, "gethostbyname", of_a_test)
    assert socket.gethostbyname is of_a_test
    monkeypatch.undo()
    # What it had replaced by then was the patched one, and `undo` has put that back.
    with socks5client.patch(server.url):
        pass
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    socket.gethostbyname = originals["gethostbyname"]


originals = {name: getattr(socket, name) for name in RESOLVERS}


def test_a_lazy_module_is_not_loaded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    with socks5client.patch(server.url):
        connect()


def test_strange_things_among_the_modules(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "none", None)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "thing", object())  # type: ignore[arg-type]
    with socks5client.patch(server.url):
        connect()


def test_type_and_isinstance(server: Server) -> None:
    with socks5client.patch(server.url), socket.socket() as sock:
        assert type(sock) is socket.socket
        sock.connect(("echo.test", 80))
        assert type(sock) is socket.socket
        assert isinstance(sock, socket.socket)


def test_the_data_path_is_that_of_the_system(server: Server) -> None:
    names = ("send", "sendall", "recv", "recv_into", "sendfile", "fileno", "settimeout", "close")
    before = {name: getattr(socket.socket, name) for name in names}
    with socks5client.patch(server.url):
        assert {name: getattr(socket.socket, name) for name in names} == before


def test_connections_go_on(server: Server) -> None:
    with socks5client.patch(server.url):
        sock = socket.create_connection(("echo.test", 80), 5)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock, udp:
        sock.sendall(b"ping")
        assert sock.recv(4) == b"ping"
        assert sock.getpeername() == server.address  # nobody knows better any more
    assert counts(server) == [1]


def test_no_secrets(server: Server) -> None:
    url = server.url_as(user_info="topsecretuser:topsecretpassword@")
    with socks5client.patch(url) as patch:
        assert "topsecret" not in repr(patch) + str(patch) + repr(patch.proxy)


def test_a_bypass_as_text_and_as_a_value(server: Server, echo: Echo) -> None:
    """Loopback is bypassed besides, unless nothing is."""
    for rules in ("echo2.test", Bypass("echo2.test"), ""):
        with socks5client.patch(server.url, bypass=rules):
            socket.create_connection(echo.address, 5).close()
            connect()
    assert counts(server) == [3]


def test_no_proxy_of_the_environment(
    server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "192.0.2.0/24,localhost")
    host, port = unused_address()
    with socks5client.patch(server.url):
        monkeypatch.delenv("NO_PROXY")  # it is read once
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), 5)
        connect()
    assert counts(server) == [1]


def test_from_many_threads(server: Server) -> None:
    """Whoever comes last decides; in the end nothing holds."""
    before = state()
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait(10)
            for _ in range(20):
                with ExitStack() as stack:
                    for _ in range(3):
                        stack.enter_context(socks5client.patch(server.url))
                    connect()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert state() == before
    assert counts(server) == [160]


def test_nothing_is_kept(server: Server) -> None:
    """A thousand times over, there are as many objects as before."""

    def round_() -> int:
        for _ in range(50):
            with socks5client.patch(server.url, children=False):
                socket.gethostbyname("echo.test")
                with socket.socket() as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        gc.collect()
        return len(gc.get_objects())

    round_()
    assert round_() - round_() < 50
