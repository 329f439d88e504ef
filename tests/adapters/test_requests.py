"""What is requests' own: proxies from elsewhere, redirects with credentials, pickles."""

from __future__ import annotations

import pickle
import time

import pytest
import requests

from socks5client.requests import Socks5Adapter
from tests.origins import unused_address
from tests.server_fixture import Fault, Server, stall


def mounted(proxy: str) -> requests.Session:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Socks5Adapter(proxy))
    return session


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_proxies_of_the_environment_have_no_effect(
    proxy: Server, port: int, variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another proxy would be a way past this one; and for a SOCKS proxy requests wants PySocks."""
    monkeypatch.setenv(variable, "{}://{}:{}".format(scheme, *unused_address()))
    with mounted(proxy.url) as session:
        assert session.get(f"http://origin.test:{port}/").text == f"origin.test:{port} /"
    assert [request.host for request in proxy.requests] == ["origin.test"]


def test_proxies_of_a_session_have_no_effect(proxy: Server, port: int) -> None:
    other = "http://{}:{}".format(*unused_address())
    with mounted(proxy.url) as session:
        session.proxies = {"http": other}
        assert session.get(f"http://origin.test:{port}/", proxies={"all": other}).ok
    assert [request.host for request in proxy.requests] == ["origin.test"]


def test_no_proxy_of_the_environment_has_no_effect(
    proxy: Server, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with mounted(proxy.url) as session:
        assert session.get(f"http://127.0.0.1:{port}/").ok
    assert len(proxy.requests) == 1


def test_a_redirect_does_not_tell_the_origin_the_credentials(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests makes a Proxy-Authorization of those in ALL_PROXY, whatever proxy that is."""
    with Server(users={"alice": "secret"}) as server:
        url = server.url_as(user_info="alice:secret@")
        monkeypatch.setenv("ALL_PROXY", url)
        with mounted(url) as session:
            response = session.get(f"http://127.0.0.1:{port}/to?http://127.0.0.1:{port}/headers")
        assert "Host: 127.0.0.1" in response.text
        assert "Authorization" not in response.text
        assert response.history[0].status_code == 302
        assert len(server.requests) == 1


def test_what_is_mounted_under_a_longer_prefix(proxy: Server, port: int) -> None:
    with mounted(proxy.url) as session:
        session.mount(f"http://127.0.0.1:{port}/direct", requests.adapters.HTTPAdapter())
        assert session.get(f"http://127.0.0.1:{port}/direct").ok
        assert proxy.exchanges == []
        assert session.get(f"http://127.0.0.1:{port}/").ok
        assert len(proxy.requests) == 1


def test_a_pickled_session(port: int) -> None:
    with Server(users={"alice": "secret"}) as server:
        with mounted(server.url_as(user_info="alice:secret@")) as session:
            again = pickle.loads(pickle.dumps(session))
        with again:
            assert again.get(f"http://127.0.0.1:{port}/").ok
        assert [request.username for request in server.requests] == [b"alice"]


def test_what_an_adapter_takes(proxy: Server, port: int) -> None:
    adapter = Socks5Adapter(proxy.url, pool_connections=3, pool_maxsize=2, pool_block=True)
    with requests.Session() as session:
        session.mount("http://", adapter)
        assert session.get(f"http://origin.test:{port}/").ok
    assert adapter.poolmanager.connection_pool_kw == {"maxsize": 2, "block": True}
    assert len(proxy.requests) == 1


def test_retries() -> None:
    with Server(routes={("origin.test", 80): unused_address()}) as server:
        adapter = Socks5Adapter(server.url, max_retries=2)
        with requests.Session() as session:
            session.mount("http://", adapter)
            with pytest.raises(requests.ConnectionError):
                session.get("http://origin.test/")
        assert len(server.requests) == 3


def test_one_timeout_for_both(port: int) -> None:
    with Server(faults=[Fault("method", stall())]) as server, mounted(server.url) as session:
        begun = time.monotonic()
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"http://127.0.0.1:{port}/", timeout=0.2)
        assert 0.2 <= time.monotonic() - begun < 3
