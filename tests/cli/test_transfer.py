"""Whole transfers: redirects, resuming, what comes out."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Server

from .conftest import NAMES
from .origin import OK, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.real_servers import Origin as WebServer
    from tests.real_servers import RealProxy

    from .conftest import Result


def test_every_hop_goes_through_the_proxy(run: Callable[..., Result], proxy: Server) -> None:
    before = len(proxy.requests)
    with Origin() as last, Origin(redirect(f"http://other.test:{last.port}/x")) as first:
        code, out, _ = run("-L", "-w", "|%{num_redirects}|%{url_effective}", first.url)
        assert (code, out) == (0, f"hi|1|http://other.test:{last.port}/x".encode())
        assert [(e.host, e.port) for e in proxy.requests[before:]] == [
            ("origin.test", first.port),
            ("other.test", last.port),
        ]


def test_without_l_a_redirect_is_shown(run: Callable[..., Result]) -> None:
    with Origin(redirect("/x")) as origin:
        code, out, _ = run("-w", "|%{http_code}|%{redirect_url}", origin.url)
        assert (code, out) == (0, f"moved|302|{origin.url}x".encode())
    with Origin(redirect("ftp://x/")) as origin:
        assert run("-w", "|%{redirect_url}", origin.url)[:2] == (0, b"moved|ftp://x/")


@pytest.mark.parametrize(("limit", "requests"), [("0", 1), ("2", 3), (None, 51)])
def test_too_many_redirects(run: Callable[..., Result], limit: str | None, requests: int) -> None:
    with Origin(redirect("/again")) as origin:
        arguments = [] if limit is None else ["--max-redirs", limit]
        code, out, err = run("-L", *arguments, origin.url)
        assert (code, out) == (47, b"")
        assert err == f"socks5-curl: (47) maximum ({limit or 50}) redirects followed\n"
        assert len(origin.requests) == requests


def test_headers_of_all_hops(run: Callable[..., Result]) -> None:
    with Origin(lambda request: OK if b"/b" in request else redirect("/b")) as origin:
        code, out, _ = run("-iL", origin.url)
        assert code == 0
        assert out == redirect("/b").removesuffix(b"moved") + OK
        assert run("-I", origin.url)[:2] == (0, redirect("/b").removesuffix(b"moved"))


def test_nothing_is_decompressed(run: Callable[..., Result]) -> None:
    body = gzip.compress(b"text")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with Origin(head.encode() + body) as origin:
        assert run(origin.url).out == body


def test_fail(run: Callable[..., Result], tmp_path: Path) -> None:
    with Origin(b"HTTP/1.1 404 Gone\r\nContent-Length: 2\r\n\r\nno") as origin:
        assert run(origin.url) == (0, b"no", "")
        assert run("-f", origin.url) == (
            22,
            b"",
            "socks5-curl: (22) the requested URL returned error: 404\n",
        )
        assert run("-f", "-s", origin.url) == (22, b"", "")
        assert run("-sSf", origin.url).err.startswith("socks5-curl: (22)")
        file = tmp_path / "file"
        assert run("-f", "-o", str(file), origin.url).code == 22
        assert not file.exists()


HALF = "HTTP/1.1 206 Partial\r\nContent-Range: bytes {}-9/10\r\nContent-Length: {}\r\n\r\n{}"


def _ranged(request: bytes) -> bytes:
    offset = int(request.partition(b"bytes=")[2].partition(b"-")[0])
    return HALF.format(offset, 10 - offset, "0123456789"[offset:]).encode()


def test_resume(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("0123")
    with Origin(_ranged) as origin:
        assert run("-C", "-", "-o", str(file), origin.url) == (0, b"", "")
        assert "Range: bytes=4-" in origin.lines
        assert file.read_text() == "0123456789"
        assert run("-C", "7", origin.url)[:2] == (0, b"789")
    with Origin() as origin:
        new = tmp_path / "new"
        assert run("-C", "-", "-o", str(new), origin.url).code == 0
        assert not [line for line in origin.lines if line.startswith("Range")]
        assert new.read_text() == "hi"


# What a server says to "Range: bytes=4-", and what curl makes of it.
UNSATISFIABLE = b"HTTP/1.1 416 No\r\nContent-Range: bytes */4\r\nContent-Length: 3\r\n\r\nbad"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (OK, 33),
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", 33),
        (HALF.format(3, 7, "3456789").encode(), 33),
        (UNSATISFIABLE, 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123", 0),
    ],
)
def test_resume_that_does_not(
    run: Callable[..., Result], tmp_path: Path, answer: bytes, code: int
) -> None:
    file = tmp_path / "file"
    file.write_text("0123")
    with Origin(answer) as origin:
        assert run("-C", "-", "-o", str(file), origin.url)[:2] == (code, b"")
        assert file.read_text() == "0123"


def test_no_proxy(
    bare: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, proxy: Server
) -> None:
    with Origin() as origin:
        url = f"http://127.0.0.1:{origin.port}/"
        code, out, err = bare(url)
        assert (code, out) == (2, b"")
        assert "no proxy is configured" in err
        assert "-x socks5h://" in err
        assert bare("-T", __file__, url).code == 2  # its file is closed: warnings are errors
        assert not origin.requests
        assert bare("--noproxy", "127.0.0.1", url) == (0, b"hi", "")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert bare(url) == (0, b"hi", "")
        assert bare("--noproxy", "", url).code == 2
        before = len(proxy.exchanges)
        assert bare("-x", f"{proxy.host}:{proxy.port}", url).out == b"hi"
        assert len(proxy.exchanges) == before
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert bare("--noproxy", "", url).out == b"hi"
        assert len(proxy.exchanges) == before + 1


def test_a_redirect_never_leaves_past_the_proxy(bare: Callable[..., Result]) -> None:
    with Origin() as secret, Origin(redirect(f"http://127.0.0.2:{secret.port}/")) as origin:
        code, out, err = bare("-L", "--noproxy", "127.0.0.1", f"http://127.0.0.1:{origin.port}/")
        assert (code, out) == (2, b"")
        assert "no proxy is configured" in err
        assert not secret.requests


def test_https_and_its_versions(
    run: Callable[..., Result], origin: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, url = str(origin.ca_file), f"https://origin.test:{origin.https_port}/"
    version = ["-w", "|%{http_version}"]
    assert run("--cacert", ca, *version, url) == (0, b"<p>origin</p>\n|2", "")
    assert run("--cacert", ca, "--http2", *version, url).out.endswith(b"|2")
    assert run("--cacert", ca, "--http1.1", *version, url).out.endswith(b"|1.1")
    assert run("-k", *version, url).out.endswith(b"|2")
    code, out, err = run(url)
    assert (code, out) == (60, b"")
    assert "certificate" in err
    monkeypatch.setenv("SSL_CERT_FILE", ca)
    assert run(url).code == 0
    assert run("-I", "--http2", url).out.startswith(b"HTTP/2 200 \r\n")


def test_real_proxies(
    bare: Callable[..., Result], real_proxy: RealProxy, origin: WebServer, tmp_path: Path
) -> None:
    url = f"https://localhost:{origin.https_port}/"
    arguments = ["-x", real_proxy.url, "--cacert", str(origin.ca_file)]
    assert bare(*arguments, url) == (0, b"<p>origin</p>\n", "")
    if origin.uploads:
        data = bytes(range(256)) * 4000
        file = tmp_path / "up"
        file.write_bytes(data)
        where = origin.uploads.lstrip("/") + real_proxy.name
        code, _, err = bare(*arguments, "-fT", str(file), url + where)
        assert (code, err) == (0, "")
        assert bare(*arguments, url + where).out == data


def test_a_proxy_with_tls(bare: Callable[..., Result], tmp_path: Path) -> None:
    import trustme

    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(names=NAMES, ssl_context=context) as server, Origin() as origin:
        proxy = f"socks5h+tls://{server.host}:{server.port}"
        assert bare("-x", proxy, "--proxy-cacert", str(ca_file), origin.url).out == b"hi"
        assert bare("-x", proxy, "--proxy-insecure", origin.url).out == b"hi"
        assert bare("-x", proxy, origin.url).code == 60
        assert bare("-x", proxy, "--proxy-cacert", str(tmp_path / "no"), origin.url).code == 77


def test_a_kept_connection_that_was_closed(run: Callable[..., Result]) -> None:
    """The server hangs up on the second request of a connection: it is asked again on a new one."""
    requests: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for answers in ([redirect("/next", 307), b""], [OK]):
            sock, _ = listener.accept()
            with sock:
                for answer in answers:
                    requests.append(sock.recv(65536))
                    sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"http://origin.test:{listener.getsockname()[1]}/"
        code, out, err = run("-vL", "-w", "|%{num_redirects}|%{num_connects}", url)
        thread.join()
    assert (code, out) == (0, b"hi|1|2")
    assert [request.split()[1] for request in requests] == [b"/", b"/next", b"/next"]
    assert "* That connection had been closed; opening another one" in err


def test_headers_without_an_end(run: Callable[..., Result]) -> None:
    """Of 1xx answers there may be any number: not for ever."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 1000 + b"\r\n\r\n"
    with Origin(interim * 2000 + OK) as origin:
        code, out, err = run(origin.url)
        assert (code, out) == (56, b"")
        assert "no end" in err
    with Origin(interim * 100 + OK) as origin:
        assert run(origin.url) == (0, b"hi", "")
