"""tcp://: stdin and stdout at the ends of a connection."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.origins import Echo, unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, stall

from .conftest import NAMES
from .piped import COMMAND, PATIENCE, ROOT, URL, Peer, converse, piped, read_to_end, run_piped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.real_servers import Realm, RealProxy

    from .conftest import Result

RESET = struct.pack("ii", 1, 0)
LARGE = random.Random(1).randbytes(10_000_000)


def test_both_ways_with_a_checksum(proxy: Server, echo: Echo) -> None:
    code, out, err = run_piped("-x", proxy.url, URL.format(echo.address[1]), data=LARGE)
    assert (code, err) == (0, "")
    assert hashlib.sha256(out).digest() == hashlib.sha256(LARGE).digest()


def test_files_at_the_ends(proxy: Server, echo: Echo, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(LARGE)
    url = URL.format(echo.address[1])
    assert run_piped("-x", proxy.url, "-T", str(there), "-o", str(back), url) == (0, b"", "")
    assert back.read_bytes() == LARGE
    with there.open("rb") as source, back.open("wb") as target:
        assert run_piped("-x", proxy.url, url, stdin=source, stdout=target)[0] == 0
    assert back.read_bytes() == LARGE
    missing = str(tmp_path / "no")
    before = len(proxy.exchanges)
    assert run_piped("-x", proxy.url, "-T", missing, url)[0] == 26
    assert len(proxy.exchanges) == before


def test_the_end_of_stdin_is_a_half_close(proxy: Server) -> None:
    def script(sock: socket.socket) -> None:
        assert read_to_end(sock) == b"question"
        sock.sendall(b"answer")

    with Peer(script) as peer:
        assert run_piped("-x", proxy.url, peer.url, data=b"question") == (0, b"answer", "")


def test_the_peers_half_close_ends_stdout_and_loses_nothing(proxy: Server) -> None:
    received = []

    def script(sock: socket.socket) -> None:
        sock.sendall(b"greeting")
        sock.shutdown(socket.SHUT_WR)
        received.append(read_to_end(sock))

    with Peer(script) as peer, piped("-x", proxy.url, peer.url) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read() == b"greeting"  # to its end, while stdin is open
        process.stdin.write(LARGE)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert received == [LARGE]


@pytest.mark.parametrize("says", [b"", b"bye"])
def test_both_end_at_once(proxy: Server, says: bytes) -> None:
    with Peer(lambda sock: sock.sendall(says)) as peer:
        assert run_piped("-x", proxy.url, peer.url) == (0, says, "")


def test_with_w_stdout_stays_open(proxy: Server) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(b"12345")
        sock.shutdown(socket.SHUT_WR)
        read_to_end(sock)

    with Peer(script) as peer:
        code, out, _ = run_piped(
            *("-x", proxy.url, "-w", "|%{size_download}|%{size_upload}|%{num_connects}|%{scheme}"),
            peer.url,
            data=b"abc",
        )
    assert (code, out) == (0, b"12345|5|3|1|TCP")


def test_a_peer_that_closes_before_all_is_sent(proxy: Server) -> None:
    with Peer(lambda sock: sock.sendall(b"enough")) as peer, piped("-x", proxy.url, peer.url) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        assert it.stderr is not None
        assert it.stdout.read() == b"enough"
        with pytest.raises(BrokenPipeError):
            while True:
                os.write(it.stdin.fileno(), bytes(65536))
        assert it.wait(PATIENCE) == 55
        assert it.stderr.read().startswith(b"socks5-curl: (55) ")


def test_a_reset(proxy: Server) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(b"half of")
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    with Peer(script) as peer, piped("-x", proxy.url, peer.url) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"x")
        process.stdin.flush()
        assert process.stdout.read() == b"half of"
        assert process.wait(PATIENCE) == 56
        assert process.stderr.read().startswith(b"socks5-curl: (56) the connection broke")


def test_stdin_that_is_closed_or_empty(proxy: Server, echo: Echo) -> None:
    url = URL.format(echo.address[1])
    assert run_piped("-x", proxy.url, url, stdin=subprocess.DEVNULL) == (0, b"", "")
    words = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "-x", proxy.url, url]
    closed = subprocess.run(words, capture_output=True, cwd=ROOT, timeout=PATIENCE, check=False)
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, b"", b"")


def test_stdout_that_is_closed(proxy: Server, echo: Echo) -> None:
    url = URL.format(echo.address[1])
    words = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "-x", proxy.url, url]
    done = subprocess.run(
        words, input=b"x", stderr=subprocess.PIPE, cwd=ROOT, timeout=PATIENCE, check=False
    )
    assert done.returncode == 23


def test_the_reader_of_stdout_has_gone(proxy: Server) -> None:
    """Told by the data that it does not take, or, with all sent, by poll()."""
    for data in (b"", b"unread"):
        release = threading.Event()

        def script(sock: socket.socket, data: bytes = data, e: threading.Event = release) -> None:
            assert read_to_end(sock) == b""
            sock.sendall(data)
            assert e.wait(PATIENCE)

        with Peer(script) as peer, piped("-x", proxy.url, peer.url) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            process.stdin.close()
            assert process.wait(PATIENCE) == 23
            assert process.stderr.read() == b""
            release.set()


def test_a_terminal_does_not_hold_up_the_end(proxy: Server) -> None:
    ours, theirs = pty.openpty()
    try:
        with Peer(lambda sock: sock.sendall(b"it is noon")) as peer:
            assert run_piped("-x", proxy.url, peer.url, stdin=theirs) == (0, b"it is noon", "")
    finally:
        os.close(ours)
        os.close(theirs)


def test_back_pressure_both_ways(proxy: Server) -> None:
    """A side that does not read stops the other one; the other direction goes on."""
    blocked, received = threading.Event(), []

    def script(sock: socket.socket) -> None:
        assert blocked.wait(PATIENCE)
        sock.sendall(b"still here")
        received.append(len(read_to_end(sock)))

    with Peer(script) as peer, piped("-x", proxy.url, peer.url) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        fd, written = process.stdin.fileno(), 0
        os.set_blocking(fd, False)
        while select.select([], [fd], [], 0.5)[1]:
            written += os.write(fd, bytes(65536))
            assert written < 100_000_000
        blocked.set()
        assert process.stdout.read(10) == b"still here"
        os.set_blocking(fd, True)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert received == [written]


def test_deadlines(proxy: Server) -> None:
    release = threading.Event()
    with Peer(lambda sock: release.wait(PATIENCE) and None) as peer:
        with piped("-x", proxy.url, "-m", "0.5", peer.url) as process:
            assert process.wait(PATIENCE) == 28
        release.set()
    with Server(names=NAMES, faults=[Fault("reply", stall())]) as silent:
        url = URL.format(1)
        assert run_piped("-x", silent.url, "--connect-timeout", "0.3", url)[0] == 28


def test_a_rate(proxy: Server, echo: Echo) -> None:
    data, began = bytes(100_000), time.monotonic()
    url = URL.format(echo.address[1])
    code, out, _ = run_piped("-x", proxy.url, "--limit-rate", "100k", url, data=data)
    assert (code, out) == (0, data)
    assert time.monotonic() - began > 0.8


def test_what_the_proxy_refuses(bare: Callable[..., Result], proxy: Server) -> None:
    _, port = unused_address()
    code, out, err = bare("-x", proxy.url, URL.format(port))
    assert (code, out) == (97, b"")
    assert "refused" in err
    assert bare("-x", f"socks5h://127.0.0.1:{port}", URL.format(1)).code == 7
    assert bare("-x", proxy.url, "tcp://origin.test").code == 3
    assert bare("-x", proxy.url, "tcp://origin.test:0").code == 3
    assert bare("-x", proxy.url, "-C", "5", URL.format(1)).code == 2
    assert bare(URL.format(1)).code == 2  # no proxy: nothing goes direct
    with Server(faults=[CATALOGUE["wrong-version-method"]]) as broken:
        assert bare("-x", broken.url, URL.format(1)).code == 97


def test_through_tls_to_the_proxy(tmp_path: Path, echo: Echo) -> None:
    import trustme

    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(names=NAMES, ssl_context=context) as server:
        arguments = ("-x", server.url_as("socks5h+tls"), "--proxy-cacert", str(ca_file))
        url = URL.format(echo.address[1])
        assert converse(*arguments, url, data=LARGE) == LARGE
        assert run_piped(*arguments, url)[0] == 0


def test_encapsulated_by_gssapi(kerberos: Realm) -> None:
    data = LARGE[:1_000_000]

    def script(sock: socket.socket) -> None:
        assert read_to_end(sock) == data
        sock.sendall(data)

    with Server(names=NAMES, methods=[1]) as server, Peer(script) as peer:
        proxy = f"socks5h+gssapi://localhost:{server.port}"
        assert run_piped("-x", proxy, peer.url, data=data) == (0, data, "")
        assert server.requests[0].gss_principal == kerberos.user


def test_real_proxies(real_proxy: RealProxy, echo: Echo) -> None:
    data = LARGE[:1_000_000]
    host, port = echo.address
    url = f"tcp://{host}:{port}"
    assert converse("-x", real_proxy.url, url, data=data) == data
    if "microsocks" not in real_proxy.name:  # which ends both directions at once
        assert run_piped("-x", real_proxy.url, url, data=data) == (0, data, "")


def test_as_the_proxy_command_of_ssh(proxy: Server, ssh_dynamic: RealProxy) -> None:
    server = ssh_dynamic.servers[1]
    host, port = server.addresses[0]
    ours = f"{sys.executable} -m socks5client.cli -q -x {proxy.url} tcp://%h:%p"
    options = (
        *("BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no"),
        *("UserKnownHostsFile=/dev/null", "LogLevel=ERROR", f"ProxyCommand={ours}"),
    )
    words = [word for option in options for word in ("-o", option)]
    key = server.log.parent / "user_key"
    before = len(proxy.requests)
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", str(key), "-p", str(port), *words, host, "cat; exit 7"],
        input=LARGE[:3_000_000],
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, b"")
    assert done.stdout == LARGE[:3_000_000]
    assert [(e.host, e.port) for e in proxy.requests[before:]] == [(host, port)]
