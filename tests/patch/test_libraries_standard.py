"""What else the standard library does with sockets, unmodified, under patch()."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from multiprocessing.connection import Listener
from typing import TYPE_CHECKING
from xmlrpc.server import SimpleXMLRPCServer

import pytest

from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.origins import Echo, UdpEcho
    from tests.patch.conftest import Trial

NAME = "server.test"  # there is no such name but at the proxy
TEXT = "through the proxy"
HANDLERS = {"SocketHandler": "echo", "DatagramHandler": "udp_echo", "SysLogHandler": "udp_echo"}


@contextmanager
def serving(server: SimpleXMLRPCServer) -> Iterator[SimpleXMLRPCServer]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_procedure_called(trial: Trial) -> None:
    with serving(SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)) as server:
        server.register_function(str.upper, "upper")
        host, port = server.server_address
        with Server(names={NAME: str(host)}) as proxy:
            answer = trial(
                "xmlrpc_call",
                NAME,
                port,
                TEXT,
                library="xmlrpc.client",
                server="xmlrpc.server",
                proxy=proxy,
            )
            proxy.wait_idle()
    assert answer == f"{TEXT.upper()}\n"


def test_objects_exchanged(trial: Trial) -> None:
    def answer_one() -> None:
        with listener.accept() as client:
            client.send([*client.recv(), "and back"])

    secret = "s3cret"
    with Listener(("127.0.0.1", 0), authkey=secret.encode()) as listener:
        thread = threading.Thread(target=answer_one, daemon=True)  # who may wait for ever
        thread.start()
        host, port = listener.address
        with Server(names={NAME: host}) as proxy:
            answer = trial(
                "multiprocessing_talk",
                NAME,
                port,
                secret,
                TEXT,
                library="multiprocessing.connection",
                server="multiprocessing.connection",
                proxy=proxy,
            )
            proxy.wait_idle()
        thread.join(10)
    assert answer == f"{[TEXT, 'and back']}\n"


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_record_logged(handler: str, trial: Trial, request: pytest.FixtureRequest) -> None:
    server: Echo | UdpEcho = request.getfixturevalue(HANDLERS[handler])
    host, port = server.address
    with Server(names={NAME: host}) as proxy:
        answer = trial(
            "logging_records",
            NAME,
            port,
            TEXT,
            handler,
            library=f"logging.handlers {handler}",
            server=type(server).__name__,
            proxy=proxy,
        )
        proxy.wait_idle()
    assert answer == "True\n"


def test_a_server_that_forwards(trial: Trial, echo: Echo) -> None:
    """Whoever comes to it comes by loopback, and past the proxy."""
    host, port = echo.address
    with Server(names={NAME: host}) as proxy:
        answer = trial(
            "socketserver_forward",
            NAME,
            port,
            TEXT,
            library="socketserver",
            server="Echo",
            proxy=proxy,
        )
        assert len(proxy.requests) == 1
        proxy.wait_idle()
    assert answer == f"{TEXT}\n"
