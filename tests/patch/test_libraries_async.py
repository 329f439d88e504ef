"""What waits in an event loop, unmodified, under patch(): streams and datagrams.

To a name that there is at the proxy alone, and to an address that leads nowhere but there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.patch.verdict import patched, run_traced
from tests.server_fixture import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.origins import Echo, UdpEcho
    from tests.patch.conftest import Trial

NAME, ADDRESS = "echo.test", "192.0.2.7"
HOSTS = pytest.mark.parametrize("host", [NAME, ADDRESS], ids=["name", "address"])

# What the table says: the program, and its further arguments.
STREAMS = {
    "asyncio": ("asyncio_echo", "asyncio"),
    "uvloop": ("asyncio_echo", "uvloop"),
    "trio": ("trio_echo",),
    "anyio on asyncio": ("anyio_echo", "asyncio"),
    "anyio on trio": ("anyio_echo", "trio"),
}
DATAGRAMS = {
    "asyncio": ("asyncio_datagram", "asyncio"),
    "uvloop": ("asyncio_datagram", "uvloop"),
    "trio": ("trio_datagram",),
    "anyio on asyncio": ("anyio_datagram", "asyncio"),
    "anyio on trio": ("anyio_datagram", "trio"),
}


def leading_to(place: tuple[str, int]) -> Server:
    """A proxy, from which both of the hosts lead there."""
    return Server(names={NAME: place[0]}, routes={(ADDRESS, place[1]): place})


@HOSTS
@pytest.mark.parametrize("library", STREAMS)
def test_a_stream(library: str, host: str, trial: Trial, echo: Echo) -> None:
    program, *more = STREAMS[library]
    arguments = (host, echo.address[1], "hello", *more)
    with leading_to(echo.address) as proxy:
        answer = trial(program, *arguments, library=library, server="TCP echo", proxy=proxy)
        proxy.wait_idle()
    assert answer == "hello\n"


@HOSTS
@pytest.mark.parametrize("library", DATAGRAMS)
def test_datagrams(library: str, host: str, trial: Trial, udp_echo: UdpEcho) -> None:
    program, *more = DATAGRAMS[library]
    arguments = (host, udp_echo.address[1], "hello", *more)
    with leading_to(udp_echo.address) as proxy:
        answer = trial(program, *arguments, library=library, server="UDP echo", proxy=proxy)
        proxy.wait_idle()
    assert answer == "hello\n"


@HOSTS
def test_greenlets(host: str, trial: Trial, echo: Echo) -> None:
    """gevent comes first: it puts a class of its own in the place of the one that we change."""
    arguments = ("gevent_echo", host, echo.address[1], "hello")
    gevent = ("gevent.monkey", "--module")
    with leading_to(echo.address) as proxy:
        answer = trial(*arguments, library="gevent", server="TCP echo", proxy=proxy, under=gevent)
        assert len(proxy.requests) == 2
        proxy.wait_idle()
    assert answer == "hello hello\n"


@HOSTS
def test_gevent_after_us_leaks_nothing(host: str, tmp_path: Path, echo: Echo) -> None:
    """It may fail then."""
    with leading_to(echo.address) as proxy:
        program = patched("gevent_echo", host, echo.address[1], "hello", proxy=proxy.url)
        verdict = run_traced(program, tmp_path)
        assert verdict.strangers({proxy.address}) == []
        assert verdict.output == ("" if verdict.status else "hello hello\n")
        proxy.wait_idle()
