"""The harness itself: it convicts who is guilty, and only them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.origins import unused_address
from tests.patch.verdict import Verdict, joined, own_addresses, run_patched, run_traced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.origins import Echo
    from tests.server_fixture import Server

CONNECT = (
    '7 connect(3, {{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr("{}")}}, 16) = 0'
)


def run(code: str, folder: Path) -> Verdict:
    program = folder / "program.py"
    program.write_text(f"import socket\n{code}")
    return run_traced([str(program)], folder)


def test_who_goes_through_the_proxy_is_acquitted(
    reference: Server, echo: Echo, tmp_path: Path
) -> None:
    code = f"""
import socks5client
with socks5client.connect({echo.address}, proxy={reference.url!r}) as sock:
    sock.sendall(b"hello")
    print(sock.recv(5).decode())
"""
    verdict = run(code, tmp_path)
    assert verdict.output == "hello\n"
    assert verdict.destinations == {reference.address}
    verdict.check(reference.address)


def test_who_waits_on_a_pair_of_its_own_is_acquitted(
    reference: Server, echo: Echo, tmp_path: Path
) -> None:
    code = f"""
import select
import socks5client
with socks5client.socket(proxy={reference.url!r}) as sock:
    sock.setblocking(False)
    sock.connect_ex({echo.address})
    select.select([], [sock], [], 10)
    sock.sendall(b"hello")
    select.select([sock], [], [], 10)
    print(sock.recv(5).decode())
"""
    verdict = run(code, tmp_path)
    assert verdict.output == "hello\n"
    assert len(verdict.destinations) > 1
    verdict.check(reference.address)


def test_who_never_comes_to_the_proxy_is_convicted(reference: Server, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="never at the proxy"):
        run("", tmp_path).check(reference.address)


CRIMES = {
    "connect": "socket.create_connection(AT, 5).close()",
    "connect_ex": "with socket.socket() as sock: sock.connect_ex(AT)",
    "without waiting": """
with socket.socket() as sock:
    sock.setblocking(False)
    sock.connect_ex(AT)
""",
    "another thread": """
import threading
thread = threading.Thread(target=lambda: socket.create_connection(AT, 5).close())
thread.start()
thread.join()
""",
    "another process": """
import os
if not os.fork():
    socket.create_connection(AT, 5).close()
    os._exit(0)
os.wait()
""",
    "sendto": """
with socket.socket(type=socket.SOCK_DGRAM) as sock:
    sock.sendto(b"x", AT)
""",
    "sendmsg": """
with socket.socket(type=socket.SOCK_DGRAM) as sock:
    sock.sendmsg([b"x"], [], 0, AT)
""",
}


@pytest.mark.parametrize("crime", CRIMES.values(), ids=list(CRIMES))
def test_who_goes_direct_is_convicted(
    crime: str, reference: Server, echo: Echo, tmp_path: Path
) -> None:
    verdict = run(f"AT = {echo.address}\n{crime}", tmp_path)
    with pytest.raises(AssertionError, match=rf"past the proxy:\n.*htons\({echo.address[1]}\)"):
        verdict.check(reference.address)


def test_who_bypasses_the_proxy_is_convicted(reference: Server, echo: Echo, tmp_path: Path) -> None:
    arguments = (*echo.address, "hello", "asyncio")
    verdict = run_patched("asyncio_echo", *arguments, proxy=reference.url, folder=tmp_path)
    assert verdict.output == "hello\n"
    with pytest.raises(AssertionError, match="past the proxy"):
        verdict.check(reference.address)


def test_who_sends_to_a_name_server_is_convicted(tmp_path: Path) -> None:
    code = """
with socket.socket(type=socket.SOCK_DGRAM) as sock:
    sock.sendto(b"x", ("127.0.0.1", 53))
"""
    assert run(code, tmp_path).destinations == {("127.0.0.1", 53)}


def test_who_looks_a_name_up_is_convicted(tmp_path: Path) -> None:
    code = """
try:
    socket.getaddrinfo("name.test", 80)
except OSError:
    pass
"""
    verdict = run(code, tmp_path)
    assert [line for line in verdict.strangers(()) if "htons(53)" in line or "resolve" in line]


def test_port_53_is_nobodys_own() -> None:
    bound = CONNECT.format(53, "127.0.0.1").replace("connect", "bind")
    asks = CONNECT.format(53, "127.0.0.1")
    assert Verdict(0, "", "", (bound, asks)).strangers(()) == [asks]


def test_what_others_bind_is_not_the_programs_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        code = f"""
socket.create_server(("127.0.0.1", 0)).close()
with socket.create_connection({address}) as sock:
    sock.getsockname()
"""
        verdict = run(code, tmp_path)
    assert address not in own_addresses(verdict.trace)
    assert len(verdict.strangers(())) == 1


def test_services_that_look_names_up_are_strangers() -> None:
    path = "/run/systemd/resolve/io.systemd.Resolve"
    line = f'7 connect(3, {{sa_family=AF_UNIX, sun_path="{path}"}}, 110) = 0'
    assert Verdict(0, "", "", (line,)).strangers(()) == [line]
    users = line.replace(path, "/var/run/nscd/socket")
    assert Verdict(0, "", "", (users,)).strangers(()) == []


def test_an_address_of_either_family_is_seen() -> None:
    line = (
        "7 connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::ffff:127.0.0.1", &sin6_addr), sin6_scope_id=0}, 28) = 0'
    )
    assert Verdict(0, "", "", (line,)).destinations == {("::ffff:127.0.0.1", 80)}


def test_calls_in_two_parts_are_joined() -> None:
    whole = CONNECT.format(80, "192.0.2.7")
    other = CONNECT.format(81, "192.0.2.8").replace("7 connect", "8 connect", 1)
    head, tail = whole.rsplit(" = 0", 1)[0].removesuffix(")"), ") = 0"
    lines = [f"{head} <unfinished ...>", other, f"7 <... connect resumed>{tail}"]
    assert list(joined(lines)) == [other, whole]
    assert list(joined(lines[:1])) == [head]


def test_a_payload_is_no_address() -> None:
    said = r"sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.7\")"
    assert Verdict(0, "", "", (f'7 sendto(3, "{said}", 9, 0, NULL, 0) = 9',)).destinations == set()


def test_a_program_that_fails_is_told_of(reference: Server, tmp_path: Path) -> None:
    """With its error, and with whom it spoke to."""
    host, port = unused_address()
    told = rf"status 1, spoke to .*{port}.*:\n(.*\n)+ConnectionRefusedError"
    with pytest.raises(AssertionError, match=told):
        arguments = (host, port, "hello", "asyncio")
        run_patched("asyncio_echo", *arguments, proxy=reference.url, folder=tmp_path)
