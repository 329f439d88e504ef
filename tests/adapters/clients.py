"""The HTTP libraries behind one face, so that what must be true of each is written once."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import requests
import urllib3

from socks5client.aiohttp import Socks5Connector
from socks5client.requests import Socks5Adapter
from socks5client.urllib3 import Socks5PoolManager

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import ClassVar, Self


class Client:
    """A context manager; `get` gives a page's text, or raises the library's own errors.

    `timeout` is for the connection, in seconds. Of the errors: `timed_out` is what a handshake
    that takes too long raises, `unreachable` what the proxy says of the destination, `broken`
    what is wrong with the proxy itself, `untrusted` what a certificate is, `impossible` a host,
    `unknown` a name that is looked up here, `silent` what a server without a word of TLS is.
    """

    timed_out: ClassVar[type[Exception]]
    unreachable: ClassVar[type[Exception]]
    broken: ClassVar[type[Exception]]
    untrusted: ClassVar[type[Exception]]
    impossible: ClassVar[type[Exception]]
    unknown: ClassVar[type[Exception]]
    silent: ClassVar[type[Exception]]

    def __init__(self, proxy: Any = None, ca_file: Path | None = None, timeout: float = 10) -> None:
        raise NotImplementedError

    def get(self, url: str) -> str:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    @staticmethod
    def cause(error: BaseException) -> BaseException | None:
        """What the library says was the cause."""
        return error.__cause__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Urllib3(Client):
    timed_out = urllib3.exceptions.ConnectTimeoutError
    unreachable = broken = urllib3.exceptions.NewConnectionError
    untrusted = urllib3.exceptions.SSLError
    impossible = urllib3.exceptions.LocationParseError
    unknown = urllib3.exceptions.NameResolutionError
    silent = urllib3.exceptions.ReadTimeoutError

    def __init__(self, proxy: Any = None, ca_file: Path | None = None, timeout: float = 10) -> None:
        self.pools = Socks5PoolManager(
            proxy, ca_certs=ca_file, timeout=urllib3.Timeout(connect=timeout, read=10)
        )

    def get(self, url: str) -> str:
        return self.pools.request("GET", url, retries=False).data.decode()

    def close(self) -> None:
        self.pools.clear()


class Requests(Client):
    timed_out = requests.ConnectTimeout
    unreachable = broken = unknown = requests.ConnectionError
    untrusted = requests.exceptions.SSLError
    impossible = ValueError
    silent = requests.ReadTimeout

    def __init__(self, proxy: Any = None, ca_file: Path | None = None, timeout: float = 10) -> None:
        self.session = requests.Session()
        adapter = Socks5Adapter(proxy)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)
        self._verify = True if ca_file is None else os.fspath(ca_file)
        self._timeout = (timeout, 10)

    def get(self, url: str) -> str:
        return self.session.get(url, verify=self._verify, timeout=self._timeout).text

    def close(self) -> None:
        self.session.close()

    @staticmethod
    def cause(error: BaseException) -> BaseException | None:
        reason: BaseException = error.args[0].reason
        return reason.__cause__


class Aiohttp(Client):
    timed_out = aiohttp.ConnectionTimeoutError
    unreachable = aiohttp.ClientConnectorError
    broken = aiohttp.ClientProxyConnectionError
    untrusted = aiohttp.ClientConnectorCertificateError
    impossible = aiohttp.InvalidURL
    unknown = aiohttp.ClientConnectorDNSError
    silent = aiohttp.ConnectionTimeoutError

    def __init__(self, proxy: Any = None, ca_file: Path | None = None, timeout: float = 10) -> None:
        self._runner = asyncio.Runner()
        limits = aiohttp.ClientTimeout(sock_connect=timeout, sock_read=10)
        try:
            self.session = self._runner.run(self._open(proxy, ca_file, limits))
        except BaseException:
            self._runner.close()
            raise

    async def _open(
        self, proxy: Any, ca_file: Path | None, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=ca_file)
        connector = Socks5Connector(proxy, ssl=context)
        return aiohttp.ClientSession(connector=connector, timeout=limits)

    async def _get(self, url: str) -> str:
        async with self.session.get(url) as response:
            return await response.text()

    def get(self, url: str) -> str:
        return self._runner.run(self._get(url))

    def close(self) -> None:
        self._runner.run(self.session.close())
        self._runner.close()


CLIENTS = [Urllib3, Requests, Aiohttp]
