"""The public API as a user with a strict type checker meets it; `make lint` checks this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

import socks5client
from socks5client.httpx import Socks5Transport
from socks5client.protocol import (
    Address,
    Association,
    Command,
    Datagram,
    Negotiation,
    Reassembler,
    Request,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator


class Token:
    """A third party's method: nothing to derive from, the shape is enough."""

    code = 0x80

    def negotiate(self, request: Request, server: str) -> Generator[tuple[bytes, int], bytes, None]:
        status = yield b"token for " + server.encode(), 1
        if status != b"\0":
            raise socks5client.AuthenticationError("refused")


method: socks5client.AuthMethod = Token()
proxy = socks5client.Proxy("proxy.test", 1080, auth=[Token(), socks5client.NoAuth()])
kerberos = socks5client.Proxy("proxy.test", auth=socks5client.GSSAPI("rcmd", require="integrity"))
same: socks5client.Proxy = proxy.replace(port=1081)


def connections() -> None:
    plain: socket.socket = socks5client.connect(("a.test", 1), proxy=[proxy, "socks5h://b"])
    drop_in: socks5client.socket = socks5client.create_connection(
        ("::1", 1, 0, 0), 3.0, proxy=socks5client.DIRECT
    )
    with plain, drop_in:
        drop_in.sendall(b"")
    socks5client.set_default_proxy(socks5client.get_default_proxy())
    with httpx.Client(transport=Socks5Transport(same, http2=True)) as client:
        client.get("https://a.test/")


def listening() -> socket.socket:
    with socks5client.bind(("a.test", 1), proxy=proxy, timeout=3.0) as rendezvous:
        accepted, _ = rendezvous.accept(timeout=None)
    listener = socks5client.socket(proxy=proxy)
    listener.expected_peer = ("a.test", 1)
    listener.listen(1)
    other, _ = listener.accept()
    other.close()
    return accepted


def datagrams() -> tuple[bytes, int | None, int]:
    with socks5client.associate(proxy="socks5h://b", fragment_size=1400) as sock:
        sock.sendto(b"x", ("a.test", 1))
        sock.reassembler = Reassembler(10)
        size: int | None = sock.fragment_size
        return sock.recvfrom(sock.max_datagram_size)[0], size, sock.dropped


def datagrams_without_io(packet: bytes) -> Datagram | None:
    association = Association(fragment_size=1400)
    packets: list[bytes] = association.send(Address("a.test", 1), packet)
    return association.receive(packets[0], 0.0)


def patched() -> str:
    with socks5client.patch("socks5h://b", dns="remote", strict=True) as patch:
        patch.unpatch()
    socks5client.unpatch()
    return patch.dns


def errors(error: socks5client.ReplyError) -> tuple[int, int | None]:
    return error.code, error.errno


def without_io() -> Address | None:
    negotiation = Negotiation(Request(Command.CONNECT, Address("a.test", 1)), proxy.auth)
    data: bytes = negotiation.data_to_send()
    negotiation.receive_data(data)
    return None if negotiation.reply is None else negotiation.reply.bound
