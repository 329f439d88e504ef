"""Event loops under patch(): asyncio, uvloop, trio, anyio, gevent; imported before or after it.

Each case is a program of its own, for what is imported when is what it is about.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import socks5client
from tests.origins import Page, web_server
from tests.patch.verdict import relays, run_traced
from tests.server_fixture import Server

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

    from tests.origins import Echo, UdpEcho

NAME, ADDRESS = "echo.test", "192.0.2.7"
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
ORDER = pytest.mark.parametrize("order", ["before", "after"])
HOSTS = pytest.mark.parametrize("host", [NAME, ADDRESS], ids=["name", "address"])


def run(
    code: str, library: str, order: str, server: Server, folder: Path, place: tuple[str, int]
) -> str:
    """What a program prints that imports a library before patch() or after; only by the proxy."""
    imported = {"before": f"import {library}\nPATCH", "after": f"PATCH\nimport {library}"}[order]
    start = imported.replace("PATCH", f"import socks5client\nsocks5client.patch({server.url!r})")
    program = folder / "program.py"
    program.write_text(f"{start}\nimport asyncio, socket\nHOST, PORT = {place!r}\n{code}")
    verdict = run_traced([str(program)], folder)
    assert (verdict.status, verdict.errors) == (0, ""), verdict.errors
    verdict.check(server.address, relays(server))
    server.wait_idle()
    return verdict.output


def leading_to(place: tuple[str, int]) -> Server:
    return Server(names={NAME: place[0]}, routes={(ADDRESS, place[1]): place})


def asyncio_main(loop: str) -> str:
    runner = f"asyncio.Runner(loop_factory={loop}.new_event_loop)"
    return f"\nimport {loop}\nwith {runner} as runner:\n    runner.run(main())\n"


TCP = """
async def main():
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    peer = writer.get_extra_info("peername")  # uvloop's is the kernel's
    print("uvloop" in type(loop).__module__ or peer[1] == PORT)
    writer.close()
    await writer.wait_closed()
    infos = await loop.getaddrinfo(HOST, PORT, type=socket.SOCK_STREAM)
    print(await loop.getnameinfo(infos[0][4][:2], socket.NI_NUMERICSERV) == (HOST, str(PORT)))
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, infos[0][4])
        await loop.sock_sendall(sock, b"hello")
        print(await loop.sock_recv(sock, 5))
"""


@HOSTS
@ORDER
@LOOPS
def test_streams(loop: str, order: str, host: str, echo: Echo, tmp_path: Path) -> None:
    place = (host, echo.address[1])
    with leading_to(echo.address) as server:
        said = run(TCP + asyncio_main(loop), loop, order, server, tmp_path, place)
    assert said == "True\nTrue\nb'hello'\n"


UDP = """
class Protocol(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.answer = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.answer.set_result((data, addr[:2]))


async def main():
    loop = asyncio.get_running_loop()
    place = (await loop.getaddrinfo(HOST, PORT, type=socket.SOCK_DGRAM))[0][4]
    for options in ({"remote_addr": (HOST, PORT)}, {"local_addr": ("0.0.0.0", 0)}):
        transport, protocol = await loop.create_datagram_endpoint(Protocol, **options)
        transport.sendto(b"hello", *(() if "remote_addr" in options else (place,)))
        print(await asyncio.wait_for(protocol.answer, 10) == (b"hello", place))
        transport.close()
    for connects in (True, False):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if connects:
            sock.connect(place)
        transport, protocol = await loop.create_datagram_endpoint(Protocol, sock=sock)
        transport.sendto(b"hello", *(() if connects else (place,)))
        print(await asyncio.wait_for(protocol.answer, 10) == (b"hello", place))
        transport.close()
    await asyncio.sleep(0)
"""


@HOSTS
@ORDER
@LOOPS
def test_datagrams(loop: str, order: str, host: str, udp_echo: UdpEcho, tmp_path: Path) -> None:
    place = (host, udp_echo.address[1])
    with leading_to(udp_echo.address) as server:
        said = run(UDP + asyncio_main(loop), loop, order, server, tmp_path, place)
    assert said == "True\n" * 4


TLS = """
import ssl

async def main():
    context = ssl.create_default_context(cafile={authority!r})
    reader, writer = await asyncio.open_connection(HOST, PORT, ssl=context)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print((await reader.read())[-6:])
    writer.close()
    await writer.wait_closed()
    try:
        await asyncio.open_connection(HOST, PORT, ssl=context, server_hostname="other.test")
    except ssl.SSLCertVerificationError:
        print("another's")
"""


@LOOPS
def test_tls(loop: str, authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(NAME).configure_cert(context)
    pem = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(pem)
    code = TLS.format(authority=str(pem)) + asyncio_main(loop)
    with web_server(Page, context) as address, leading_to(address) as server:
        said = run(code, loop, "after", server, tmp_path, (NAME, address[1]))
    assert said == "b'a page'\nanother's\n"


HERE = """
import os, tempfile

async def serve(reader, writer):
    writer.write(await reader.readexactly(5))
    writer.close()
    await writer.wait_closed()


async def talk(reader, writer):
    writer.write(b"hello")
    print(await reader.read())
    writer.close()
    await writer.wait_closed()


class Upper(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport, self.answer = transport, asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        if data.islower():
            self.transport.sendto(data.upper(), addr)
        else:
            self.answer.set_result(data)


async def main():
    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.1", "localhost", "name.localhost"):
            await talk(*await asyncio.open_connection(host, port))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        async with await asyncio.start_unix_server(serve, path):
            await talk(*await asyncio.open_unix_connection(path))
    served, _ = await loop.create_datagram_endpoint(Upper, ("127.0.0.1", 0))
    at = served.get_extra_info("sockname")
    asks, protocol = await loop.create_datagram_endpoint(
        Upper, ("127.0.0.1", 0), ("localhost", at[1])
    )
    asks.get_extra_info("sockname")
    asks.sendto(b"hello")
    print(await asyncio.wait_for(protocol.answer, 10))
    asks.close()
    served.close()
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.close()
    await writer.wait_closed()
"""


@ORDER
@LOOPS
def test_what_stays_here(loop: str, order: str, echo: Echo, tmp_path: Path) -> None:
    """Servers, clients on this machine by whatever name, unix sockets: no resolver is asked."""
    with leading_to(echo.address) as server:
        place = (NAME, echo.address[1])
        said = run(HERE + asyncio_main(loop), loop, order, server, tmp_path, place)
        assert len(server.requests) == 1
    assert said == "b'hello'\n" * 4 + "b'HELLO'\n"


TRIO_TCP = """
async def main():
    with trio.fail_after(10):
        async with await trio.open_tcp_stream(HOST, PORT) as stream:
            await stream.send_all(b"hello")
            print(await stream.receive_some(5))
        infos = await trio.socket.getaddrinfo(HOST, PORT, type=trio.socket.SOCK_STREAM)
        name = await trio.socket.getnameinfo(infos[0][4], trio.socket.NI_NUMERICSERV)
        print(name == (HOST, str(PORT)))

trio.run(main)
"""

# A task that waits already, before anything is sent; then all calls, a duplicate, a wrapper.
TRIO_UDP = """
async def main():
    place = (await trio.socket.getaddrinfo(HOST, PORT, type=trio.socket.SOCK_DGRAM))[0][4]

    async def receive(sock):
        print(await sock.recvfrom(100) == (b"first", place))

    with trio.fail_after(10), trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, sock)
            await trio.testing.wait_all_tasks_blocked()
            await sock.sendto(b"first", place)
        buffer = bytearray(5)
        await sock.sendmsg([b"hello"], [], 0, place)
        print(await sock.recv_into(buffer), bytes(buffer))
        with sock.dup() as twin:
            await twin.sendto(b"again", place)
            print((await twin.recvmsg(100))[::3] == (b"again", place))
        await sock.connect(place)
        await sock.send(b"hello")
        print(await sock.recv(100))
    plain = socket.socket(type=socket.SOCK_DGRAM)
    plain.sendto(b"hello", place)
    with trio.fail_after(10), trio.socket.from_stdlib_socket(plain) as sock:
        print(await sock.recvfrom(100) == (b"hello", place))

import trio.testing
trio.run(main)
"""


@HOSTS
@ORDER
def test_trio_streams(order: str, host: str, echo: Echo, tmp_path: Path) -> None:
    with leading_to(echo.address) as server:
        said = run(TRIO_TCP, "trio", order, server, tmp_path, (host, echo.address[1]))
    assert said == "b'hello'\nTrue\n"


@HOSTS
@ORDER
def test_trio_datagrams(order: str, host: str, udp_echo: UdpEcho, tmp_path: Path) -> None:
    with leading_to(udp_echo.address) as server:
        said = run(TRIO_UDP, "trio", order, server, tmp_path, (host, udp_echo.address[1]))
    assert said == "True\n5 b'hello'\nTrue\nb'hello'\nTrue\n"


ANYIO = """
async def main():
    with anyio.fail_after(10):
        async with await anyio.connect_tcp(HOST, PORT) as stream:
            await stream.send(b"hello")
            print(await stream.receive())

anyio.run(main, backend={backend!r})
"""
ANYIO_UDP = """
async def main():
    with anyio.fail_after(10):
        async with await anyio.create_connected_udp_socket(HOST, PORT) as sock:
            await sock.send(b"hello")
            print(await sock.receive())
        place = (await anyio.getaddrinfo(HOST, PORT, type=socket.SOCK_DGRAM))[0][4]
        async with await anyio.create_udp_socket(socket.AF_INET) as sock:
            await sock.sendto(b"hello", *place[:2])
            print(await sock.receive() == (b"hello", place))

anyio.run(main, backend={backend!r})
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@ORDER
def test_anyio(backend: str, order: str, echo: Echo, udp_echo: UdpEcho, tmp_path: Path) -> None:
    for code, place, answer in (
        (ANYIO, echo.address, "b'hello'\n"),
        (ANYIO_UDP, udp_echo.address, "b'hello'\nTrue\n"),
    ):
        code = code.replace("{backend!r}", repr(backend))
        with leading_to(place) as server:
            assert run(code, "anyio", order, server, tmp_path, (NAME, place[1])) == answer


RESTORED = """
import socket
{imports}

def kept():
    classes = [socket.socket, {classes}]
    return [dict(vars(each)) for each in classes]

import socks5client, sys
path = list(sys.meta_path)
before = kept()
outer = socks5client.patch("127.0.0.1:9")
assert kept() != before
with socks5client.patch("127.0.0.1:10"):
    pass
outer.unpatch()
assert kept() == before
assert sys.meta_path == path
"""
CLASSES = {
    "trio": ("import trio", "trio._socket._SocketType"),
    "uvloop": ("import uvloop", "uvloop.Loop"),
    "gevent": ("from gevent import monkey; monkey.patch_all(); import socket", "socket.socket"),
}


@pytest.mark.parametrize("library", CLASSES)
def test_unpatch_restores(library: str) -> None:
    imports, classes = CLASSES[library]
    code = RESTORED.format(imports=imports, classes=classes)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_nested_patch_leaves_no_gap() -> None:
    """While one takes the place of another, no library goes by itself, be it for a moment."""
    code = """
import uvloop
import socks5client
from socks5client._patch import libraries

socks5client.patch("127.0.0.1:9")
make = libraries._PATCHES["uvloop"]

def watching(*args):
    assert "create_connection" in vars(uvloop.Loop)
    return make(*args)

libraries._PATCHES["uvloop"] = watching
socks5client.patch("127.0.0.1:10")
socks5client.unpatch()
socks5client.unpatch()
assert "create_connection" not in vars(uvloop.Loop)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


COUNTING = """
import gevent

turns = 0

def turn():
    global turns
    while True:
        turns += 1
        gevent.sleep(0)

other = gevent.spawn(turn)
"""
GEVENT = f"""{COUNTING}
with socket.create_connection((HOST, PORT), 10) as sock:
    sock.sendall(b"hello")
    print(sock.recv(5), turns > 1)
other.kill()
"""
GEVENT_UDP = f"""{COUNTING}
place = socket.getaddrinfo(HOST, PORT, type=socket.SOCK_DGRAM)[0][4]
with socket.socket(type=socket.SOCK_DGRAM) as sock:
    sock.settimeout(10)
    waiting = gevent.spawn(sock.recvfrom, 100)
    gevent.sleep(0)
    before = turns
    sock.sendto(b"hello", place)
    print(waiting.get(timeout=10) == (b"hello", place), turns > before)
other.kill()
"""


@HOSTS
def test_gevent(host: str, echo: Echo, udp_echo: UdpEcho, tmp_path: Path) -> None:
    """Others go on while one waits, also one that has waited before anything was sent."""
    monkey = "gevent.monkey; gevent.monkey.patch_all()"
    for code, place, answer in (
        (GEVENT, echo.address, "b'hello' True\n"),
        (GEVENT_UDP, udp_echo.address, "True True\n"),
    ):
        with leading_to(place) as server:
            assert run(code, monkey, "before", server, tmp_path, (host, place[1])) == answer


def test_aiohttp_does_not_ask_c_ares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which it does by default where aiodns is installed."""
    from aiohttp import connector
    from aiohttp.resolver import AsyncResolver, ThreadedResolver

    monkeypatch.setattr(connector, "DefaultResolver", AsyncResolver)
    with socks5client.patch("socks5h://127.0.0.1:1080"):
        assert connector.DefaultResolver is ThreadedResolver
    assert connector.DefaultResolver is AsyncResolver
