"""What the kernel saw of the adapters: only the proxy was spoken to, and no name was looked up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.origins import unused_address
from tests.standalone import standalone
from tests.test_no_leak import traced

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {
    "urllib3": """
import urllib3
from socks5client.urllib3 import Socks5PoolManager
with Socks5PoolManager(URL) as http:
    try:
        http.request("GET", "https://name.test/", retries=False)
    except urllib3.exceptions.NewConnectionError:
        print("failed")
""",
    "requests": """
import requests
from socks5client.requests import Socks5Adapter
with requests.Session() as session:
    session.mount("https://", Socks5Adapter(URL))
    try:
        session.get("https://name.test/")
    except requests.ConnectionError:
        print("failed")
""",
    "aiohttp": """
import aiohttp, asyncio
from socks5client.aiohttp import Socks5Connector
async def main():
    async with aiohttp.ClientSession(connector=Socks5Connector(URL)) as session:
        try:
            await session.get("https://name.test/")
        except aiohttp.ClientConnectorError:
            print("failed")
asyncio.run(main())
""",
    "dns": """
import dns.resolver
from socks5client.dns import Resolver
try:
    Resolver("127.0.0.1", port=PORT, proxy=URL, tcp=True).resolve("name.test")
except dns.resolver.NoNameservers:
    print("failed")
""",
    "dns on asyncio": """
import asyncio, dns.resolver
from socks5client.dns import AsyncResolver
async def main():
    try:
        await AsyncResolver("127.0.0.1", port=PORT, proxy=URL, tcp=True).resolve("name.test")
    except dns.resolver.NoNameservers:
        print("failed")
asyncio.run(main())
""",
    **{
        f"dns, {server} on {library}": f"""
import {library}, socket
from socks5client.dns import AsyncResolver, Resolver
URL = URL.replace("socks5h", "socks5")  # which would have names looked up here
async def main():
    try:
        await AsyncResolver({server!r}, proxy=URL).addresses("name.test")
    except socket.gaierror:
        pass
    try:
        Resolver({server!r}, proxy=URL).name_of("192.0.2.1")
    except socket.gaierror:
        print("failed")
{library}.run(main{"()" if library == "asyncio" else ""})
"""
        for server in ("tls://dns.test", "https://dns.test/dns-query", "tor")
        for library in ("asyncio", "trio")
    },
}


@pytest.mark.parametrize("there", [True, False], ids=["a proxy", "no proxy there"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_only_the_proxy_is_spoken_to(program: str, there: bool, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with standalone("--no-resolve") as url:
        if not there:
            url = "socks5h://{}:{}".format(*unused_address())
        head = f"import sys\nsys.stdout = open({str(done)!r}, 'w')\nURL = {url!r}\n"
        head += f"PORT = {unused_address()[1]}\n"
        calls = traced(head + PROGRAMS[program], tmp_path)
    assert done.read_text() == "failed\n"
    host, _, port = url.removeprefix("socks5h://").rpartition(":")
    pattern = re.compile(r'htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"(.*?)"')
    places = {found.groups() for call in calls if (found := pattern.search(call))}
    assert places == {(port, host)}
    # getaddrinfo asks nscd before anybody else.
    assert not [call for call in calls if "nscd" in call or "htons(53)" in call]


def test_datagrams_of_dns_go_to_the_relay(tmp_path: Path) -> None:
    code = """
import dns.resolver
from socks5client.dns import Resolver
try:
    Resolver("127.0.0.53", port=PORT, proxy=URL).resolve("name.test", lifetime=1)
except dns.resolver.LifetimeTimeout:
    pass
"""
    with standalone("--no-resolve") as url:
        calls = traced(f"URL, PORT = {url!r}, {unused_address()[1]}\n{code}", tmp_path)
    hosts = {host for call in calls for host in re.findall(r'inet_addr\("(.*?)"\)', call)}
    assert hosts == {"127.0.0.1"}
