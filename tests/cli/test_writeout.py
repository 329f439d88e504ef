"""-w."""

from __future__ import annotations

import json
import os
import re
import ssl
from typing import TYPE_CHECKING

from .origin import OK, Origin, redirect
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.real_servers import Origin as WebServer

    from .conftest import Result


def test_variables(run: Callable[..., Result]) -> None:
    names = ["http_code", "response_code", "size_download", "size_upload", "num_redirects"]
    names += ["content_type", "http_version", "scheme", "method", "num_connects", "exitcode"]
    with Origin() as origin:
        text = "".join(f"|%{{{name}}}" for name in names)
        result = run("-d", "abc", "-w", text + "|%{url_effective}", origin.url)
        expected = f"hi|200|200|2|3|0|text/plain|1.1|HTTP|POST|1|0|{origin.url}"
        assert result == (0, expected.encode(), "")


ORDER = ["namelookup", "connect", "appconnect", "pretransfer", "starttransfer", "total"]


def test_times_are_in_order(run: Callable[..., Result], origin: WebServer) -> None:
    text = "".join(f" %{{time_{moment}}}" for moment in ORDER)
    url = f"https://origin.test:{origin.https_port}/"
    out = run("-k", "-o", os.devnull, "-w", text, url).out.decode().strip()
    assert re.fullmatch(r"(\d+\.\d{6} ?){6}", out)
    times = [float(word) for word in out.split()]
    assert times == sorted(times)
    assert 0 < times[0] < times[1] < times[2] < times[-1] < 10


def test_times_of_redirects_and_of_kept_connections(run: Callable[..., Result]) -> None:
    with Web(lambda request: OK if b"/next" in request else redirect("/next")) as web:
        text = "%{time_redirect} %{time_connect} %{time_appconnect} %{time_starttransfer};"
        out = run("-sL", "-o", os.devnull, "-o", os.devnull, "-w", text, web.url, web.url + "next")
        first, second = ([float(word) for word in line.split()] for line in _lines(out))
        assert 0 < first[1] < first[0] < first[3]
        assert first[2] == 0
        assert second[:2] == [0, 0]  # no redirect, no connection of its own
        assert second[3] > 0


def _lines(result: Result) -> list[str]:
    return result.out.decode().rstrip(";").split(";")


def test_certificates(run: Callable[..., Result], origin: WebServer) -> None:
    url = f"https://origin.test:{origin.https_port}/"
    words = ["-o", os.devnull, "--cacert", str(origin.ca_file), url]
    out = run("-w", "%{num_certs} %{ssl_verify_result} %{certs}", *words).out.decode()
    number, result, pem = out.split(" ", 2)
    assert int(number) == pem.count("-----BEGIN CERTIFICATE-----") >= 1
    assert result == "0"
    own = ssl.PEM_cert_to_DER_cert(pem.partition("-----END")[0] + "-----END CERTIFICATE-----\n")
    assert own.count(b"origin.test") or own.count(b"localhost")


def test_json_is_json(run: Callable[..., Result]) -> None:
    odd = b'Content-Type: "\\\xc3\xa9\xff\r\nX: 1\r\nX: 2\r\n\r\nhi'
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + odd) as origin:
        out = run("-o", os.devnull, "-w", "%{json}", origin.url).out
        found = json.loads(out)
        assert found["http_code"] == 200
        assert found["content_type"].startswith('"\\')
        assert found["remote_ip"] == "127.0.0.1"
        headers = json.loads(run("-o", os.devnull, "-w", "%{header_json}", origin.url).out)
        assert headers["x"] == ["1", "2"]


def test_to_stderr(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        result = run("-w", "a%{stderr}b\\n%{stdout}c", origin.url)
        assert result == (0, b"hiac", "b\n")


def test_no_user_info_in_the_url(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        for url in (origin.url, origin.url.removeprefix("http://")):
            with_user = url.replace("origin", "us:secret@origin")
            out = run("-w", "|%{url}|%{json}", with_user).out
            assert out.startswith(f"hi|{url}|".encode())
            assert b"secret" not in out


def test_escapes_and_headers(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        out = run("-w", r"\n\t\r\q%%%x%header{Content-Length}%header{no}%{open", origin.url).out
        assert out == b"hi\n\t\r\\q%%x2%{open"


def test_unknown_variables(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        code, out, err = run("-w", "[%{nope}]", origin.url)
        assert (code, out) == (0, b"hi[]")
        assert err == "socks5-curl: unknown --write-out variable: 'nope'\n"


def test_format_from_a_file_and_no_credentials(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "format"
    file.write_text("|%{url_effective}")
    with Origin() as origin:
        result = run("-w", f"@{file}", origin.url.replace("//", "//u:secret@"))
        assert result.out == f"hi|{origin.url}".encode()


def test_after_a_failure(run: Callable[..., Result]) -> None:
    code, out, _ = run("-w", "%{http_code}|%{exitcode}|%{size_download}|", "http://nope.test/")
    assert (code, out) == (97, b"000|97|0|")
