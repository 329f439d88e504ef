"""udp://: each read of stdin is a datagram, each answer is written to stdout."""

from __future__ import annotations

import os
import pty
import socket
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import dns.message
import dns.rdatatype

from tests.server_fixture import Server

from .conftest import NAMES
from .piped import PATIENCE, piped, run_piped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.origins import UdpEcho
    from tests.real_servers import NameServer, Realm, RealProxy, StunServer

    from .conftest import Result

BRIEFLY = ("-y", "0.3")


def url_of(echo: UdpEcho) -> str:
    return f"udp://origin.test:{echo.address[1]}"


def test_there_and_back(proxy: Server, udp_echo: UdpEcho) -> None:
    before = len(proxy.requests)
    arguments = ("-x", proxy.url, *BRIEFLY, "-w", "|%{size_upload}|%{size_download}|%{scheme}")
    assert run_piped(*arguments, url_of(udp_echo), data=b"\0hello\n") == (
        0,
        b"\0hello\n|7|7|UDP",
        "",
    )
    assert [exchange.command for exchange in proxy.requests[before:]] == [3]


def test_each_read_is_a_datagram(proxy: Server) -> None:
    """Lines of a terminal, and what is written to a pipe while the others are under way."""
    received: list[bytes] = []
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        url = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        with piped("-x", proxy.url, *BRIEFLY, url) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for text in (b"one", b"two", b"three" * 1000):
                os.write(process.stdin.fileno(), text)
                data, sender = sock.recvfrom(65535)
                received.append(data)
                sock.sendto(data.upper(), sender)
                assert process.stdout.read(len(data)) == data.upper()
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        assert received == [b"one", b"two", b"three" * 1000]
        ours, theirs = pty.openpty()
        with piped("-x", proxy.url, *BRIEFLY, url, stdin=theirs) as process:
            os.write(ours, b"one\ntwo\n\4")
            assert [sock.recv(65535), sock.recv(65535)] == [b"one\n", b"two\n"]
            assert process.wait(PATIENCE) == 0
        os.close(ours)
        os.close(theirs)


def test_a_large_file_is_cut_into_the_largest_datagrams(
    proxy: Server, udp_echo: UdpEcho, tmp_path: Path
) -> None:
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_bytes(os.urandom(50_000))
    arguments = ("-x", proxy.url, *BRIEFLY, "-T", str(file), "-o", str(back))
    assert run_piped(*arguments, url_of(udp_echo)) == (0, b"", "")
    assert back.read_bytes() == file.read_bytes()


def test_answers_are_awaited_after_the_end_of_stdin(proxy: Server) -> None:
    """As long as no pause between them is longer than -y."""

    def answer(sock: socket.socket) -> None:
        _, sender = sock.recvfrom(100)
        for number in range(4):
            time.sleep(0.25)
            sock.sendto(b"%d" % number, sender)

    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        thread = threading.Thread(target=answer, args=(sock,))
        thread.start()
        url = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        assert run_piped("-x", proxy.url, "-y", "0.8", url, data=b"?") == (0, b"0123", "")
        thread.join(PATIENCE)


def test_m_bounds_it(proxy: Server, udp_echo: UdpEcho) -> None:
    with piped("-x", proxy.url, "-m", "0.5", url_of(udp_echo)) as process:
        assert process.wait(PATIENCE) == 28


def test_the_end_of_the_association_is_an_error(udp_echo: UdpEcho) -> None:
    with (
        Server(names=NAMES) as server,
        piped("-x", server.url, url_of(udp_echo)) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        os.write(process.stdin.fileno(), b"hello")
        assert process.stdout.read(5) == b"hello"
        server.hang_up(server.requests[0])
        assert process.wait(PATIENCE) == 56
        assert b"ended the UDP association" in process.stderr.read()


def test_what_the_proxy_refuses(bare: Callable[..., Result], udp_echo: UdpEcho) -> None:
    with Server(names=NAMES, commands=[1]) as server:
        code, out, err = bare("-x", server.url, url_of(udp_echo))
        assert (code, out) == (97, b"")
        assert "command not supported" in err
    assert bare(url_of(udp_echo)).code == 2  # no proxy: nothing goes direct
    assert bare("-x", server.url, "udp://origin.test").code == 3


def test_directly_where_the_user_says_so(udp_echo: UdpEcho) -> None:
    host, port = udp_echo.address
    arguments = ("--noproxy", host, *BRIEFLY, f"udp://{host}:{port}")
    assert run_piped(*arguments, data=b"hello") == (0, b"hello", "")


def test_encapsulated_by_gssapi(kerberos: Realm, udp_echo: UdpEcho) -> None:
    with Server(names=NAMES, methods=[1]) as server:
        proxy = f"socks5h+gssapi://localhost:{server.port}"
        assert run_piped("-x", proxy, *BRIEFLY, url_of(udp_echo), data=b"hi") == (0, b"hi", "")
        assert server.requests[0].gss_principal == kerberos.user


def test_a_name_server_through_danted(danted: RealProxy, name_server: NameServer) -> None:
    name, address = next(iter(name_server.names.items()))
    query = dns.message.make_query(name, dns.rdatatype.A)
    url = f"udp://{name_server.host}:{name_server.port}"
    code, out, err = run_piped("-x", danted.url, *BRIEFLY, url, data=query.to_wire())
    assert (code, err) == (0, "")
    answer = dns.message.from_wire(out)
    assert answer.id == query.id
    assert address in answer.to_text()


def test_stun_through_danted(danted: RealProxy, stun_server: StunServer) -> None:
    request = struct.pack("!HHI", 1, 0, 0x2112A442) + b"transaction!"
    url = f"udp://{stun_server.host}:{stun_server.port}"
    code, out, _ = run_piped("-x", danted.url, *BRIEFLY, url, data=request)
    assert (code, out[:2], out[8:20]) == (0, b"\x01\x01", b"transaction!")


def test_nothing_to_send(proxy: Server, udp_echo: UdpEcho) -> None:
    arguments = ("-x", proxy.url, *BRIEFLY, url_of(udp_echo))
    assert run_piped(*arguments, stdin=subprocess.DEVNULL) == (0, b"", "")
