"""--probe: what it finds, of which proxies."""

from __future__ import annotations

import json
import os
import pty
import re
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import real_servers
from tests.origins import Echo, UdpEcho, unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, lose, stall

from .piped import PATIENCE, piped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme

    from tests.real_servers import Realm, RealProxy

    from .conftest import Result

    Probe = Callable[..., tuple[int, dict[str, Any]]]

SECRET = "unlikely-secret"
KEYS = [
    *("tcp", "tls", "method_none", "method_password", "method_gssapi", "authentication"),
    *("connect_name", "connect_ipv4", "connect_ipv6", "resolve", "dns", "bind"),
    *("udp_associate", "datagrams", "fragments"),
]


@pytest.fixture
def probe(bare: Callable[..., Result]) -> Probe:
    """The exit code and the object that is printed; all of its keys are there."""

    def run(proxy: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        code, out, err = bare("-x", proxy, "--probe", "--json", *arguments)
        assert (err, SECRET.encode() in out) == ("", False)
        found = json.loads(out)
        assert list(found) == [
            *("proxy", "through", "reachable", "authenticated", "exit_code", "findings")
        ]
        assert found["exit_code"] == code
        assert list(found["findings"]) == KEYS
        for finding in found["findings"].values():
            assert list(finding) == ["verdict", "detail", "seconds", "reply", "address"]
            assert finding["seconds"] is None or 0 <= finding["seconds"] < PATIENCE
        return code, found

    return run


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {key: finding["verdict"] for key, finding in found["findings"].items()}


def test_a_proxy_that_does_it_all(probe: Probe) -> None:
    with Server(resolve=True, tor=True, methods=[0, 2]) as server:
        code, found = probe(server.url)
        assert code == 0
        assert (found["proxy"], found["through"]) == (server.url, [])
        assert (found["reachable"], found["authenticated"]) == (True, True)
        expected = dict.fromkeys(KEYS, "yes") | {"tls": "not tested", "method_gssapi": "no"}
        assert verdicts(found) == expected
        findings = found["findings"]
        place = f"{server.host}:{server.port}"
        assert findings["tcp"]["address"] == place
        assert findings["connect_name"]["reply"] == 0
        assert findings["resolve"]["address"] in ("127.0.0.1", "::1")
        assert re.fullmatch(r"127\.0\.0\.1:\d+", findings["bind"]["address"])
        assert {exchange.username for exchange in server.exchanges} == {None}  # no credentials
        server.wait_idle()


def test_a_proxy_that_connects_only(probe: Probe) -> None:
    with Server(commands=[1]) as server:
        code, found = probe(server.url)
        findings = verdicts(found)
        assert code == 0
        assert (findings["bind"], findings["udp_associate"], findings["resolve"]) == ("no",) * 3
        assert (findings["datagrams"], findings["fragments"]) == ("not tested",) * 2
        assert found["findings"]["bind"]["reply"] == 7
        assert (findings["connect_name"], findings["dns"]) == ("yes", "yes")
        findings = verdicts(probe(server.url, "tcp://nobody.test:1")[1])
        assert (findings["connect_name"], findings["dns"]) == ("unclear", "unclear")


def test_destinations_of_the_users(probe: Probe, proxy: Server) -> None:
    with Echo() as echo, UdpEcho() as udp_echo:
        before = len(proxy.requests)
        name = f"tcp://origin.test:{echo.address[1]}"
        ipv4 = f"http://127.0.0.1:{echo.address[1]}/"
        udp = f"udp://origin.test:{udp_echo.address[1]}"
        code, found = probe(proxy.url, name, ipv4, udp)
        assert code == 0
        findings = verdicts(found)
        assert {findings[key] for key in ("connect_name", "connect_ipv4", "dns")} == {"yes"}
        assert {findings[key] for key in ("datagrams", "fragments")} == {"yes"}
        asked = {(e.host, e.port) for e in proxy.requests[before:] if e.command == 1}
        assert {("origin.test", echo.address[1]), ("127.0.0.1", echo.address[1])} <= asked
        assert len(udp_echo.clients) == 2


@pytest.mark.parametrize(
    ("code", "verdict"), [(1, "unclear"), (2, "unclear"), (5, "yes"), (7, "no"), (8, "no")]
)
def test_replies_by_name(probe: Probe, code: int, verdict: str) -> None:
    with Server(faults=[CATALOGUE[f"reply-code-{code}"]]) as server:
        exit_code, found = probe(server.url)
        assert exit_code == 0
        finding = found["findings"]["connect_ipv6"]
        assert (finding["verdict"], finding["reply"]) == (verdict, code)
        assert finding["detail"].endswith(f"({code:#04x})")
        assert finding["seconds"] is not None
        if code == 8:
            assert found["findings"]["dns"]["verdict"] == "no"


def test_credentials(probe: Probe) -> None:
    with Server(users={"user": SECRET}) as server:
        code, found = probe(server.url_as(user_info=f"user:{SECRET}@"))
        assert code == 0
        assert found["proxy"] == server.url.replace("://", "://***@")
        assert verdicts(found)["method_none"] == "no"
        assert found["findings"]["authentication"]["detail"] == "by username/password"
        for arguments in (["-U", f"user:{SECRET}"], ["-U", f"user:{SECRET}-not"], []):
            sent = sum(e.username is not None for e in server.exchanges)
            code, found = probe(server.url, *arguments)
            findings = verdicts(found)
            assert findings["method_password"] == "yes"
            accepted = arguments == ["-U", f"user:{SECRET}"]
            assert code == (0 if accepted else 97)
            assert found["authenticated"] is accepted
            assert findings["connect_name"] == ("yes" if accepted else "not tested")
            if not accepted:  # and once is enough, for proxies that count
                assert sum(e.username is not None for e in server.exchanges) - sent <= 1


def test_out_of_reach(probe: Probe) -> None:
    host, port = unused_address()
    code, found = probe(f"socks5h://{host}:{port}")
    assert (code, found["reachable"], found["authenticated"]) == (7, False, False)
    assert set(list(verdicts(found).values())[1:]) == {"not tested"}
    assert "refused" in found["findings"]["tcp"]["detail"]


@pytest.mark.parametrize("fault", ["wrong-version-method", "garbage-method", "method-not-offered"])
def test_what_is_no_socks_proxy(probe: Probe, fault: str) -> None:
    with Server(faults=[CATALOGUE[fault]]) as server:
        code, found = probe(server.url)
        findings = verdicts(found)
        assert (code, found["reachable"], found["authenticated"]) == (97, True, False)
        assert findings["method_none"] in ("unclear", "no")
        assert findings["connect_ipv4"] == "not tested"


@pytest.mark.parametrize("stage", ["method", "reply"])
def test_a_proxy_that_stalls(probe: Probe, stage: Any) -> None:
    """Each step has its time, and all of them have -m's."""
    with Server(faults=[Fault(stage, stall())]) as server:
        began = time.monotonic()
        code, found = probe(server.url, "--connect-timeout", "0.2", "-m", "5")
        assert time.monotonic() - began < 6
        assert code == (28 if stage == "method" else 0)
        assert verdicts(found)["method_gssapi"] == ("unclear" if stage == "method" else "no")
        code, found = probe(server.url, "-m", "0.5")
        assert verdicts(found)["fragments"] == "not tested"


def test_a_relay_that_forwards_nothing(probe: Probe) -> None:
    with Server(relay_faults=[lose(1)]) as server:
        findings = verdicts(probe(server.url)[1])
        assert (findings["udp_associate"], findings["datagrams"]) == ("yes", "no")
        assert findings["fragments"] == "not tested"
    with Server(fragments=False) as server:
        findings = verdicts(probe(server.url)[1])
        assert (findings["datagrams"], findings["fragments"]) == ("yes", "no")


def test_a_chain(probe: Probe) -> None:
    with Server() as first, Server(resolve=True) as last:
        code, found = probe(last.url, "--preproxy", first.url)
        assert code == 0
        assert (found["proxy"], found["through"]) == (last.url, [first.url])
        findings = verdicts(found)
        assert (findings["tcp"], findings["connect_name"], findings["bind"]) == ("yes",) * 3
        assert findings["datagrams"] == "not tested"
        assert {(e.host, e.port) for e in first.requests} == {(last.host, last.port)}
    with Server() as first:
        host, port = unused_address()
        code, found = probe(f"socks5h://{host}:{port}", "--preproxy", first.url)
        assert (code, found["reachable"]) == (7, False)
        assert "cannot reach it" in found["findings"]["tcp"]["detail"]


def test_tls(probe: Probe, authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(resolve=True, ssl_context=context) as server:
        url = server.url_as("socks5h+tls")
        code, found = probe(url, "--proxy-cacert", str(ca_file))
        findings = verdicts(found)
        assert (code, findings["tls"], findings["connect_name"]) == (0, "yes", "yes")
        assert found["findings"]["tls"]["detail"].startswith("TLS")
        assert (findings["udp_associate"], findings["datagrams"]) == ("yes", "not tested")
        code, found = probe(url)
        assert (code, found["reachable"], verdicts(found)["tls"]) == (60, True, "no")
        assert verdicts(found)["method_none"] == "not tested"


def test_gssapi(probe: Probe, kerberos: Realm) -> None:
    with Server(resolve=True, methods=[1]) as server:
        url = f"socks5h+gssapi://localhost:{server.port}"
        code, found = probe(url)
        findings = verdicts(found)
        assert (code, findings["method_gssapi"], findings["method_none"]) == (0, "yes", "no")
        assert found["findings"]["authentication"]["detail"] == "by GSSAPI"
        assert {findings[key] for key in ("connect_name", "bind", "datagrams")} == {"yes"}
        assert kerberos.user not in json.dumps(found)
        code, found = probe(server.url)  # which offers none
        assert (code, verdicts(found)["method_gssapi"]) == (97, "yes")


def test_a_unix_socket(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Server(host=None, unix_path=path):
        code, found = probe(f"socks5h+unix://{path}")
        assert (code, found["findings"]["tcp"]["address"]) == (0, str(path))
        assert verdicts(found)["datagrams"] == "yes"


def test_the_system_resolver_is_left_out_of_it(probe: Probe, proxy: Server) -> None:
    """Under socks5://, which looks names up here, the proxy is asked all the same."""
    before = len(proxy.requests)
    _, found = probe(proxy.url_as("socks5"), "tcp://origin.test:1")
    assert "origin.test" in {exchange.host for exchange in proxy.requests[before:]}
    assert "has them resolved here" in found["findings"]["dns"]["detail"]


REAL = {
    "danted": {"connect_name": "yes", "bind": "yes", "datagrams": "yes", "fragments": "no"},
    "microsocks": {"connect_name": "yes", "bind": "no", "udp_associate": "no"},
    "ssh-D": {"connect_name": "yes", "bind": "unclear", "method_password": "unclear"},
}


def test_real_proxies(probe: Probe, real_proxy: RealProxy) -> None:
    code, found = probe(real_proxy.url)
    assert code == 0
    expected = REAL[real_proxy.name]
    findings = verdicts(found)
    assert {key: findings[key] for key in expected} == expected
    assert findings["method_password"] == (
        "yes" if real_proxy.user else expected.get("method_password", "no")
    )


def test_tor(probe: Probe, tmp_path: Path) -> None:
    with real_servers.tor(tmp_path) as tor:
        name, address = next(iter(tor.names.items()))
        code, found = probe(tor.url, f"tcp://{name}:80", "--connect-timeout", "1")
        assert code == 0
        assert found["findings"]["resolve"]["address"] == address
        assert verdicts(found)["dns"] == "yes"


def test_as_text(bare: Callable[..., Result], proxy: Server) -> None:
    code, out, err = bare("-x", proxy.url_as(user_info=f"user:{SECRET}@"), "--probe")
    assert (code, err) == (0, "")
    title, *lines = out.decode().splitlines()
    assert title == proxy.url.replace("://", "://***@")
    assert len(lines) == len(KEYS)
    assert re.fullmatch(r"Reachable +yes +[\d.]+ ms  at 127\.0\.0\.1:\d+", lines[0])
    assert lines[6].startswith("CONNECT to a name")
    assert SECRET not in out.decode()


def test_v_narrates(bare: Callable[..., Result], proxy: Server) -> None:
    code, _, err = bare("-v", "-x", proxy.url, "--probe")
    assert code == 0
    assert err.count("* Connected to the proxy") >= 8
    assert "the proxy chose: none of them is acceptable" in err


def test_on_a_terminal(proxy: Server) -> None:
    ours, theirs = pty.openpty()
    with piped("-x", proxy.url, "--probe", stdout=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:  # its end, of a terminal
            pass
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert b"\x1b[32myes" in seen
    assert "Reachable" in seen.decode()
    assert seen.endswith((b"\x1b[?25h", b"\r\n"))  # the cursor is back


def test_mistakes(bare: Callable[..., Result], proxy: Server) -> None:
    code, out, err = bare("--probe")
    assert (code, out) == (2, b"")
    assert "no proxy is configured" in err
    assert bare("-x", proxy.url, "--probe", "tcp://origin.test").code == 3
    assert bare("-x", proxy.url, "--probe", "gopher://origin.test").code == 1
