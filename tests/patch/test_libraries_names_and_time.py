"""Clients of name servers and of time servers, unmodified, under patch()."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Server

if TYPE_CHECKING:
    from tests.patch.conftest import Trial
    from tests.real_servers import NameServer, TimeServer

# A name server has an address, which only the proxy leads to one here.
DNS_HOST, DNS_HOST6, DNS_PORT = "192.0.2.53", "2001:db8::53", 53
LIBRARIES = {
    "dnspython": ("blocking", DNS_HOST),
    "dnspython over IPv6": ("blocking", DNS_HOST6),
    "dnspython on asyncio": ("asyncio", DNS_HOST),
    "dnspython on trio": ("trio", DNS_HOST),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_records(library: str, trial: Trial, name_server: NameServer) -> None:
    how, host = LIBRARIES[library]
    with Server(routes={(host, DNS_PORT): (name_server.host, name_server.port)}) as proxy:
        answer = trial(
            "dnspython_records",
            host,
            DNS_PORT,
            how,
            "name.test A",
            "name.test AAAA",
            "big.test TXT",
            library=library,
            server="dnsmasq",
            proxy=proxy,
        )
        # All is asked by UDP first, the last one then by TCP.
        assert sum(len(exchange.datagrams_up) for exchange in proxy.requests) == 3
        assert [exchange.host for exchange in proxy.requests if not exchange.relay] == [host]
        proxy.wait_idle()
    address, address6, text = answer.splitlines()
    assert address == name_server.names["name.test"]
    assert address6 == name_server.names6["name.test"]
    assert text.startswith('"aaa')


# The relay tells by address who answers a datagram, even where it was sent to a name.
TIME_SERVERS = {"name": ("time.test", 12300), "address": ("192.0.2.123", 123)}


@pytest.mark.parametrize("by", TIME_SERVERS)
def test_time(by: str, trial: Trial, chrony: TimeServer) -> None:
    host, port = TIME_SERVERS[by]
    with Server(routes={(host, port): (chrony.host, chrony.port)}) as proxy:
        answer = trial(
            "ntplib_time", host, port, library=f"ntplib by {by}", server="chrony", proxy=proxy
        )
        proxy.wait_idle()
    assert answer == f"{chrony.stratum} True\n"
