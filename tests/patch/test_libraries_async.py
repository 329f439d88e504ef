"""What waits in an event loop, unmodified, under patch(): streams and datagrams.

To a name that there is at the proxy alone, and to an address that leads nowhere but there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.patch.verdict import patched, relays, run_traced
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Sequence
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
GREENLETS = {"TCP": "gevent_echo", "UDP": "gevent_datagram"}


def leading_to(place: tuple[str, int]) -> Server:
    """A proxy, from which both of the hosts lead there."""
    return Server(names={NAME: place[0]}, routes={(ADDRESS, place[1]): place})


@HOSTS
@pytest.mark.parametrize("library", STREAMS)
def test_a_stream(
    library: str, host: str, trial: Trial, echo: Echo, options: Sequence[str]
) -> None:
    program, *more = STREAMS[library]
    arguments = (host, echo.address[1], "hello", *more)
    with leading_to(echo.address) as proxy:
        answer = trial(
            program,
            *arguments,
            library=library,
            server="TCP echo",
            proxy=proxy,
            options=options,
        )
        proxy.wait_idle()
    assert answer == "hello\n"


@HOSTS
@pytest.mark.parametrize("library", DATAGRAMS)
def test_datagrams(
    library: str, host: str, trial: Trial, udp_echo: UdpEcho, options: Sequence[str]
) -> None:
    program, *more = DATAGRAMS[library]
    arguments = (host, udp_echo.address[1], "hello", *more)
    with leading_to(udp_echo.address) as proxy:
        answer = trial(
            program,
            *arguments,
            library=library,
            server="UDP echo",
            proxy=proxy,
            options=options,
        )
        proxy.wait_idle()
    assert answer == "hello\n"


@HOSTS
@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_greenlets(
    kind: str, host: str, trial: Trial, echo: Echo, udp_echo: UdpEcho, options: Sequence[str]
) -> None:
    """gevent comes first: it puts a class of its own in the place of the one that we change."""
    server = {"TCP": echo, "UDP": udp_echo}[kind]
    with leading_to(server.address) as proxy:
        answer = trial(
            GREENLETS[kind],
            host,
            server.address[1],
            "hello",
            library="gevent",
            server=f"{kind} echo",
            proxy=proxy,
            options=options,
            under=("gevent.monkey", "--module"),
        )
        assert len(proxy.requests) == 2
        proxy.wait_idle()
    assert answer == "hello hello\n"


@HOSTS
@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_gevent_after_us_leaks_nothing(
    kind: str, host: str, tmp_path: Path, echo: Echo, udp_echo: UdpEcho
) -> None:
    """It may fail then."""
    server = {"TCP": echo, "UDP": udp_echo}[kind]
    with leading_to(server.address) as proxy:
        arguments = (host, server.address[1], "hello")
        verdict = run_traced(patched(GREENLETS[kind], *arguments, proxy=proxy.url), tmp_path)
        assert verdict.strangers({proxy.address, *relays(proxy)}) == []
        assert verdict.output == ("" if verdict.status else "hello hello\n")
        proxy.wait_idle()
