"""UDP ASSOCIATE: the relay between one client and everybody (RFC 1928 section 7)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, NoReturn, Self

from . import datagram, relay_faults, wire
from .datagram import Datagram, Dropped
from .destination import Unreachable, expected_hosts
from .encapsulation import Unacceptable
from .log import Relayed
from .reassembly import Reassembly
from .relay_faults import Packet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .destination import SocketAddress
    from .session import Session

LARGEST = 65535
RECEIVE_BUFFER = 1 << 20
"""Bytes asked of the kernel, so that a burst of a test's is not lost."""


async def udp_associate(session: Session, request: wire.Request) -> None:
    settings, exchange = session.settings, session.exchange
    try:
        clients = await expected_hosts(settings.directory, request)
    except Unreachable as exc:
        session.blame(str(exc))
        await session.send("reply", wire.encode_reply(exc.reply_code))
        return
    with Association(session, clients, request.port) as association:
        exchange.relay = association.address
        session.changed()
        bound = settings.shown(exchange.relay)
        await session.send("reply", wire.encode_reply(wire.SUCCEEDED, *bound))
        await session.send("data", b"")
        session.reached("data")
        session.client.pour_into(lambda data: None)  # nothing is said here, but its end is heard
        await association.run()


def open_socket(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, 0))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


class Association:
    """One socket towards the client, one for each family of destinations.

    clients: the IPs from which the client said it would send, None if it did not; port: likewise
    the port, or 0.
    """

    def __init__(self, session: Session, clients: Collection[str] | None, port: int) -> None:
        self._session = session
        self._settings = session.settings
        self._exchange = session.exchange
        self._protection = session.protection
        self._clients = clients
        self._port = port
        self._client: tuple[str, int] | None = None
        self._reassembly = Reassembly(self._drop)
        self._faults = relay_faults.chain(self._settings.relay_faults)
        self._aliases: dict[SocketAddress, SocketAddress] = {}
        """Where an IP address was routed elsewhere: real source -> the one the client knows."""
        self._inside = open_socket(session.local_host)
        self._outside: dict[str, socket.socket] = {}
        self._stranger: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._outside.values():
            loop.remove_reader(sock)
            sock.close()
        self._inside.close()
        if self._stranger is not None:
            self._stranger.close()

    @property
    def address(self) -> SocketAddress:
        address: SocketAddress = self._inside.getsockname()[:2]
        return address

    async def run(self) -> None:
        """Until the client hangs up, or no datagram has passed for too long."""
        self._idle = asyncio.timeout(self._settings.idle_timeout)
        try:
            async with self._idle:
                await self._session.while_connected(self._relay_up())
        except TimeoutError:
            pass

    def _passed(self) -> None:
        limit = self._settings.idle_timeout
        if limit is not None and not self._idle.expired():
            self._idle.reschedule(asyncio.get_running_loop().time() + limit)
        self._session.changed()

    def _drop(self, reason: str) -> None:
        self._exchange.dropped.append(reason)
        self._session.changed()

    # From the client.

    async def _relay_up(self) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            message, source = await loop.sock_recvfrom(self._inside, LARGEST)
            try:
                message = self._open(message)
                self._check_source(source)
                whole = self._receive(datagram.decode(message), loop.time())
                if whole is not None:
                    await self._send_up(*whole)
            except Dropped as exc:
                self._drop(str(exc))
            await asyncio.sleep(0)  # sock_recvfrom() does not, as long as there is something

    def _open(self, message: bytes) -> bytes:
        if self._protection is None:
            return message
        try:
            return self._protection.open_datagram(message)
        except (Unacceptable, wire.MalformedMessage) as exc:
            raise Dropped(f"encapsulation: {exc}") from None

    def _check_source(self, source: SocketAddress) -> None:
        """Only the client may send; its first datagram settles the port."""
        host, port = source[0].partition("%")[0], source[1]
        peer = self._exchange.peer
        if peer is None:  # over a unix socket: from this machine
            known = ipaddress.ip_address(host).is_loopback
        else:
            known = host == peer[0].partition("%")[0]
        if not known or (self._clients is not None and host not in self._clients):
            raise Dropped(f"source: {host} is not the client's address")
        if port != (self._port or port):
            raise Dropped(f"source: port {port} is not the client's {self._port}")
        self._port, self._client = port, source

    def _receive(self, message: Datagram, now: float) -> tuple[Datagram, int] | None:
        if not self._settings.fragments and message.frag:
            raise Dropped(f"FRAG {message.frag:#04x}: fragments are not relayed")
        return self._reassembly.receive(message, now)

    async def _send_up(self, message: Datagram, count: int) -> None:
        try:
            found = await self._settings.directory.look_up(message.host, message.port)
        except (Unreachable, OSError) as exc:
            raise Dropped(f"destination: {exc}") from None
        # A datagram cannot try one address after the other; where there is a choice: IPv4.
        host, port = min(found, key=lambda address: ":" in address[0])
        ip = wire.as_ip(host)
        if ip is None:  # sendto() would look the name up, and block
            raise Dropped(f"destination: {host!r} is no IP address")
        address = (str(ip), port)
        if message.atyp == wire.NAME or address == (message.host, message.port):
            self._aliases.pop(address, None)
        else:
            self._aliases[address] = (message.host, message.port)
        relayed = Relayed(message.host, message.atyp, message.port, message.payload, count)
        self._exchange.datagrams_up.append(relayed)  # before it is sent: who gets it may look
        try:
            self._outside_socket(address[0]).sendto(message.payload, address)
        except OSError as exc:
            self._exchange.datagrams_up.pop()
            raise Dropped(f"destination: {exc}") from None
        self._exchange.bytes_up += len(message.payload)
        self._passed()

    def _outside_socket(self, host: str) -> socket.socket:
        anywhere = "::" if ":" in host else "0.0.0.0"
        if anywhere not in self._outside:
            sock = self._outside[anywhere] = open_socket(anywhere)
            asyncio.get_running_loop().add_reader(sock, self._relay_down, sock)
            if sock.family == socket.AF_INET:
                self._exchange.outside = sock.getsockname()
        return self._outside[anywhere]

    # To the client.

    def _relay_down(self, sock: socket.socket) -> None:
        try:
            payload, source = sock.recvfrom(LARGEST)
        except OSError:  # an ICMP error, on some systems
            return
        host, port = self._aliases.get(source[:2], source[:2])
        try:
            packets = self._packets(self._encode(host, port, payload))
        except Dropped as exc:
            self._drop(str(exc))
            return
        atyp = wire.IPV6 if ":" in host else wire.IPV4
        self._exchange.datagrams_down.append(Relayed(host, atyp, port, payload, len(packets)))
        self._exchange.bytes_down += len(payload)
        for packet in self._faults(packets):
            self._send_down(packet)
        self._passed()

    def _encode(self, host: str, port: int, payload: bytes) -> list[bytes]:
        size = self._settings.udp_fragment_size
        if size is not None and len(payload) > size and self._settings.fragments:
            return datagram.fragments(host, port, payload, size)
        return [datagram.encode(host, port, payload)]

    def _packets(self, messages: list[bytes]) -> list[Packet]:
        return [Packet(message, sealed=self._seal(message)) for message in messages]

    def _seal(self, message: bytes) -> Sequence[bytes] | None:
        if self._protection is None:
            return None
        try:
            return self._protection.outgoing(message, "datagram").pieces
        except Unacceptable as exc:
            raise Dropped(f"encapsulation: {exc}") from None

    def _send_down(self, packet: Packet) -> None:
        assert self._client is not None  # or there would be no socket for an answer
        sock = self._inside
        if packet.spoofed:
            if self._stranger is None:
                self._stranger = open_socket(self._session.local_host)
            sock = self._stranger
        pieces = packet.sealed or self._seal(packet.data) or (packet.data,)
        try:
            for piece in pieces:
                sock.sendto(piece, self._client)
        except OSError as exc:
            self._drop(f"client: {exc}")
