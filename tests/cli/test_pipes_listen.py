"""--listen: a peer that comes to the proxy, and a pipe with it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.server_fixture import CATALOGUE, Server

from .conftest import NAMES
from .piped import PATIENCE, piped, read_to_end, run_piped

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from .conftest import Result

MANY = bytes(range(256)) * 4000


def place_of(process: subprocess.Popen[bytes]) -> tuple[str, int]:
    """Where it says that it listens."""
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    assert line.startswith("listening at ")
    host, _, port = line.removeprefix("listening at ").strip().rpartition(":")
    return host, int(port)


def test_both_ways(full_proxy: str) -> None:
    """Also with -s: without the address nobody can come."""
    with piped("-s", "-x", full_proxy, "--listen") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with socket.create_connection(place_of(process), PATIENCE) as peer:
            process.stdin.write(b"question")
            process.stdin.close()
            assert read_to_end(peer) == b"question"
            peer.sendall(MANY)
            peer.shutdown(socket.SHUT_WR)
            assert process.stdout.read() == MANY
        assert process.wait(PATIENCE) == 0


def test_the_expected_peer(proxy: Server) -> None:
    with piped("-v", "-x", proxy.url, "--listen", "tcp://127.0.0.1:0") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        lines = iter(process.stderr.readline, b"")
        place = next(line for line in lines if line.startswith(b"listening at "))
        host, _, port = place.split()[-1].decode().rpartition(":")
        assert (proxy.requests[-1].host, proxy.requests[-1].command) == ("127.0.0.1", 2)
        with socket.create_connection((host, int(port)), PATIENCE) as peer:
            ours = peer.getsockname()
            process.stdin.close()
        assert process.wait(PATIENCE) == 0
        assert f"* {ours[0]}:{ours[1]} has come\n".encode() in process.stderr.readlines()


def test_m_bounds_the_wait(proxy: Server) -> None:
    code, out, err = run_piped("-x", proxy.url, "--listen", "-m", "0.5")
    assert (code, out) == (28, b"")
    assert "did not end within 0.5 seconds" in err


def test_what_the_proxy_refuses() -> None:
    refusing = Server(names=NAMES, commands=[1])
    impatient = Server(names=NAMES, bind_timeout=0.2)
    for server in (refusing, impatient):
        with server:
            assert run_piped("-x", server.url, "--listen")[0] == 97
    second = Server(names=NAMES, faults=[CATALOGUE["second-reply-refused"]])
    with second, piped("-x", second.url, "--listen") as process:
        socket.create_connection(place_of(process), PATIENCE).close()
        assert process.wait(PATIENCE) == 97


def test_only_at_a_proxy_and_only_tcp(bare: Callable[..., Result], proxy: Server) -> None:
    assert bare("--listen").code == 2
    code, _, err = bare("-x", proxy.url, "--noproxy", "*", "--listen")
    assert (code, "--noproxy" in err) == (2, True)
    for url in ("http://origin.test/", "udp://origin.test:1"):
        code, _, err = bare("-x", proxy.url, "--listen", url)
        assert (code, "tcp://PEER:PORT" in err) == (2, True)
