"""RFC 1961 at the reference server: what it refuses, and it alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.server_fixture import Server
from tests.standalone import standalone
from tests.test_server_fixture import SUCCESS, Client, at
from tests.test_server_fixture import origin as origin
from tests.test_server_fixture import request as socks_request
from tests.test_server_fixture_gssapi import (
    ABORT,
    CONFIDENTIALITY,
    INTEGRITY,
    Initiator,
    message,
)
from tests.test_server_fixture_gssapi import realm as realm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real_servers import Realm


# Contexts and levels that come to nothing.


def test_wrong_principal(realm: Realm) -> None:
    """The ticket is for a service whose key the server does not have."""
    keytab = realm.add_service("other")
    with Server(methods=(1,), gss_keytab=realm.keytab) as server:
        with Initiator(server.address, "other@localhost") as initiator:
            initiator.offer()
            initiator.send_token()
            assert initiator.client.read_all() == ABORT
        server.wait_idle()
        (exchange,) = server.exchanges
        assert (exchange.error or "").startswith("context: ")
        assert (exchange.authenticated, exchange.gss_principal) == (False, None)
    with (
        Server(methods=(1,), gss_keytab=keytab) as server,
        Initiator(server.address, "other@localhost") as initiator,
    ):
        assert initiator.agree(INTEGRITY) == INTEGRITY


def test_no_keytab(tmp_path: Path) -> None:
    with (
        Server(methods=(1,), gss_keytab=tmp_path / "none") as server,
        Initiator(server.address) as initiator,
    ):
        initiator.offer()
        initiator.send_token()
        assert initiator.client.read_all() == ABORT


def test_several_rounds() -> None:
    """SPNEGO without an optimistic token takes two; the last answer of a server may be empty."""
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        gssapi = initiator.gssapi
        spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        initiator.context = gssapi.SecurityContext(
            name=initiator.name, usage="initiate", mech=spnego
        )
        initiator.offer()
        token, rounds = initiator.context.step(), 0
        while token:
            initiator.client.send(message(1, token))
            answer = initiator.read_message(1)
            rounds += 1
            token = initiator.context.step(answer) if answer else None
        assert initiator.context.complete
        assert server.exchanges[0].gss_rounds == rounds


def test_without_mutual_authentication_the_answer_is_empty() -> None:
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        gssapi = initiator.gssapi
        initiator.context = gssapi.SecurityContext(
            name=initiator.name, usage="initiate", flags=gssapi.RequirementFlag.replay_detection
        )
        initiator.offer()
        initiator.send_token()
        assert initiator.context.complete
        assert initiator.read_message(1) == b""
        initiator.propose(INTEGRITY)
        assert len(initiator.read_message(2)) > 1


@pytest.mark.parametrize(
    ("arguments", "wanted", "answered"),
    [
        ({}, 9, 1),
        ({"gss_levels": (2,)}, 1, 2),
        ({"gss_levels": (1, 0)}, 2, 1),
        ({"gss_levels": (0,)}, 3, 0),
        ({"gss_answer": 9}, 2, 9),
        ({"gss_answer": 1}, 2, 1),
    ],
)
def test_levels(arguments: dict[str, Any], wanted: int, answered: int) -> None:
    with Server(methods=(1,), **arguments) as server, Initiator(server.address) as initiator:
        assert initiator.agree(wanted) == answered
        exchange = server.exchanges[0]
        assert (exchange.gss_level_wanted, exchange.gss_level) == (wanted, answered)


def test_some_level_must_be_accepted() -> None:
    with pytest.raises(ValueError, match="gss_levels is empty"):
        Server(methods=(1,), gss_levels=())


def test_level_wrapped_with_confidentiality_is_accepted() -> None:
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        initiator.establish()
        initiator.client.send(message(2, initiator.wrap(b"\x01", True)))
        initiator.read_message(2)
        assert server.exchanges[0].gss_level == 1


@pytest.mark.parametrize("nec", [False, True])
def test_nec_and_standard_do_not_mix(nec: bool) -> None:
    with Server(methods=(1,), gss_nec=not nec) as server, Initiator(server.address) as initiator:
        initiator.establish()
        initiator.propose(INTEGRITY, nec)
        assert initiator.client.read_all() == (ABORT if nec else b"")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x05", "version 0x05"),
        (ABORT, "aborted by the client"),
        (b"\x01\x02", "type 0x02"),
        (message(1, b"nonsense"), "context: "),
    ],
)
def test_malformed_contexts(data: bytes, error: str) -> None:
    with Server(methods=(1,)) as server:
        with Initiator(server.address) as initiator:
            initiator.offer()
            initiator.client.send(data.ljust(2, b"\0"))
            answer = initiator.client.read_all()
            assert answer == (ABORT if data[:2] == b"\x01\x01" else b"")
        server.wait_idle()
        assert error in (server.exchanges[0].error or "")


@pytest.mark.parametrize("tunnel", [False, True], ids=["request", "data"])
@pytest.mark.parametrize("wrong", ["clear", "weaker", "garbage", "abort", "replayed", "cut"])
def test_the_client_must_protect(origin: socket.socket, wrong: str, tunnel: bool) -> None:
    with Server(methods=(1,)) as server:
        with Initiator(server.address) as initiator:
            initiator.agree(CONFIDENTIALITY)
            request = socks_request(at(origin))
            if tunnel:
                assert initiator.connect(at(origin))[:4] == SUCCESS
                far, _ = origin.accept()
            right = initiator.seal(request)
            data = {
                "clear": request,
                "weaker": message(3, initiator.wrap(request)),
                "garbage": message(3, b"garbage"),
                "abort": ABORT,
                "replayed": right * 2,
                "cut": right[:-1],
            }[wrong]
            initiator.client.send(data)
            if wrong == "cut":
                initiator.client.sock.shutdown(socket.SHUT_WR)
            initiator.client.read_all()
            if tunnel:
                with far:
                    assert Client(far).read_all() == (request if wrong == "replayed" else b"")
        if not tunnel:
            origin.close()
        server.wait_idle()
        assert "encapsulation" in (server.exchanges[0].error or "")


# By hand.


@pytest.mark.parametrize("nec", [False, True])
def test_alone(origin: socket.socket, nec: bool) -> None:
    with standalone("--gssapi", *(["--gss-nec"] if nec else [])) as url:
        host, _, port = url.removeprefix("socks5h://").partition(":")
        with Initiator((host, int(port))) as initiator:
            initiator.agree(CONFIDENTIALITY, nec)
            assert initiator.connect(at(origin))[:4] == SUCCESS


def test_gssapi_is_imported_only_when_used() -> None:
    code = (
        "import socket, sys; from tests.server_fixture import Server\n"
        "with Server(methods=(1, 0)) as server:\n"
        "    with socket.create_connection(server.address) as sock:\n"
        "        sock.sendall(bytes([5, 1, 0])); assert sock.recv(2) == bytes([5, 0])\n"
        "assert 'gssapi' not in sys.modules, 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
