"""Libraries that speak to a server of their own kind, unmodified, under patch()."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import websockets.sync.server

from tests.adapters.sshd import SshServer, sshd
from tests.real_servers.moto import MotoServer, moto_server
from tests.real_servers.redis import RedisServer, redis_server
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.patch.conftest import Trial

NAME = "remote.test"
BOTH = pytest.mark.parametrize("how", ["sync", "asyncio"])


@pytest.fixture
def proxy() -> Iterator[Server]:
    """It alone knows the name; nothing is left open at it in the end."""
    with Server(names={NAME: "127.0.0.1"}) as server:
        yield server
        server.wait_idle()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@BOTH
def test_redis(how: str, trial: Trial, redis: RedisServer, proxy: Server) -> None:
    name = f"redis {how}"
    place = (NAME, redis.port)
    answer = trial(
        "redis_key", *place, "value", how, library=name, server="redis-server", proxy=proxy
    )
    assert answer == "value\n"


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with sshd(tmp_path_factory.mktemp("sshd"), NAME) as server:
        yield server


@pytest.mark.parametrize("library", ["paramiko", "asyncssh"])
def test_ssh(library: str, trial: Trial, ssh_server: SshServer, proxy: Server) -> None:
    login = (ssh_server.user, ssh_server.key, ssh_server.known_hosts)
    answer = trial(
        f"{library}_command",
        NAME,
        ssh_server.port,
        *login,
        "echo hello",
        library=library,
        server="sshd",
        proxy=proxy,
    )
    assert answer == "hello\n"


@pytest.fixture(scope="module")
def websocket_port() -> Iterator[int]:
    """Of a server that answers in capitals."""

    def answer(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            connection.send(message.upper())

    with websockets.sync.server.serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


@BOTH
def test_websockets(how: str, trial: Trial, websocket_port: int, proxy: Server) -> None:
    answer = trial(
        "websockets_talk",
        NAME,
        websocket_port,
        "hello",
        how,
        library=f"websockets {how}",
        server="websockets",
        proxy=proxy,
    )
    assert answer == "HELLO\n"


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    with moto_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


def test_s3(trial: Trial, moto: MotoServer, proxy: Server) -> None:
    answer = trial(
        "boto3_object", NAME, moto.port, "hello", library="boto3", server="moto", proxy=proxy
    )
    assert answer == "hello\n"
