"""What is urllib3's own: retries, options of the connection, the audit event."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
import urllib3

import socks5client
from socks5client.urllib3 import Socks5PoolManager
from tests.server_fixture import CATALOGUE, Fault, Server


def sock_of(response: Any) -> socket.socket:
    sock: socket.socket = response.connection.sock
    return sock


def test_retries_are_of_the_connection(port: int) -> None:
    """A request has not been sent yet: also one that must not be sent twice is tried again."""
    faults = [Fault("reply", CATALOGUE["reply-code-5"].action, connections={0, 1})]
    with Server(faults=faults) as server, Socks5PoolManager(server.url) as http:
        retries = urllib3.Retry(connect=2, read=0)
        assert http.request("GET", f"http://127.0.0.1:{port}/", retries=retries).status == 200
        assert len(server.exchanges) == 3


def test_too_many_retries(port: int) -> None:
    with (
        Server(faults=[CATALOGUE["reply-code-5"]]) as server,
        Socks5PoolManager(server.url) as http,
    ):
        with pytest.raises(urllib3.exceptions.MaxRetryError) as caught:
            http.request("POST", f"http://127.0.0.1:{port}/", retries=urllib3.Retry(connect=1))
        reason = caught.value.reason
        assert type(reason) is urllib3.exceptions.NewConnectionError
        assert isinstance(reason.__cause__, socks5client.ConnectionRefused)
        assert "connection refused" in str(caught.value).lower()
        assert len(server.requests) == 2


def test_a_redirect_goes_through_the_proxy(proxy: Server, port: int) -> None:
    with Socks5PoolManager(proxy.url) as http:
        response = http.request(
            "GET", f"http://127.0.0.1:{port}/to?http://origin.test:{port}/there"
        )
    assert response.data == f"origin.test:{port} /there".encode()
    assert [request.host for request in proxy.requests] == ["127.0.0.1", "origin.test"]


def test_a_body_is_streamed(proxy: Server, port: int) -> None:
    with Socks5PoolManager(proxy.url) as http:
        response = http.request("GET", f"http://origin.test:{port}/x", preload_content=False)
        assert b"".join(response.stream(3)) == f"origin.test:{port} /x".encode()


def test_source_address_and_socket_options(proxy: Server, port: int) -> None:
    """They are of the connection to the proxy."""
    keep_alive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options: dict[str, Any] = {"source_address": ("127.0.0.9", 0), "socket_options": [keep_alive]}
    with Socks5PoolManager(proxy.url, **options) as http:
        pool = http.connection_from_url(f"http://origin.test:{port}/")
        response = pool.request("GET", "/", preload_content=False)
        sock = sock_of(response)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getpeername() == proxy.address
        response.read()
    (exchange,) = proxy.exchanges
    assert exchange.peer is not None
    assert exchange.peer[0] == "127.0.0.9"


def test_by_default_small_pieces_go_at_once(proxy: Server, port: int) -> None:
    with Socks5PoolManager(proxy.url) as http:
        response = http.request("GET", f"http://origin.test:{port}/", preload_content=False)
        assert sock_of(response).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        response.read()


def test_a_dot_at_the_end_is_for_who_looks_the_name_up(port: int) -> None:
    with Server(names={"origin.test.": "127.0.0.1"}) as server:
        with Socks5PoolManager(server.url) as http:
            http.request("GET", f"http://origin.test.:{port}/")
        assert [request.host for request in server.requests] == ["origin.test."]


def test_the_audit_event(proxy: Server, port: int) -> None:
    """As http.client and urllib3 raise it, with the destination."""
    seen: list[tuple[Any, ...]] = []
    listening = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "http.client.connect":
            seen.append(arguments[1:])

    sys.addaudithook(hook)  # which cannot be taken away again
    with Socks5PoolManager(proxy.url) as http:
        http.request("GET", f"http://origin.test:{port}/")
    listening = False
    assert seen == [("origin.test", port)]


def test_what_a_pool_manager_takes(proxy: Server, port: int) -> None:
    with Socks5PoolManager(proxy.url, 3, {"X-Test": "told"}, maxsize=2, block=True) as http:
        assert b"X-Test: told" in http.request("GET", f"http://origin.test:{port}/headers").data
        pool = http.connection_from_host("origin.test", port)
        assert pool.block
        assert http.pools._maxsize == 3
    assert len(proxy.requests) == 1
