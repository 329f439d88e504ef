"""Every kind of resolver, a proxy that alone finds the name server, and real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import real_servers
from tests.dns.resolvers import HIDDEN, HIDDEN6, KINDS
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from tests.dns.resolvers import Kind
    from tests.real_servers import NameServer, Tor, Unbound


@pytest.fixture(params=list(KINDS), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of resolver, in turn."""
    return KINDS[request.param]


@pytest.fixture
def proxy(name_server: NameServer) -> Iterator[Server]:
    place = name_server.host, name_server.port
    routes: dict[Any, Any] = {(HIDDEN, 53): place, (HIDDEN6, 53): place}
    with Server(routes=routes) as server:
        yield server
        server.wait_idle()


@pytest.fixture(scope="module")
def dns_server(
    tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA
) -> Iterator[Unbound]:
    with real_servers.unbound(tmp_path_factory.mktemp("unbound"), authority) as server:
        yield server


@pytest.fixture(scope="module")
def real_tor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tor]:
    with real_servers.tor(tmp_path_factory.mktemp("tor")) as server:
        yield server
