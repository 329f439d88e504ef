"""multiprocessing: connections that go to another process, and those that it makes itself."""

from __future__ import annotations

import multiprocessing
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import sync
from tests.kinds import KINDS, place
from tests.origins import read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kinds import Place

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

SECONDS = 20


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        yield found


def check_echo(sock: socket.socket) -> None:
    sock.settimeout(10)
    data = os.urandom(50_000)
    sock.sendall(data)
    assert read_exactly(sock, len(data)) == data


def talk(sock: socket.socket, url: str, address: tuple[str, int]) -> None:
    """What the process does: with a socket that it is given, and with one of its own."""
    with sock:
        check_echo(sock)
    with socks5client.connect(address, proxy=url, timeout=10) as own:
        check_echo(own)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_connection_goes_to_another_process(method: str, here: Place) -> None:
    """A plain socket, as `sync.connect` gives one, is passed on by multiprocessing."""
    sock = sync.connect(here.address, proxy=here.proxy, timeout=10)
    context: Any = multiprocessing.get_context(method)
    with sock:
        process = context.Process(target=talk, args=(sock, here.server.url, here.address))
        process.start()
        process.join(SECONDS)
        assert process.exitcode == 0
        process.close()


@pytest.mark.parametrize("kind", ["drop-in", "TLS to the proxy"])
def test_a_drop_in_goes_to_another_process_by_fork(kind: str, here: Place) -> None:
    with KINDS[kind](here) as sock:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=talk, args=(sock, here.server.url, here.address))
        process.start()
        process.join(SECONDS)
        assert process.exitcode == 0
        process.close()


def test_a_drop_in_is_not_pickled(here: Place) -> None:
    """It is more than its fd. That is said, as of every object that cannot go."""
    with KINDS["drop-in"](here) as sock:
        process = multiprocessing.get_context("spawn").Process(target=talk, args=(sock, "", ()))
        with pytest.raises(TypeError, match="cannot pickle 'socket' object"):
            process.start()


def test_send_handle(here: Place) -> None:
    """The fd of a drop-in is a connection that any process can use (SCM_RIGHTS)."""
    one, other = socket.socketpair()
    with one, other, KINDS["drop-in"](here) as sock:
        socket.send_fds(one, [b"x"], [sock.fileno()])
        _, (fd,), *_ = socket.recv_fds(other, 1, 1)
        with socket.socket(fileno=fd) as taken:
            check_echo(taken)
