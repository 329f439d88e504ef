"""GSSAPI: to connect, beside the same by hand; a stream, beside a bare loop of wrap and unwrap."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from unittest import mock

import socks5client
from tests import real_servers

from .children import child
from .gss_framing import message, read_token
from .measure import (
    CPU_MICROSECONDS,
    WALL_MICROSECONDS,
    Bar,
    Contestant,
    Quantity,
    Table,
    interleave,
    timed,
)
from .run import LeftOutError, folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run import Settings

ROUNDS, MEGABYTES = 11, 50
CONNECT_ROUNDS, CONNECTS = 31, 10
TARGET = ("192.0.2.1", 9)
BAR = Bar(0.8, at_least=True)
LEVELS = {"integrity": False, "confidentiality": True}


def run(settings: Settings) -> Iterator[Table]:
    """MB/s on the clock; the bare loop does on one core what the ends do on two."""
    need_programs("krb5kdc", "kadmin.local", "kinit")
    if lacking := missing(gssapi="gssapi", k5test="k5test"):
        raise LeftOutError("; ".join(lacking))
    rounds, size = settings.rounds_or(ROUNDS), settings.size_or(MEGABYTES, 1)
    rate = Quantity("MB/s", lambda sample: size / sample.wall, 0)
    with (
        folder() as files,
        real_servers.realm(files) as realm,
        mock.patch.dict(os.environ, realm.env),
        child("benchmarks.gss_peer", "swallows", str(size)) as swallowing,
        child("benchmarks.gss_peer", "sends", str(size)) as sending,
        child("benchmarks.gss_peer", "swallows", "0") as greeting,
    ):
        yield _connects(settings, realm, greeting)
        for level, encrypts in LEVELS.items():
            auth = socks5client.GSSAPI(hostname=realm.hostname, protection=level)
            floor = "bare wrap and unwrap"
            contestants = [
                Contestant(floor, timed(_bare(realm, encrypts, size), 1)),
                Contestant("sendall", timed(_upload(auth, swallowing, size), 1), floor, BAR),
                Contestant("recv", timed(_download(auth, sending, size), 1), floor, BAR),
            ]
            title = f"A stream under {level}: {rounds} rounds of {size} MB"
            yield Table(title, (rate,), interleave(contestants, rounds))


def _connects(settings: Settings, realm: Any, address: tuple[str, int]) -> Table:
    rounds, count = settings.rounds_or(CONNECT_ROUNDS), settings.size_or(CONNECTS, 2)
    floor = "by hand, with the gssapi package"

    def ours(level: str) -> Callable[[], None]:
        auth = socks5client.GSSAPI(hostname=realm.hostname, protection=level)
        proxy = socks5client.Proxy(*address, auth=auth)

        def work() -> None:
            for _ in range(count):
                socks5client.connect(TARGET, proxy=proxy).close()

        return work

    def by_hand() -> None:
        for _ in range(count):
            _connect_by_hand(realm, address).close()

    contestants = [Contestant(floor, timed(by_hand, count))]
    contestants += [
        Contestant(f"connect, {level}", timed(ours(level), count), floor) for level in LEVELS
    ]
    return Table(
        f"Connect and close by GSSAPI: {rounds} rounds of {count}",
        (CPU_MICROSECONDS, WALL_MICROSECONDS),
        interleave(contestants, rounds),
        [
            "by hand it is integrity, and a socket whose bytes nobody wraps",
            "no other client knows it",
        ],
    )


def _connect_by_hand(realm: Any, address: tuple[str, int]) -> socket.socket:
    """RFC 1961 as the shortest code that performs it; nothing is checked."""
    import gssapi

    sock = socket.create_connection(address)
    sock.sendall(b"\5\1\1")
    sock.recv(2, socket.MSG_WAITALL)
    name = gssapi.Name(realm.target, gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=name, usage="initiate")
    token = context.step()
    while not context.complete:
        sock.sendall(message(1, token))
        token = context.step(read_token(sock))
    sock.sendall(message(2, context.wrap(b"\1", False).message))
    context.unwrap(read_token(sock))
    request = b"\5\1\0\1" + socket.inet_aton(TARGET[0]) + TARGET[1].to_bytes(2, "big")
    sock.sendall(message(3, context.wrap(request, False).message))
    context.unwrap(read_token(sock))
    return sock


def _bare(realm: Any, encrypts: bool, size: int) -> Callable[[], None]:
    import gssapi

    name = gssapi.Name(realm.target, gssapi.NameType.hostbased_service)
    one = gssapi.SecurityContext(name=name, usage="initiate")
    other = gssapi.SecurityContext(usage="accept")
    token = None
    while not (one.complete and other.complete):
        token = one.step(token)
        token = other.step(token) if token else None
    piece = bytes(one.get_wrap_size_limit(65535, encrypts))

    def work() -> None:
        left = size * 10**6
        while left > 0:
            other.unwrap(one.wrap(piece[:left], encrypts).message)
            left -= len(piece)

    return work


def _upload(auth: Any, address: tuple[str, int], size: int) -> Callable[[], None]:
    proxy = socks5client.Proxy(*address, auth=auth)
    data = bytes(10**6)

    def work() -> None:
        with socks5client.connect(TARGET, proxy=proxy) as sock:
            for _ in range(size):
                sock.sendall(data)
            assert sock.recv(1) == b"!"

    return work


def _download(auth: Any, address: tuple[str, int], size: int) -> Callable[[], None]:
    proxy = socks5client.Proxy(*address, auth=auth)

    def work() -> None:
        left = size * 10**6
        with socks5client.connect(TARGET, proxy=proxy) as sock:
            while left:
                left -= len(sock.recv(65536))

    return work
