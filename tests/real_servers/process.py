"""Run a real server: start it on free ports, wait until it accepts, stop all of it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import family

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"
TRIES = 3
START_SECONDS = 10.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01
LOG_TAIL = 2000

# Given the ports: writes the configuration, returns the command.
Prepare = Callable[..., Sequence[str]]


class StartError(Exception):
    """A server did not start; the message ends with the tail of its log."""


class PortTaken(StartError):
    """Somebody else had the port."""


@dataclass(frozen=True)
class Server:
    """A running process, the addresses it accepts connections at, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    addresses: tuple[tuple[str, int], ...]
    log: Path

    @property
    def ports(self) -> tuple[int, ...]:
        """Its ports, in the order that `prepare` got them."""
        return tuple(dict.fromkeys(port for _, port in self.addresses))

    def stop(self) -> None:
        """End the process and everything it started, and reap it."""
        survivors = family.end(self.process.pid, STOP_SECONDS)
        if survivors:
            raise RuntimeError(f"{self.name}: still running after SIGKILL: {sorted(survivors)}")
        self.process.wait(STOP_SECONDS)

    def log_tail(self) -> str:
        """The end of what it has said so far."""
        return self.log.read_text("utf-8", "replace")[-LOG_TAIL:]

    def wait_until_accepting(self) -> None:
        """Return once every address accepts a connection, else raise StartError."""
        deadline = time.monotonic() + START_SECONDS
        pending = list(self.addresses)
        while pending:
            if self.process.poll() is not None:
                raise self._failure(f"ended with status {self.process.returncode}")
            if accepts(*pending[-1]):
                pending.pop()
                continue
            if time.monotonic() > deadline:
                raise self._failure(f"accepts nothing at {pending} after {START_SECONDS} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL_SECONDS)  # its end is noticed at once

    def _failure(self, what: str) -> StartError:
        tail = self.log_tail()
        kind = PortTaken if "already in use" in tail.lower() else StartError
        return kind(f"{self.name} {what}; its log ends:\n{tail}")


@contextlib.contextmanager
def running(
    name: str, folder: Path, prepare: Prepare, *, ports: int = 1, hosts: Sequence[str] = (LOOPBACK,)
) -> Iterator[Server]:
    """A server on free ports, the same numbers on every host; stopped at the end.

    Args:
        prepare: is called with as many free ports as asked for, and returns the command.
    """
    server = _start(name, folder, prepare, ports, hosts)
    try:
        yield server
    finally:
        server.stop()


def _start(name: str, folder: Path, prepare: Prepare, ports: int, hosts: Sequence[str]) -> Server:
    for tries_left in reversed(range(TRIES)):
        with reserved_ports(ports, hosts) as numbers:
            addresses = tuple((host, port) for port in numbers for host in hosts)
            server = _spawn(name, folder, prepare(*numbers), addresses)
            try:
                server.wait_until_accepting()
                return server
            except PortTaken:
                server.stop()
                if not tries_left:
                    raise
            except BaseException:
                server.stop()
                raise
    raise AssertionError("the last try returns or raises")


def _spawn(
    name: str, folder: Path, command: Sequence[str], addresses: tuple[tuple[str, int], ...]
) -> Server:
    log = folder / f"{name}.log"
    # C: PortTaken is read from the log. TMPDIR: danted keeps its shared memory there.
    environment = {**os.environ, "LC_ALL": "C", "TMPDIR": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,  # away from the terminal's Ctrl-C; names the family
        )
    return Server(name, process, addresses, log)


@contextlib.contextmanager
def reserved_ports(count: int, hosts: Sequence[str]) -> Iterator[list[int]]:
    """Free ports, held (bound, not listening) while the server starts.

    With SO_REUSEADDR on both sides Linux lets the server listen on a port that is
    merely bound, but gives it to nobody who asks for a free one; so whoever accepts
    is the server, and polling never connects to itself from that very port.
    """
    with contextlib.ExitStack() as stack:
        yield [_reserve(stack, hosts) for _ in range(count)]


def _reserve(stack: contextlib.ExitStack, hosts: Sequence[str]) -> int:
    for tries_left in reversed(range(TRIES)):
        with contextlib.ExitStack() as attempt:
            port = 0
            try:
                for host in hosts:
                    held = attempt.enter_context(socket.socket(_family(host)))
                    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    held.bind((host, port))
                    port = held.getsockname()[1]
            except OSError:  # free on the first host, taken on another
                if not tries_left:
                    raise
                continue
            stack.push(attempt.pop_all())
            return port
    raise AssertionError("the last try returns or raises")


def accepts(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket(_family(host)) as probe:
        probe.settimeout(1)
        connected = probe.connect_ex((host, port)) == 0
        # On loopback a free port may be picked as the source: connected to itself.
        return connected and probe.getsockname() != probe.getpeername()


def has_ipv6_loopback() -> bool:
    """Whether ::1 works here; containers often lack it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((LOOPBACK6, 0))
    except OSError:
        return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
