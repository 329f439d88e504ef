"""A web server that only the proxy can find by name, with and without TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.adapters.clients import CLIENTS
from tests.origins import Page, web_server
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from tests.adapters.clients import Client


class Handler(Page):
    """Tells who asked for what, and sends those who want it elsewhere."""

    def do_GET(self) -> None:
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/headers":
            self.answer(str(self.headers).encode())
        else:
            self.answer(f"{self.headers['Host']} {self.path}".encode())


@pytest.fixture(params=CLIENTS, ids=lambda cls: cls.__name__)
def client(request: pytest.FixtureRequest) -> type[Client]:
    """Each HTTP library, in turn."""
    cls: type[Client] = request.param
    return cls


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with web_server(Handler) as (_, number):
        yield number


@pytest.fixture(scope="module")
def tls_port(server_context: ssl.SSLContext) -> Iterator[int]:
    with web_server(Handler, server_context) as (_, number):
        yield number


@pytest.fixture
def proxy() -> Iterator[Server]:
    """It alone knows the names; nothing is left open at it in the end."""
    names = {"origin.test": "127.0.0.1", "other.test": "127.0.0.1"}  # the latter in no certificate
    with Server(names=names) as server:
        yield server
        server.wait_idle()
