"""User names and passwords appear in no message, repr or log, whatever goes wrong."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest

import socks5client
from socks5client import Proxy, UsernamePassword, set_default_proxy
from socks5client.handshake import Handshake
from socks5client.httpx import Socks5Transport
from socks5client.protocol import Address, Command, Negotiation, Request
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, close, drip, reset, stall

USER, PASSWORD = "topsecretuser", "topsecretpassword"
USER_INFO = f"{USER}:{PASSWORD}@"

FAULTS: dict[str, Fault | None] = {
    "none": None,
    **{f"{stage}-close": Fault(stage, close()) for stage in ("accept", "method", "auth", "reply")},
    **{f"{stage}-reset": Fault(stage, reset()) for stage in ("method", "auth", "reply")},
    **{f"{stage}-stall": Fault(stage, stall()) for stage in ("method", "auth", "reply")},
    **{f"{stage}-drip": Fault(stage, drip(0.3)) for stage in ("method", "auth", "reply")},
    **{
        name: fault
        for name, fault in CATALOGUE.items()
        if not name.startswith("reply-code") or len(name) == len("reply-code-1")
    },
}


def assert_clean(*things: object) -> None:
    for thing in things:
        text = f"{thing}\n{thing!r}"
        if isinstance(thing, BaseException):
            text += "".join(traceback.format_exception(thing)) + f"{vars(thing)}"
            text += repr(pickle.dumps(thing)) if isinstance(thing, socks5client.SocksError) else ""
        assert "topsecret" not in text, text


@pytest.mark.parametrize("name", FAULTS)
def test_errors_and_logs(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fault = FAULTS[name]
    with Server(users={USER: "another"}, faults=[fault] if fault else []) as server:
        url = f"socks5h://{USER_INFO}{server.host}:{server.port}"
        try:
            sock = socks5client.connect(unused_address(), proxy=url, timeout=0.2)
        except OSError as error:
            assert_clean(error)
        else:  # a fault that a client has to bear with, or that lets any password pass
            assert_clean(sock)
            sock.close()
        told: list[Any] = []
        with (
            httpx.Client(
                transport=Socks5Transport(url, trace=lambda *event: told.append(event)),
                timeout=0.2,
            ) as client,
            pytest.raises(httpx.HTTPError) as caught,
        ):
            client.get("http://{}:{}/".format(*unused_address()))
        assert_clean(caught.value, told)
    assert_clean(caplog.text)


def test_reprs() -> None:
    auth = UsernamePassword(USER, PASSWORD)
    proxy = Proxy.from_url(f"socks5h://{USER_INFO}proxy.test")
    request = Request(Command.CONNECT, Address("example.com", 80))
    set_default_proxy(proxy)
    try:
        assert_clean(socks5client.get_default_proxy())
        with socks5client.socket(proxy=proxy) as sock:
            assert_clean(sock)
    finally:
        set_default_proxy(None)
    assert_clean(
        auth,
        proxy,
        Negotiation(request, proxy.auth),
        Handshake([proxy, proxy], request),
        Socks5Transport(proxy),
        [proxy],
    )


@pytest.mark.parametrize(
    "url",
    [
        f"http://{USER_INFO}proxy",
        f"socks5h://{USER}:{PASSWORD}",
        f"socks5h://{USER_INFO}",
        f"socks5h://{USER_INFO}proxy:0",
        f"socks5h://{USER_INFO}proxy/{PASSWORD}",
        f"socks5h://{USER_INFO}proxy?{PASSWORD}",
        f"socks5h://{USER}:{PASSWORD}%zz@proxy",
        f"socks5h://{USER}:{PASSWORD}/@proxy",
        f"socks5h://{USER}:{PASSWORD}#@proxy",
        f"socks5h://{USER}:{PASSWORD}%0a@proxy",
        f"socks5h://{USER}:{PASSWORD * 20}@proxy",
        f"{PASSWORD}://proxy",
        f"socks5h://{USER_INFO}pro xy",
        f"socks5h://{USER_INFO}[::1",
    ],
)
def test_malformed_urls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError) as caught:
        Proxy.from_url(url)
    assert_clean(caught.value)
    monkeypatch.setenv("SOCKS5CLIENT_PROXY", url)
    with pytest.raises(ValueError) as caught:
        socks5client.connect(("127.0.0.1", 1))
    assert_clean(caught.value)
