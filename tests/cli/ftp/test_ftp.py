"""ftp://: limits, sessions that are kept, files, secrets."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import NAMES
from tests.real_servers import has_ipv6_loopback
from tests.server_fixture import Server

from .server import HANG, RESET, FtpServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

FILES = {"/home/f": b"0123456789", "/home/g": b"abc", "/home/large": bytes(range(256)) * 1000}
SOON = 5.0


def _url(server: FtpServer, path: str = "f", user: str = "") -> str:
    return f"ftp://{user}origin.test:{server.port}/{path}"


@pytest.mark.parametrize(
    "place",
    ["", "USER", "PASS", "PWD", "EPSV", "TYPE", "SIZE", "RETR", "data", "done"],
)
def test_the_end_of_time(run: Callable[..., Result], place: str) -> None:
    with FtpServer(FILES, {place: HANG}) as server:
        begun = time.monotonic()
        result = run("-sS", "-m", "0.5", _url(server))
        assert time.monotonic() - begun < SOON
        assert result.code == 28
        assert result.err.startswith("socks5-curl: (28) ")


@pytest.mark.parametrize("place", ["", "PASS", "PWD"])
def test_the_login_is_part_of_connecting(run: Callable[..., Result], place: str) -> None:
    with FtpServer(FILES, {place: HANG}) as server:
        begun = time.monotonic()
        assert run("-sS", "--connect-timeout", "0.5", _url(server)).code == 28
        assert time.monotonic() - begun < SOON


@pytest.mark.parametrize("place", ["", "PASS", "SIZE", "data"])
def test_a_server_that_drips(run: Callable[..., Result], place: str) -> None:
    with FtpServer(FILES, {place: b"150 a reply that takes its time\r\n"}, drip=0.1) as server:
        begun = time.monotonic()
        assert run("-sS", "-m", "0.7", _url(server)).code == 28
        assert time.monotonic() - begun < SOON


@pytest.mark.parametrize("place", ["USER", "EPSV", "SIZE", "RETR", "done"])
def test_a_connection_that_breaks(run: Callable[..., Result], place: str) -> None:
    with FtpServer(FILES, {place: RESET}) as server:
        result = run("-sS", _url(server))
        assert result.code == 56
        assert "Traceback" not in result.err


def test_a_reply_without_an_end(run: Callable[..., Result]) -> None:
    with FtpServer(FILES, {"PWD": b"257-" + b"x" * 300_000 + b"\r\n"}) as server:
        assert run("-sS", _url(server)).code == 8
    with FtpServer(FILES, {"PWD": b"257-x\r\n" * 60_000}) as server:
        assert run("-sS", _url(server)).code == 8


def test_slowly(run: Callable[..., Result]) -> None:
    with FtpServer({"/home/f": b"x" * 3000}) as server:
        begun = time.monotonic()
        result = run("-sS", "--limit-rate", "3000", _url(server))
        assert result[:2] == (0, b"x" * 3000)
        assert 0.7 < time.monotonic() - begun < SOON


def test_too_slowly(run: Callable[..., Result]) -> None:
    with FtpServer(FILES, {"data": HANG}) as server:
        begun = time.monotonic()
        assert run("-sS", "-Y", "10", "-y", "1", _url(server)).code == 28
        assert time.monotonic() - begun < SOON


def test_sessions_are_kept_for_each_user(run: Callable[..., Result], proxy: Server) -> None:
    with FtpServer(FILES) as server:
        urls = [_url(server), _url(server, user="a:b@"), _url(server, "g"), _url(server, "g")]
        assert run("-sS", *urls)[:2] == (0, b"0123456789" * 2 + b"abc" * 2)
        assert server.sessions == 2
        other = ["--next", "-x", proxy.url, "-u", "a:b", _url(server)]
        assert run("-sS", _url(server), *other).code == 0
        assert server.sessions == 4


def test_a_session_that_has_ended(run: Callable[..., Result]) -> None:
    """The server hangs up after each file: told by the connection, or by the next command."""
    with FtpServer(FILES, {"done": b"226 done\r\n"}, files_a_session=1) as server:
        result = run("-sS", "-w", "%{num_connects} ", *[_url(server, "g")] * 3)
        assert result[:2] == (0, b"abc2 " * 3)
        assert server.sessions == 3
    # The second transfer's first command finds the end.
    with FtpServer(FILES, {"NOOP": (b"200 ok\r\n", b"", b"200 ok\r\n")}) as server:
        assert run("-sS", "-Q", "NOOP", *[_url(server, "g")] * 2)[:2] == (0, b"abcabc")
        assert server.sessions == 2
    with FtpServer(FILES, {"NOOP": (b"200 ok\r\n", b"", b"")}) as server:
        assert run("-sS", "-Q", "NOOP", *[_url(server, "g")] * 2)[:2] == (56, b"abc")


def test_in_parallel(run: Callable[..., Result], tmp_path: Path) -> None:
    files = {f"/home/{number}": bytes([number]) * 10_000 for number in range(12)}
    with FtpServer(files) as server:
        output = ["-o", f"{tmp_path}/#1", _url(server, "[0-11]")]
        assert run("-sS", "-Z", "--parallel-max", "4", *output).code == 0
        assert 1 <= server.sessions <= 4
    for number in range(12):
        assert (tmp_path / str(number)).read_bytes() == files[f"/home/{number}"]


def test_the_rest_of_a_file(run: Callable[..., Result], tmp_path: Path) -> None:
    part = tmp_path / "part"
    with FtpServer(FILES, cut=100_000) as server:
        result = run("-sS", "-o", str(part), _url(server, "large"))
        assert result.code == 18
        assert part.read_bytes() == FILES["/home/large"][:100_000]
    with FtpServer(FILES) as server:
        again = ["-sS", "-C", "-", "-w", "%{size_download}", "-o", str(part), _url(server, "large")]
        assert run(*again)[:2] == (0, b"156000")
        assert part.read_bytes() == FILES["/home/large"]
        assert run(*again)[:2] == (0, b"0")  # and nothing is lost
        assert part.read_bytes() == FILES["/home/large"]
        part.write_bytes(b"x" * 300_000)
        assert run(*again).code == 36
        assert part.read_bytes() == b"x" * 300_000


def test_interrupted(proxy: Server, tmp_path: Path) -> None:
    """What has come is there for -C -."""
    part = tmp_path / "part"
    command = [sys.executable, "-m", "socks5client.cli", "-sS", "-x", proxy.url, "-o", str(part)]
    with FtpServer(FILES, pause_after=100_000) as server:
        process = subprocess.Popen([*command, _url(server, "large")], stderr=subprocess.PIPE)
        end = time.monotonic() + 20
        while not part.exists() or part.stat().st_size < 100_000:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    assert process.returncode in (130, -signal.SIGINT)
    assert part.read_bytes() == FILES["/home/large"][:100_000]


def test_an_upload_from_stdin(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(FILES["/home/large"])
    with (tmp_path / "in").open() as stdin, FtpServer(FILES) as server:
        monkeypatch.setattr(sys, "stdin", stdin)
        result = run("-sS", "-T", "-", "-w", "%{size_upload}", _url(server, "new"))
        assert result[:2] == (0, b"256000")
        assert server.files["/home/new"] == FILES["/home/large"]


def test_an_upload_that_is_cut_off(run: Callable[..., Result], tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(50_000_000)
    with FtpServer(FILES, cut=1000) as server:
        assert run("-sS", "-T", str(tmp_path / "large"), _url(server)).code == 55


def test_the_time_of_a_file(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "file"
    with FtpServer(FILES) as server:
        assert run("-sS", "-R", "-o", str(file), _url(server)).code == 0
        assert file.stat().st_mtime == 1577934245
        server.answers["SIZE"] = [b"550 no\r\n"]
        os.utime(file, (1, 1))
        assert run("-sS", "-R", "-o", str(file), _url(server)).code == 78
        assert file.stat().st_mtime == 1


def test_headers(run: Callable[..., Result], tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    with FtpServer(FILES) as server:
        assert run("-sS", "-D", str(headers), _url(server))[:2] == (0, b"0123456789")
    lines = headers.read_bytes().splitlines()
    assert lines[:3] == [b"220 ready", b"331 password", b"230 in"]
    assert lines[-1] == b"226 done"


def test_where_the_login_led(run: Callable[..., Result]) -> None:
    with FtpServer(FILES) as server:
        result = run("-sS", "-o", "/dev/null", "-w", "%{ftp_entry_path}", _url(server))
        assert result[:2] == (0, b"/home")


def test_times(run: Callable[..., Result]) -> None:
    """time_connect is the login's, not the data connection's."""
    with FtpServer(FILES, {"USER": b"331 password\r\n"}, drip=0.02) as server:
        words = ["%{time_connect}", "%{time_pretransfer}", "%{time_starttransfer}", "%{time_total}"]
        result = run("-sS", "-o", "/dev/null", "-w", " ".join(words), _url(server))
        times = [float(word) for word in result.out.split()]
        assert times == sorted(times)
        assert 0 < times[0] < times[1] - 0.2  # "331 password" dripped between them


def test_secrets(run: Callable[..., Result]) -> None:
    words = ["-v", "--ftp-account", "account-secret", "-u", "me:pass-secret"]
    with FtpServer(FILES, {"PASS": b"332 who\r\n"}) as server:
        result = run(*words, _url(server))
        assert result.code == 0
        assert "> PASS ***\n" in result.err
        assert "> ACCT ***\n" in result.err
        assert "< 226 done\n" in result.err
        assert "secret" not in result.err
        assert {"PASS pass-secret", "ACCT account-secret"} <= set(server.commands)
    with FtpServer(FILES, {"USER": b"530 \r\n", "LOGIN": b"530 no\r\n"}) as server:
        result = run("-v", "--ftp-alternative-to-user", "LOGIN my-secret", _url(server))
        assert result.code == 67
        assert "secret" not in result.err


def test_what_the_server_says_does_not_drive_the_terminal(run: Callable[..., Result]) -> None:
    with FtpServer(FILES, {"": b"220 \x1b[31mred\x07\r\n"}) as server:
        result = run("-v", _url(server))
        assert result.code == 0
        assert "\x1b" not in result.err
        assert "\x07" not in result.err


@pytest.mark.parametrize("path", ["f%0d%0aDELE%20g", "%00", "d%0a/f"])
def test_no_second_command_in_a_path(run: Callable[..., Result], path: str) -> None:
    with FtpServer(FILES) as server:
        assert run("-sS", _url(server, path)).code == 3
        assert "DELE" not in server.words


def test_no_second_command_in_an_option(run: Callable[..., Result]) -> None:
    with FtpServer(FILES) as server:
        assert run("-sS", "-Q", "NOOP\r\nDELE g", _url(server)).code == 3
        assert "DELE" not in server.words


@pytest.mark.parametrize("text", ["x", "5-2", "-", "1-2,4-5"])
def test_a_range_that_is_none(run: Callable[..., Result], text: str) -> None:
    with FtpServer(FILES) as server:
        assert run("-sS", "-r", text, _url(server)).code == 2


@pytest.mark.parametrize(
    ("text", "part"), [("2-4", b"234"), ("-4", b"6789"), ("8-99", b"89"), ("0-0", b"0")]
)
def test_ranges(run: Callable[..., Result], text: str, part: bytes) -> None:
    with FtpServer(FILES) as server:
        urls = [_url(server), _url(server)]
        assert run("-sS", "-r", text, *urls)[:2] == (0, part * 2)
        assert server.files == FILES


def test_no_proxy_at_all(bare: Callable[..., Result]) -> None:
    with FtpServer(FILES) as server:
        assert bare("-sS", f"ftp://127.0.0.1:{server.port}/f").code == 2
        assert server.sessions == 0


def test_all_connections_go_through_the_proxy(bare: Callable[..., Result]) -> None:
    """What PASV says is not where to go; the name is the proxy's to look up."""
    pasv = b"227 ok (192,0,2,1,1,1)\r\n"
    with Server(names=NAMES) as proxy, FtpServer(FILES, {"PASV": pasv}) as server:
        words = ["-sS", "-x", proxy.url, "--disable-epsv"]
        assert bare(*words, _url(server)).code == 97
        assert bare(*words, "--no-ftp-skip-pasv-ip", "-m", "1", _url(server)).code in (28, 97)
        asked = [(exchange.host, exchange.port) for exchange in proxy.requests]
        assert asked[1] == ("origin.test", 257)
        assert asked[3] == ("192.0.2.1", 257)
        assert server.sessions == 2


def test_a_user_who_is_asked_for_a_password(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    monkeypatch.setattr("socks5client.cli.ways.getpass", answer)
    with FtpServer(FILES) as server:
        assert run("-sS", "-u", "me", _url(server), _url(server)).code == 0
        assert "PASS typed" in server.commands
    assert asked == ["Enter host password for user 'me':"]


def test_a_broken_stdout(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            raise ValueError

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Broken(), 1)))
    with FtpServer(FILES) as server:
        assert run("-sS", _url(server, "large")).code == 23
    monkeypatch.undo()


def test_where_the_options_lead(bare: Callable[..., Result]) -> None:
    """Data connections go where the control connection goes, whatever port they have."""
    with Server(names=NAMES) as proxy, FtpServer(FILES) as server:
        url = f"ftp://nowhere.test:{server.port}/f"
        for words in (
            ["--connect-to", f"::other.test:{server.port}"],
            ["--connect-to", "nowhere.test::other.test:"],
            ["--resolve", f"nowhere.test:{server.port}:127.0.0.1", "--dns", "local"],
        ):
            words = ["-sS", "-x", proxy.url, *words, url]
            assert bare(*words)[:2] == (0, b"0123456789")
            assert bare(*words, "-P-")[:2] == (0, b"0123456789")
            hosts = {exchange.host for exchange in proxy.requests[-4:]}
            assert len(hosts) == 1
            assert hosts <= {"other.test", "127.0.0.1"}


@pytest.mark.skipif(not has_ipv6_loopback(), reason="no ::1 here")
def test_ipv6(run: Callable[..., Result], bare: Callable[..., Result]) -> None:
    with FtpServer(FILES, host="::1") as server:
        url = f"ftp://[::1]:{server.port}/f"
        assert run("-sS", url)[:2] == (0, b"0123456789")
        for words in ([], ["-P-"]):
            assert bare("-sS", "--noproxy", "*", *words, url)[:2] == (0, b"0123456789")
        assert any(command.startswith("EPRT |2|::1|") for command in server.commands)


def test_headers_that_cannot_be_written(run: Callable[..., Result]) -> None:
    with FtpServer(FILES) as server:
        assert run("-sS", "-D", "/nonexistent/x", _url(server)).code == 23
        assert server.sessions == 0


def test_a_server_that_says_nothing_to_abor(run: Callable[..., Result]) -> None:
    with FtpServer(FILES, {"ABOR": HANG}) as server:
        begun = time.monotonic()
        assert run("-sS", "-r", "2-4", _url(server))[:2] == (0, b"234")
        assert time.monotonic() - begun < SOON


def test_a_file_that_was_there_before(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"precious")
    with FtpServer(FILES, {"RETR": b"550 no\r\n"}) as server:
        assert run("-sS", "--remove-on-error", "-o", str(file), _url(server)).code == 78
    assert file.read_bytes() == b"precious"
