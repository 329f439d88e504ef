"""Every example of the README runs, as it stands but for the proxy's address."""

from __future__ import annotations

import os
import re
import shlex
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message
import dns.rrset
import pytest
import trustme

from tests.origins import UdpEcho, unused_address, web_server
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (Path(__file__).parents[1] / "README.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHELL = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]


class Answer(socketserver.DatagramRequestHandler):
    """A name server's: every name has one address."""

    def handle(self) -> None:
        answer = dns.message.make_response(dns.message.from_wire(self.packet))
        name = answer.question[0].name
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        self.wfile.write(answer.to_wire())


@contextmanager
def name_server() -> Iterator[tuple[str, int]]:
    with socketserver.UDPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "127.0.0.1", server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A proxy behind which example.com is a server here, and the environment that trusts it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.com").configure_cert(context)
    trusted = tmp_path_factory.mktemp("readme") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with (
        web_server() as plain,
        web_server(tls=context) as tls,
        UdpEcho() as echo,
        name_server() as names,
    ):
        routes = {
            ("example.com", 7): echo.address,
            ("example.com", 80): plain,
            ("example.com", 443): tls,
            ("example.com", 1): unused_address(),
            ("192.0.2.53", 53): names,
        }
        with Server(routes=routes) as server:
            trust = {"SSL_CERT_FILE": str(trusted), "REQUESTS_CA_BUNDLE": str(trusted)}
            yield server, {**os.environ, **trust, "NO_PROXY": ""}


def run(command: list[str], environment: dict[str, str]) -> str:
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


PROGRAM = """\
import urllib.request
print(urllib.request.urlopen("http://example.com/").read())
"""
EXPECTED = [
    r"^200$",
    r"^b'HTTP/1.1 200 OK\\r\\n'$",
    r"^b'HTTP/1.1 200 OK'$",
    r"^200$",
    r"^b'HTTP/1.1 200 OK\\r\\n'$",
    r"^b'HTTP/1.1 200 OK'$",
    r"^HTTP/1.1$",
    r"^111 ",
    r"^waiting at \('127.0.0.1', \d+\)\n\('127.0.0.1', \d+\) b'here I am'$",
    r"^\(b'ping', \('127.0.0.1', \d+\)\)$",
    r"^200$",
    r"^200$",
    r"^192.0.2.1$",
    r"^$",
    r"^$",
]


def peer(server: Server, before: int) -> None:
    """Comes to the rendezvous that the next request asks for."""
    server.wait_for(lambda server: server.requests[before:] and server.requests[before].rendezvous)
    address = server.requests[before].rendezvous
    assert address is not None
    with socket.create_connection(address) as sock:
        sock.sendall(b"here I am")


@pytest.mark.parametrize(("code", "expected"), list(zip(PYTHON, EXPECTED, strict=True)))
def test_python(world: tuple[Server, dict[str, str]], code: str, expected: str) -> None:
    server, environment = world
    before = len(server.requests)
    code = code.replace("127.0.0.1:1080", f"{server.host}:{server.port}")
    visitor = threading.Thread(target=peer, args=(server, before))
    if "listen()" in code:
        visitor.start()
    output = run([sys.executable, "-W", "error", "-c", code], environment).strip()
    if "listen()" in code:
        visitor.join()
    assert re.search(expected, output), output
    assert len(server.requests) - before == (expected != r"^$")


@pytest.mark.parametrize(
    ("line", "expected"), list(zip(SHELL, ["a page", "a page", "200 OK"], strict=True))
)
def test_shell(
    world: tuple[Server, dict[str, str]],
    line: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, environment = world
    words = shlex.split(line.replace("127.0.0.1:1080", f"{server.host}:{server.port}"))
    if "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment = {**environment, name: value}
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    command = {"socks5-curl": ["-m", "socks5client.cli"], "python": []}[words.pop(0)]
    before = len(server.requests)
    output = run([sys.executable, *command, *words], environment)
    assert expected in output
    assert len(server.requests) == before + 1
