"""What the kernel saw of a program run under patch(): whom it spoke to, by strace.

A program of `programs/` knows nothing of socks5client. It is run as a user would run it, by
`python -m socks5client`, and every address that it aimed a connect, sendto, sendmsg or sendmmsg at
is compared with those it may speak to, whatever came of the call.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.real_servers import family, require

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tests.server_fixture import Server

    Address = tuple[str, int]

PROGRAMS = Path(__file__).with_name("programs")
SECONDS = 60.0
STOP_SECONDS = 5.0
NAME_SERVICE = 53

AIMED = {"connect", "sendto", "sendmsg", "sendmmsg"}
CALL = re.compile(r"(\d+) +(\w+)\((.*)")
RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
UNFINISHED = " <unfinished ...>"
# A payload cannot look like it: strace escapes the quotes in one.
ADDRESS = re.compile(
    r"sin6?_port=htons\((\d+)\), "
    r'(?:sin_addr=inet_addr\(|sin6_flowinfo=htonl\(\d+\), inet_pton\(AF_INET6, )"([^"]*)"'
)
NOT_OTHERS = {"127.0.0.1", "::1", "0.0.0.0", "::"}
"""Where what listens at an address is the program itself, if it has bound the port."""
RESOLVERS = re.compile(r'sun_path="[^"]*(?:systemd/resolve|avahi-daemon)')
"""Services that look names up for others; nscd does not tell, it knows users as well."""


@dataclass(frozen=True)
class Verdict:
    """How a program ended, and the calls by which it might have sent something.

    `status` is what it exited with, `errors` what it wrote to stderr; `trace` has the lines of
    strace, those in two parts joined, each with the id of its thread in front.
    """

    status: int
    output: str
    errors: str
    trace: tuple[str, ...]

    @property
    def destinations(self) -> set[Address]:
        """Every INET or INET6 address that a call was aimed at."""
        return {address for _, address in aims(self.trace)}

    def strangers(self, allowed: Collection[Address]) -> list[str]:
        """The lines of calls aimed at others than `allowed` and the program itself.

        Port 53 is never the program's own, and a service that looks names up is a stranger.
        """
        # As an IPv6 socket has the addresses of IPv4.
        allowed = {*allowed, *((f"::ffff:{host}", port) for host, port in allowed)}
        own = own_addresses(self.trace)
        aimed = [
            line
            for line, address in aims(self.trace)
            if address not in allowed and (address not in own or address[1] == NAME_SERVICE)
        ]
        return aimed + [line for line in self.trace if RESOLVERS.search(line)]

    def check(self, proxy: Address, relays: Collection[Address] = ()) -> None:
        """Fail, with the lines that tell why, unless the program spoke to the proxy alone.

        Args:
            proxy: where the proxy listens. A program that never came there proves nothing.
            relays: the addresses of the proxy's UDP relays, see `relays`.
        """
        strangers = self.strangers({proxy, *relays})
        if strangers:
            raise AssertionError("past the proxy:\n" + "\n".join(strangers))
        if proxy not in self.destinations:
            raise AssertionError("never at the proxy:\n" + "\n".join(self.trace))


def relays(server: Server) -> set[Address]:
    """Where the reference server relayed datagrams for its clients."""
    return {exchange.relay for exchange in server.exchanges if exchange.relay is not None}


def asked(server: Server) -> set[Address]:
    """What clients asked of the reference server: destinations of requests and of datagrams."""
    requests = {(exchange.host or "", exchange.port or 0) for exchange in server.requests}
    return requests | {
        (datagram.host, datagram.port)
        for exchange in server.exchanges
        for datagram in exchange.datagrams_up
    }


def run_patched(
    program: str,
    *args: object,
    proxy: str,
    options: Sequence[str] = (),
    under: Sequence[str] = (),
    folder: Path,
) -> Verdict:
    """Run a program of `programs/` by `python -m socks5client`; fail unless it succeeds.

    Args:
        program: its name, without the suffix.
        args: what it takes; anything with a str.
        proxy: the proxy's URL.
        options: those of `python -m socks5client`, besides --proxy.
        under: a module that runs another, with its options: `python -m UNDER socks5client`.
        folder: where the trace is written, as `strace`.
    """
    verdict = run_traced(patched(program, *args, proxy=proxy, options=options, under=under), folder)
    if verdict.status != 0:
        places = sorted(verdict.destinations)
        raise AssertionError(f"status {verdict.status}, spoke to {places}:\n{verdict.errors}")
    return verdict


def patched(
    program: str,
    *args: object,
    proxy: str,
    options: Sequence[str] = (),
    under: Sequence[str] = (),
) -> list[str]:
    """The arguments for `python` by which `run_patched` runs a program."""
    start = ["-m", *under, "socks5client", "--proxy", proxy, *options]
    return [*start, str(PROGRAMS / f"{program}.py"), *map(str, args)]


def run_traced(arguments: Sequence[str], folder: Path) -> Verdict:
    """Run `python ARGUMENTS`, for at most a minute, whatever comes of it."""
    log = folder / "strace"
    tracer = [require("strace"), "-f", "-qq", "-e", "trace=network", "-o", str(log)]
    with subprocess.Popen(
        [*tracer, sys.executable, "-W", "default", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # names the family
    ) as process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            # Both: without strace the program would go on, and keep the pipes open.
            family.end(process.pid, STOP_SECONDS)
            _, errors = process.communicate(timeout=STOP_SECONDS)
            raise AssertionError(f"not done after {SECONDS} s:\n{errors}") from None
        except BaseException:
            family.end(process.pid, STOP_SECONDS)
            raise
    trace = joined(log.read_text("utf-8").splitlines())
    return Verdict(process.returncode, output, errors, tuple(trace))


def joined(lines: Iterable[str]) -> Iterator[str]:
    """The lines of `strace -f -o`, with calls whole where another thread came in between."""
    begun: dict[str, str] = {}
    for line in lines:
        if line.endswith(UNFINISHED):
            begun[line.partition(" ")[0]] = line.removesuffix(UNFINISHED)
        elif resumed := RESUMED.match(line):
            thread, rest = resumed.groups()
            yield begun.pop(thread, f"{thread} ") + rest
        else:
            yield line
    yield from begun.values()  # the thread ended in the call


def aims(trace: Iterable[str]) -> Iterator[tuple[str, Address]]:
    """Each address that a call was aimed at, and the call."""
    for line in trace:
        call = CALL.match(line)
        if call and call[2] in AIMED:
            for port, host in ADDRESS.findall(line):
                yield line, (host, int(port))


def own_addresses(trace: Iterable[str]) -> set[Address]:
    """The addresses on loopback that the program itself has bound, and so listens at."""
    bound: set[str] = set()  # the numbers of files
    own: set[Address] = set()
    for line in trace:
        call = CALL.match(line)
        if call is None:
            continue
        name, (file, _, rest) = call[2], call[3].partition(",")
        if name == "socket":
            bound.discard(rest.rpartition("= ")[2])
        elif name == "bind" and rest.endswith("= 0"):
            bound.add(file)
        if name in ("bind", "getsockname") and file in bound:
            for port, host in ADDRESS.findall(rest):
                if host in NOT_OTHERS and port != "0":
                    own |= {(loopback, int(port)) for loopback in ("127.0.0.1", "::1")}
    return own
