"""tftp:// through real relays, to a real server and to one that errs."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.tftp import packets
from tests import real_servers
from tests.cli.comparison import run_curl
from tests.cli.conftest import NAMES
from tests.server_fixture import Server
from tests.server_fixture.wire import CONNECT, UDP_ASSOCIATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Result

CONTENT = bytes(range(256)) * 300
SOON = 5.0


@pytest.fixture(scope="module")
def danted_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_servers.RealProxy]:
    """danted whose relay takes datagrams from anybody: TFTP answers from another port."""
    module = sys.modules["tests.real_servers.danted"]
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "CONFIGURATION", "udp.connectdst: no\n" + module.CONFIGURATION)
            folder = tmp_path_factory.mktemp("danted-for-all")
            proxy = stack.enter_context(real_servers.danted(folder))
        yield proxy


@pytest.fixture(params=["danted", "reference", "none"])
def through(
    request: pytest.FixtureRequest, bare: Callable[..., Result], proxy: Server
) -> Callable[..., Result]:
    """The command, through a proxy, or directly as it is told."""
    words = {"reference": ["-x", proxy.url], "none": ["--noproxy", "*"]}.get(request.param)
    if words is None:
        words = ["-x", request.getfixturevalue("danted_for_all").url]

    def run(*args: str) -> Result:
        return bare("-sS", *words, *args)

    return run


OPTIONS = [
    [],
    ["--tftp-no-options"],
    ["--tftp-blksize", "8"],
    ["--tftp-blksize", "1428"],
    ["--tftp-blksize", "65464"],
    ["-B", "--tftp-blksize", "9"],
]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_fetch(
    through: Callable[..., Result], tftp_server: real_servers.TftpServer, options: list[str]
) -> None:
    url = f"tftp://{tftp_server.host}:{tftp_server.port}"
    for size in (0, 1, 511, 512, 513, 1428):
        real_servers.publish(tftp_server.root / f"file{size}", CONTENT[:size])
        assert through(*options, f"{url}/file{size}")[:2] == (0, CONTENT[:size])


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_upload(
    through: Callable[..., Result],
    tftp_server: real_servers.TftpServer,
    tmp_path: Path,
    options: list[str],
) -> None:
    url = f"tftp://{tftp_server.host}:{tftp_server.port}/upload/"
    for size in (0, 1, 511, 512, 1024):
        (tmp_path / "sent").write_bytes(CONTENT[:size])
        words = [*options, "-T", str(tmp_path / "sent"), url]
        assert through(*words)[:2] == (0, b"")
        assert (tftp_server.uploads / "sent").read_bytes() == CONTENT[:size]
        (tftp_server.uploads / "sent").unlink()


def test_what_the_server_refuses(
    through: Callable[..., Result], tftp_server: real_servers.TftpServer, tmp_path: Path
) -> None:
    url = f"tftp://{tftp_server.host}:{tftp_server.port}"
    (tmp_path / "sent").write_bytes(b"x")
    result = through("-o", str(tmp_path / "got"), f"{url}/missing")
    assert (result.code, result.err) == (
        68,
        "socks5-curl: (68) the TFTP server says: File not found (1)\n",
    )
    assert not (tmp_path / "got").exists()
    assert through("-T", str(tmp_path / "sent"), f"{url}/nowhere/new").code == 68


def test_a_name_is_the_proxys_affair(
    bare: Callable[..., Result], tftp_server: real_servers.TftpServer
) -> None:
    real_servers.publish(tftp_server.root / "a file", CONTENT)
    with Server(names=NAMES) as proxy:
        words = ["-sS", "-x", proxy.url, "-w", "|%{scheme} %{size_download} %{num_connects}"]
        url = f"tftp://origin.test:{tftp_server.port}/a%20file"
        assert bare(*words, f"{url};mode=octet")[:2] == (0, CONTENT + b"|TFTP 76800 1")
        (exchange,) = proxy.requests
        assert exchange.command == UDP_ASSOCIATE
        first, *others = exchange.datagrams_up
        assert (first.host, first.port) == ("origin.test", tftp_server.port)
        assert {relayed.host for relayed in others} == {"127.0.0.1"}
        assert tftp_server.port not in {relayed.port for relayed in others}


def test_through_a_kerberos_proxy(
    bare: Callable[..., Result],
    kerberos: real_servers.Realm,
    tftp_server: real_servers.TftpServer,
    tmp_path: Path,
) -> None:
    real_servers.publish(tftp_server.root / "file", CONTENT)
    (tmp_path / "sent").write_bytes(CONTENT)
    with Server(names=NAMES, methods=(1,)) as proxy:
        words = ["-sS", "--socks5-gssapi", "-x", f"socks5h://localhost:{proxy.port}"]
        url = f"tftp://origin.test:{tftp_server.port}"
        assert bare(*words, f"{url}/file")[:2] == (0, CONTENT)
        assert bare(*words, "-T", str(tmp_path / "sent"), f"{url}/upload/")[:2] == (0, b"")
        assert {exchange.gss_principal for exchange in proxy.requests} == {kerberos.user}
        assert all(exchange.gss_confidential > 100 for exchange in proxy.requests)
    assert (tftp_server.uploads / "sent").read_bytes() == CONTENT
    (tftp_server.uploads / "sent").unlink()


@contextmanager
def scripted(behave: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> Iterator[int]:
    """A port where `behave` gets each datagram, with the socket that it came to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    packet, source = sock.recvfrom(65535)
                except TimeoutError:
                    continue
                behave(sock, packet, source)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            ended.set()
            thread.join(10)


def test_a_server_that_does_not_answer(run: Callable[..., Result]) -> None:
    asked: list[bytes] = []
    with scripted(lambda sock, packet, source: asked.append(packet)) as port:
        begun = time.monotonic()
        result = run("-sS", "-m", "2.5", f"tftp://origin.test:{port}/x")
        assert time.monotonic() - begun < SOON
        assert result.code == 28
    assert len(asked) == 2  # at once, and after two seconds
    assert asked[0] == asked[1]


def test_a_server_that_stops(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
        if packet[1] == packets.READ:
            sock.sendto(packets.data(1, b"x" * 512), source)

    monkeypatch.setattr("socks5client.cli.tftp.handler.RETRY", 0.05)
    part = tmp_path / "part"
    with scripted(behave) as port:
        result = run("-sS", "-o", str(part), f"tftp://origin.test:{port}/x")
    assert result.code == 28
    assert "does not answer" in result.err
    assert part.read_bytes() == b"x" * 512


def test_the_hint_at_a_relay_that_is_too_strict(
    bare: Callable[..., Result],
    danted: real_servers.RealProxy,
    tftp_server: real_servers.TftpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socks5client.cli.tftp.handler.RETRY", 0.05)
    url = f"tftp://{tftp_server.host}:{tftp_server.port}/missing"
    result = bare("-sS", "-x", danted.url, url)
    assert result.code == 28
    assert "another port" in result.err


def test_answers_from_elsewhere(run: Callable[..., Result]) -> None:
    """Neither another host's first answer counts, nor another port's later ones."""
    told: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(5)

        def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
            if packet[1] == packets.READ:
                sock.sendto(packets.data(1, b"x" * 512), source)
            elif packet == packets.acknowledgement(1):
                other.sendto(packets.data(2, b"wrong"), source)
                told.append(other.recv(100))
                other.sendto(packets.error(packets.Fault.UNDEFINED, "end"), source)
                sock.sendto(packets.data(2, b"right"), source)

        with scripted(behave) as port:
            result = run("-sS", f"tftp://127.0.0.1:{port}/x")
    assert result[:2] == (0, b"x" * 512 + b"right")
    assert [packet[:4] for packet in told] == [struct.pack("!HH", 5, 5)]


def test_another_hosts_first_answer(run: Callable[..., Result]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))

        def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
            if packet[1] == packets.READ:
                other.sendto(packets.data(1, b"wrong"), source)
                sock.sendto(packets.data(1, b"right"), source)

        with scripted(behave) as port:
            assert run("-sS", f"tftp://127.0.0.1:{port}/x")[:2] == (0, b"right")


def test_nonsense_is_answered(run: Callable[..., Result]) -> None:
    got: list[bytes] = []

    def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
        got.append(packet)
        if packet[1] == packets.READ:
            sock.sendto(b"\0\6blksize\x0099999\0", source)

    with scripted(behave) as port:
        result = run("-sS", f"tftp://origin.test:{port}/x")
        end = time.monotonic() + 5
        while len(got) < 2 and time.monotonic() < end:
            time.sleep(0.01)
    assert result.code == 71
    assert got[1][:4] == struct.pack("!HH", 5, 8)


@pytest.mark.parametrize("number", [*range(9), 99, None])
@pytest.mark.parametrize("upload", [False, True])
def test_as_curl_directly(
    bare: Callable[..., Result], tmp_path: Path, number: int | None, upload: bool
) -> None:
    """curl's TFTP knows no proxy; all the rest is the same, but for the time that it proposes."""
    real_servers.require("curl")
    (tmp_path / "sent").write_bytes(b"x" * 10)
    requests: list[bytes] = []

    def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
        if packet[1] in (packets.READ, packets.WRITE):
            requests.append(packet.replace(b"timeout\0002", b"timeout\0001"))
        if number is not None:
            sock.sendto(struct.pack("!HH", 5, number) + b"no way\0", source)
        elif packet[1] == packets.READ:
            sock.sendto(packets.data(1, b"hello"), source)
        elif packet[1] in (packets.WRITE, packets.DATA):
            sock.sendto(packets.acknowledgement(packet[1] == packets.DATA), source)

    with scripted(behave) as port:
        words = [
            "-sS",
            "--noproxy",
            "*",
            "-m",
            "5",
            "-w",
            "|%{size_download} %{exitcode} %{method}",
        ]
        words += ["-T", str(tmp_path / "sent")] if upload else []
        words.append(f"tftp://127.0.0.1:{port}/d/x%20y")
        assert tuple(bare(*words)[:2]) == run_curl(*words)
    assert len(requests) == 2
    assert requests[0] == requests[1]


def test_too_large(run: Callable[..., Result], tftp_server: real_servers.TftpServer) -> None:
    real_servers.publish(tftp_server.root / "file", CONTENT)
    url = f"tftp://origin.test:{tftp_server.port}/file"
    assert run("-sS", "--max-filesize", "1000", url)[:2] == (63, b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tftp://origin.test/"], 3),
        (["tftp://origin.test/a%00b"], 3),
        (["tftp://origin.test/" + "x" * 500], 71),
        (["-C", "5", "tftp://origin.test/x"], 2),
        (["-r", "0-5", "tftp://origin.test/x"], 2),
        (["-I", "tftp://origin.test/x"], 2),
        (["-T", "/nonexistent", "tftp://origin.test/x"], 26),
        (["--tftp-blksize", "7", "tftp://origin.test/x"], 2),
        (["--tftp-blksize", "65465", "tftp://origin.test/x"], 2),
    ],
)
def test_what_cannot_be(run: Callable[..., Result], arguments: list[str], code: int) -> None:
    result = run("-sS", *arguments)
    assert result.code == code
    assert result.out == b""


def test_a_proxy_without_udp(bare: Callable[..., Result]) -> None:
    with Server(names=NAMES, commands=(CONNECT,)) as proxy:
        result = bare("-sS", "-x", proxy.url, "tftp://origin.test/x")
    assert result.code == 97
    assert "command not supported" in result.err


def test_no_proxy_at_all(bare: Callable[..., Result]) -> None:
    assert bare("-sS", "tftp://127.0.0.1:1/x").code == 2


def test_an_association_that_ends(bare: Callable[..., Result]) -> None:
    with Server(names=NAMES) as proxy:

        def behave(sock: socket.socket, packet: bytes, source: tuple[str, int]) -> None:
            proxy.hang_up(proxy.requests[0])

        with scripted(behave) as port:
            result = bare("-sS", "-x", proxy.url, "-m", "10", f"tftp://origin.test:{port}/x")
    assert result.code == 56
