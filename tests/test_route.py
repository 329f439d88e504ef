from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from socks5client import DIRECT, Proxy, get_default_proxy, set_default_proxy
from socks5client.route import find_route

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SOCKS5CLIENT_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield
    set_default_proxy(None)


@pytest.mark.parametrize(
    ("proxy", "route"),
    [
        (Proxy("a"), (Proxy("a"),)),
        ("socks5h://a", (Proxy("a"),)),
        (["a", Proxy("b")], (Proxy("a"), Proxy("b"))),
        (("a", "a"), (Proxy("a"), Proxy("a"))),
        (["socks5h+unix:///run/a", "b"], (Proxy("", unix_path="/run/a"), Proxy("b"))),
        (DIRECT, DIRECT),
    ],
)
def test_what_proxy_may_be(proxy: Any, route: Any) -> None:
    assert find_route(proxy) == route
    set_default_proxy(proxy)
    assert get_default_proxy() == route
    assert find_route(None) == route


@pytest.mark.parametrize(
    ("proxy", "match"),
    [
        ((), "empty"),
        ([], "empty"),
        ("", "no host"),
        ("http://a", "scheme"),
        (["a", "http://a"], "scheme"),
        (["a", "socks5h+unix:///run/b"], "only the first proxy"),
    ],
)
def test_never_direct_by_mistake(proxy: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        find_route(proxy)
    with pytest.raises(ValueError, match=match):
        set_default_proxy(proxy)
    assert get_default_proxy() is None


def test_nothing_to_be_found() -> None:
    with pytest.raises(ValueError, match=r"no proxy is configured: pass proxy=, .* ALL_PROXY"):
        find_route(None)


def test_the_default_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://env")
    assert find_route(None) == (Proxy("env"),)
    set_default_proxy("default")
    assert find_route(None) == (Proxy("default"),)
    set_default_proxy(None)
    assert find_route(None) == (Proxy("env"),)


def test_direct_says_what_it_is() -> None:
    assert repr(DIRECT) == "socks5client.DIRECT"


def test_a_url_is_read_once() -> None:
    url = "socks5h://proxy.example:1081"
    (first,), (second,) = find_route(url), find_route(url)
    assert first is second == Proxy("proxy.example", 1081)
