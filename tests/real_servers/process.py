"""Run a real server: start it on free ports, wait until it is there, stop all of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import family
from .probes import accepts, family_of

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"
TRIES = 3
START_SECONDS = 10.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01
LOG_TAIL = 2000

# What a server's log says when somebody else has the port: most of them; vsftpd; stund.
TAKEN = ("already in use", "could not bind listening", "for receiving udp is in use")

# Given the ports: writes the configuration, returns the command.
Prepare = Callable[..., Sequence[str]]

# Given host and port: whether the server is there.
Probe = Callable[[str, int], bool]


class StartError(Exception):
    """A server did not start; the message ends with the tail of its log."""


class PortTaken(StartError):
    """Somebody else had the port."""


@dataclass(frozen=True)
class Server:
    """A running process, the addresses it is asked at and by which probe, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    addresses: tuple[tuple[str, int], ...]
    log: Path
    answers: Probe

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

    def wait_until_answering(self) -> None:
        """Return once every address answers the probe, else raise StartError."""
        deadline = time.monotonic() + START_SECONDS
        pending = list(self.addresses)
        while pending:
            if self.process.poll() is not None:
                raise self._failure(f"ended with status {self.process.returncode}")
            if self.answers(*pending[-1]):
                pending.pop()
                continue
            if time.monotonic() > deadline:
                raise self._failure(f"does not answer at {pending} after {START_SECONDS} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL_SECONDS)  # its end is noticed at once

    def _failure(self, what: str) -> StartError:
        tail = self.log_tail()
        # in.tftpd says it to syslog alone; this is the status that it ends with.
        taken = self.process.returncode == os.EX_OSERR or any(say in tail.lower() for say in TAKEN)
        kind = PortTaken if taken else StartError
        return kind(f"{self.name} {what}; its log ends:\n{tail}")


@contextlib.contextmanager
def running(
    name: str,
    folder: Path,
    prepare: Prepare,
    *,
    ports: int = 1,
    hosts: Sequence[str] = (LOOPBACK,),
    kinds: Sequence[socket.SocketKind] = (socket.SOCK_STREAM,),
    answers: Probe = accepts,
    held: bool = True,
) -> Iterator[Server]:
    """A server on free ports, the same numbers on every host; stopped at the end.

    Args:
        prepare: is called with as many free ports as asked for, and returns the command.
        kinds: what the server binds the ports for, TCP or UDP or both.
        held: False for a server that binds without SO_REUSEADDR, and so may lose a race.
    """

    def start() -> Server:
        with contextlib.ExitStack() as holding:
            numbers = holding.enter_context(reserved_ports(ports, hosts, kinds))
            if not held:
                holding.close()
            addresses = tuple((host, port) for port in numbers for host in hosts)
            server = _spawn(name, folder, prepare(*numbers), addresses, answers)
            try:
                server.wait_until_answering()
            except BaseException:
                server.stop()
                raise
            return server

    server = _retried(start)
    try:
        yield server
    finally:
        server.stop()


def _retried(start: Callable[[], Server]) -> Server:
    for _ in range(TRIES - 1):
        with contextlib.suppress(PortTaken):
            return start()
    return start()


def _spawn(
    name: str,
    folder: Path,
    command: Sequence[str],
    addresses: tuple[tuple[str, int], ...],
    answers: Probe,
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
    return Server(name, process, addresses, log, answers)


@contextlib.contextmanager
def reserved_ports(
    count: int,
    hosts: Sequence[str],
    kinds: Sequence[socket.SocketKind] = (socket.SOCK_STREAM,),
) -> Iterator[list[int]]:
    """Free ports, held (bound, not listening) while the server starts.

    With SO_REUSEADDR on both sides Linux lets the server listen on a port that is
    merely bound, but gives it to nobody who asks for a free one; so whoever answers
    is the server, and polling never connects to itself from that very port.
    """
    with contextlib.ExitStack() as stack:
        yield [_reserve(stack, hosts, kinds) for _ in range(count)]


def _reserve(
    stack: contextlib.ExitStack, hosts: Sequence[str], kinds: Sequence[socket.SocketKind]
) -> int:
    for tries_left in reversed(range(TRIES)):
        with contextlib.ExitStack() as attempt:
            port = 0
            try:
                for host, kind in itertools.product(hosts, kinds):
                    held = attempt.enter_context(socket.socket(family_of(host), kind))
                    port = _hold(held, host, port)
            except OSError:  # free on the first host, taken on another
                if not tries_left:
                    raise
                continue
            stack.push(attempt.pop_all())
            return port
    raise AssertionError("the last try returns or raises")


def _hold(held: socket.socket, host: str, port: int) -> int:
    if held.type == socket.SOCK_STREAM:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
    else:  # UDP: only then, since two that ask with it for a free port may get the same one
        held.bind((host, port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.connect(held.getsockname())  # it takes nobody's datagrams but its own
    bound: int = held.getsockname()[1]
    return bound


def has_ipv6_loopback() -> bool:
    """Whether ::1 works here; containers often lack it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((LOOPBACK6, 0))
    except OSError:
        return False
    return True


def user_name() -> str:
    """The user that runs the tests.

    Not getpass.getuser(): that trusts LOGNAME and USER, which runuser leaves as they were.
    """
    return pwd.getpwuid(os.getuid()).pw_name
