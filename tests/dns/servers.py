"""Name servers that say what a test wants."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rrset

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from dns.message import Message
    from dns.rcode import Rcode

    # The answers to a query, in wire format: over UDP so many datagrams, over TCP the first.
    Respond = Callable[[Message], list[bytes]]


def answer(text: str = "", rcode: Rcode = dns.rcode.NOERROR) -> Respond:
    """Answers with the records of `text`, a line each, and a code."""

    def respond(query: Message) -> list[bytes]:
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(rcode)
        for line in text.splitlines():
            name, ttl, rdclass, rdtype, rdata = line.split(maxsplit=4)
            response.answer.append(dns.rrset.from_text(name, int(ttl), rdclass, rdtype, rdata))
        return [response.to_wire()]

    return respond


def nothing(query: Message) -> list[bytes]:
    return []


@contextmanager
def name_server(udp: Respond, tcp: Respond) -> Iterator[tuple[str, int, list[str]]]:
    """Listens on loopback; yields host, port, and by what it was asked: "udp" or "tcp"."""
    asked: list[str] = []

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            asked.append("udp")
            for wire in udp(dns.message.from_wire(data)):
                sock.sendto(wire, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            data = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
            asked.append("tcp")
            for wire in tcp(dns.message.from_wire(data)):
                self.wfile.write(len(wire).to_bytes(2, "big") + wire)

    while True:
        stream = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stream)
        try:
            datagram = socketserver.UDPServer(stream.server_address, Datagram)  # type: ignore[arg-type]
            break
        except OSError:  # somebody has the port for UDP
            stream.server_close()
    with stream, datagram:
        servers = (stream, datagram)
        threads = [threading.Thread(target=each.serve_forever, args=(0.01,)) for each in servers]
        for thread in threads:
            thread.start()
        try:
            yield (*stream.server_address, asked)  # type: ignore[misc]
        finally:
            for each, thread in zip(servers, threads, strict=True):
                each.shutdown()
                thread.join()


@contextmanager
def dripping(context: ssl.SSLContext, start: bytes) -> Iterator[int]:
    """Whatever it is asked over TLS, says `start` and then a byte now and then; yields the port."""
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with suppress(OSError), listener.accept()[0] as plain:
                plain.settimeout(10)
                with context.wrap_socket(plain, server_side=True) as sock:
                    sock.recv(65536)
                    sock.sendall(start)
                    while not stop.wait(0.02):
                        sock.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            with suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
            thread.join()
