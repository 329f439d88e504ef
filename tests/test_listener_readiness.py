"""When the fd of a listening drop-in socket is readable, and who can wait for that."""

from __future__ import annotations

import asyncio
import select
import selectors
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.origins import read_exactly
from tests.server_fixture import Fault, Server, coalesce, reply_code, split
from tests.test_listener import listening
from tests.test_scenarios_bind import come, contexts, converse, met

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    # Whether it becomes readable within so many seconds.
    Ready = Callable[[float], bool]
    Watch = Callable[[socket.socket], AbstractContextManager[Ready]]


@contextmanager
def by_select(sock: socket.socket) -> Iterator[Ready]:
    yield lambda timeout: select.select([sock], [], [], timeout)[0] == [sock]


@contextmanager
def by_poll(sock: socket.socket) -> Iterator[Ready]:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    yield lambda timeout: poll.poll(timeout * 1000) == [(sock.fileno(), select.POLLIN)]


@contextmanager
def by_epoll(sock: socket.socket, flags: int = 0) -> Iterator[Ready]:
    with select.epoll() as epoll:
        epoll.register(sock, select.EPOLLIN | flags)
        yield lambda timeout: epoll.poll(timeout) == [(sock.fileno(), select.EPOLLIN)]


def by_edges(sock: socket.socket) -> AbstractContextManager[Ready]:
    return by_epoll(sock, select.EPOLLET)


@contextmanager
def by_selector(sock: socket.socket) -> Iterator[Ready]:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        yield lambda timeout: [key.fileobj for key, _ in selector.select(timeout)] == [sock]


@pytest.fixture(params=[by_select, by_poll, by_epoll, by_edges, by_selector])
def watch(request: pytest.FixtureRequest) -> Watch:
    watch: Watch = request.param
    return watch


def test_readable_when_accept_has_something_to_do(watch: Watch) -> None:
    """Registered once, before the first; nothing of what was accepted shows up."""
    accepted = []
    with Server() as server:
        with listening(server, 0) as listener, watch(listener) as ready:
            for number in range(1, 4):
                assert not ready(0)
                with pytest.raises(BlockingIOError):
                    listener.accept()
                peer = come(listener.getsockname())
                assert ready(10)
                sock, address = listener.accept()
                assert address == peer.getsockname()
                assert len(server.requests) == number
                with pytest.raises(BlockingIOError):  # which asks for the next
                    listener.accept()
                assert len(server.requests) == number + 1
                accepted.append((sock, peer))
                for sock, peer in accepted:
                    peer.sendall(b"x")
                    assert select.select([sock], [], [], 10)[0]
                    assert not ready(0)
            sock, peer = accepted.pop()  # and nothing of its end
            peer.close()
            assert len(read_exactly(sock, 1)) == 1
            sock.setblocking(True)
            assert sock.recv(1) == b""
            sock.close()
            assert not ready(0)
        for sock, peer in accepted:
            sock.close()
            peer.close()
        server.wait_idle()


def test_readable_until_the_next_is_asked_for(watch: Watch) -> None:
    with Server() as server, listening(server, 0) as listener, watch(listener) as ready:
        peer = come(listener.getsockname())
        assert ready(10)
        sock, _ = listener.accept()
        assert ready(0), "the next accept() has a request to send"
        assert len(server.requests) == 1
        listener.getsockname()
        assert len(server.requests) == 2
        assert not ready(0)
        converse(sock, peer)


@pytest.mark.parametrize("how", ["refused", "closed", "reset"])
def test_readable_when_it_has_failed(watch: Watch, how: Any) -> None:
    faults = [reply_code(5, "second-reply")] if how == "refused" else []
    with (
        Server(faults=faults) as server,
        listening(server, 0) as listener,
        watch(listener) as ready,
    ):
        if how == "refused":
            come(listener.getsockname()).close()
        else:
            server.hang_up(server.exchanges[0], "close" if how == "closed" else "reset")
        assert ready(10)
        with pytest.raises(socks5client.SocksError):
            listener.accept()
        listener.getsockname()
        assert not ready(0)
        assert len(server.requests) == 2


def test_within_a_reply(watch: Watch) -> None:
    """What has come of it was taken; the rest is an event of its own, an edge too."""
    faults = [Fault("second-reply", split(5, pause=0.05))]
    with (
        Server(faults=faults) as server,
        listening(server, 0) as listener,
        watch(listener) as ready,
    ):
        peer = come(listener.getsockname())
        while True:
            assert ready(10)
            try:
                sock, _ = listener.accept()
                break
            except BlockingIOError:
                pass
        converse(sock, peer)


def test_both_replies_in_one_by_tls(watch: Watch) -> None:
    """Nothing is left to be read from the wire, and yet there is a peer."""
    proxied = Server(ssl_context=contexts()[0], faults=[Fault("reply", coalesce())])
    with ThreadPoolExecutor(1) as pool, proxied as server:
        coming = pool.submit(lambda: come(met(server)))
        proxy = socks5client.Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
        with socks5client.socket(proxy=proxy) as listener:
            listener.settimeout(5)
            listener.listen()
            listener.settimeout(0)
            peer = coming.result(10)
            with watch(listener) as ready:
                assert ready(10)
                converse(listener.accept()[0], peer)
        server.wait_idle()


# asyncio


def test_sock_accept() -> None:
    async def main(server: Server, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            accepting = asyncio.create_task(loop.sock_accept(listener))
            peer = await asyncio.to_thread(come, listener.getsockname())
            async with asyncio.timeout(10):
                sock, address = await accepting
                assert address == peer.getsockname()
                peer.sendall(b"x")
                assert await loop.sock_recv(sock, 1) == b"x"
            sock.close()
            peer.close()

    with Server() as server, listening(server, 0) as listener:
        asyncio.run(main(server, listener))
        server.wait_idle()


def test_sock_accept_fails() -> None:
    async def main(listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(socks5client.TTLExpired):
            await asyncio.wait_for(loop.sock_accept(listener), 10)

    with Server(bind_timeout=0.1) as server, listening(server, 0) as listener:
        asyncio.run(main(listener))


@pytest.mark.parametrize("listens", [True, False])
def test_start_server(listens: bool) -> None:
    """One peer after the other; each handler begins when the next rendezvous stands."""

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))
        writer.write((await reader.readline()).upper())
        writer.close()
        await writer.wait_closed()

    async def main(server: Server, listener: socket.socket) -> None:
        async with await asyncio.start_server(shout, sock=listener) as service:
            for number in range(1, 4):
                exchange = await asyncio.to_thread(nth, server, number)
                peer = await asyncio.to_thread(come, exchange.rendezvous)
                with peer:
                    peer.sendall(b"hello\n")
                    assert await asyncio.to_thread(read_exactly, peer, 6) == b"HELLO\n"
                    assert await asyncio.to_thread(peer.recv, 1) == b""
                    assert peers[-1] == peer.getsockname()
            assert service.sockets[0].getsockname() == nth(server, 4).rendezvous

    def nth(server: Server, number: int) -> Any:
        server.wait_for(lambda server: len(server.requests) == number)
        met(server)
        return server.requests[number - 1]

    peers: list[Any] = []
    with Server() as server:
        with socks5client.socket(proxy=server.url) as listener:
            listener.setblocking(False)
            if listens:
                listener.listen()
            asyncio.run(main(server, listener))
        server.wait_idle()


def test_create_server_and_its_end() -> None:
    """The service closed, the proxy hears of it; connections that stand go on."""

    class Echoing(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

        def connection_lost(self, error: BaseException | None) -> None:
            ended.set()

    async def main(server: Server, listener: socket.socket) -> None:
        service = await asyncio.get_running_loop().create_server(Echoing, sock=listener)
        with await asyncio.to_thread(come, listener.getsockname()) as peer:
            peer.sendall(b"one")
            assert await asyncio.to_thread(read_exactly, peer, 3) == b"one"
            service.close()
            await asyncio.to_thread(
                server.wait_for, lambda server: [ex.closed for ex in server.exchanges] == [0, 1]
            )
            peer.sendall(b"two")
            assert await asyncio.to_thread(read_exactly, peer, 3) == b"two"
        async with asyncio.timeout(10):
            await ended.wait()

    ended = asyncio.Event()
    with Server() as server:
        with listening(server, 0) as listener:
            asyncio.run(main(server, listener))
        server.wait_idle()
