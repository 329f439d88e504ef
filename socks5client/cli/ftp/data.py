"""Data connections: the server's, passive; ours, active: at the proxy, by BIND."""

from __future__ import annotations

import re
import selectors
import socket
import time
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import SocksError
from ...protocol import Address, Command
from ...sync import Rendezvous, open_tunnel
from ...tunnel import Deadline
from ..associating import trace_of
from ..connecting import connect_beside
from ..exitcodes import Exit, Stage, TransferError
from ..sockets import maker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..transfer import Transfer
    from .control import Control

    class Meeting(Protocol):
        """Where the server connects to."""

        address: Any

        def accept(self, timeout: float | None = None) -> tuple[socket.socket, Any]: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...


_ACCEPT_PATIENCE = 60.0  # seconds, as curl's
_EPSV = re.compile(rb"\((.)\1\1(\d{1,6})\1\)")
_PASV = re.compile(rb"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")


class Data(Protocol):
    """A data connection to be."""

    def open(self, control: Control) -> socket.socket:
        """After the first reply to the transfer command. Raises TransferError, SocksError."""

    def close(self) -> None: ...


def prepare(control: Control) -> Data:
    """As the options want it: passive, or active (-P). Raises TransferError, SocksError."""
    return _passive(control) if control.transfer.options.ftp_port is None else _active(control)


class _Passive:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def open(self, control: Control) -> socket.socket:
        return protected(control, self._sock)

    def close(self) -> None:
        self._sock.close()


def _passive(control: Control) -> Data:
    """EPSV (RFC 2428), and PASV where the server does not know it, or cannot be reached so."""
    if control.transfer.options.ftp_epsv and control.epsv:
        reply = control.command("EPSV")
        if reply.code == 229:
            match = _EPSV.search(reply.text)
            if match is None or not 0 < int(match[2]) <= 0xFFFF:
                raise TransferError(
                    Exit.FTP_WEIRD_PASV, "the FTP server's reply to EPSV has no port"
                )
            try:
                return _Passive(_connect(control, int(match[2])))
            except (SocksError, ConnectionError):
                control.transfer.stage = Stage.WAIT
        control.epsv = False
    reply = control.command("PASV")
    if reply.code != 227:
        raise TransferError(
            Exit.FTP_WEIRD_PASV, f"the FTP server refuses passive mode: {reply.code}"
        )
    numbers = _numbers(reply.text)
    # As a rule it is an address that only the server's own network knows, or a trap.
    skipped = control.transfer.options.ftp_skip_pasv_ip
    host = None if skipped else ".".join(map(str, numbers[:4]))
    return _Passive(_connect(control, numbers[4] << 8 | numbers[5], host))


def _numbers(text: bytes) -> list[int]:
    match = _PASV.search(text)
    numbers = [] if match is None else [int(number) for number in match.groups()]
    if not numbers or max(numbers) > 255:
        raise TransferError(Exit.FTP_WEIRD_227, "the FTP server's reply to PASV has no address")
    return numbers


def _connect(control: Control, port: int, host: str | None = None) -> socket.socket:
    """To the host of the control connection, or to another one."""
    transfer = control.transfer
    with _times_kept(transfer):
        if host is not None:
            return transfer.connect(host, port)
        transfer.outcome.connections += 1
        return connect_beside(transfer, control.connection, port).sock


@contextmanager
def _times_kept(transfer: Transfer) -> Iterator[None]:
    """What -w says of the connection is about the control connection."""
    outcome, stage = transfer.outcome, transfer.stage
    before, ends = dict(outcome.times), (outcome.local, outcome.remote)
    transfer.stage = Stage.CONNECT
    try:
        yield
    finally:
        outcome.times.update(before)
        outcome.local, outcome.remote = ends
    transfer.stage = stage


class _Active:
    def __init__(self, meeting: Meeting) -> None:
        self._meeting = meeting

    def open(self, control: Control) -> socket.socket:
        try:
            sock = self._met(control)
        finally:
            self._meeting.close()
        return protected(control, sock)

    def close(self) -> None:
        self._meeting.close()

    def _met(self, control: Control) -> socket.socket:
        """The server has connected; or says on the control connection why it does not."""
        end = time.monotonic() + _ACCEPT_PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self._meeting, selectors.EVENT_READ)
            selector.register(control.sock, selectors.EVENT_READ)
            while True:
                left, here = control.transfer.deadline.left(), end - time.monotonic()
                if here <= 0:
                    raise TransferError(
                        Exit.FTP_ACCEPT_TIMEOUT,
                        f"the FTP server did not connect within {_ACCEPT_PATIENCE:g} seconds",
                    )
                ready = selector.select(
                    0 if control.has_early else here if left is None else min(here, left)
                )
                if any(key.fileobj is self._meeting for key, _ in ready):
                    try:
                        return self._meeting.accept(0)[0]
                    except BlockingIOError:
                        continue  # a part of the proxy's second reply
                if ready or control.has_early:
                    self._heed(control)
                    selector.unregister(control.sock)

    def _heed(self, control: Control) -> None:
        """The server speaks before the proxy says that it came: all is sent, or it failed."""
        reply = control.reply()
        if reply.code >= 400:
            control.pending = False
            raise TransferError(
                Exit.FTP_ACCEPT_FAILED, f"the FTP server cannot connect: {reply.code}"
            )
        control.push_back(reply)


def _active(control: Control) -> Data:
    """EPRT (RFC 2428), and PORT where the server does not know it."""
    options = control.transfer.options
    meeting = _meeting(control)
    try:
        host, port = _told(str(options.ftp_port), meeting.address)
        family = ip_address(host).version
        if options.ftp_eprt and control.eprt:
            argument = f"|{1 if family == 4 else 2}|{host}|{port}|"
            if control.command("EPRT", argument.encode()).good:
                return _Active(meeting)
            control.eprt = False
        if family == 4:
            argument = ",".join([*host.split("."), str(port >> 8), str(port & 0xFF)])
            if control.command("PORT", argument.encode()).good:
                return _Active(meeting)
        raise TransferError(Exit.FTP_PORT_FAILED, "the FTP server refuses to connect to us")
    except BaseException:
        meeting.close()
        raise


def _meeting(control: Control) -> Meeting:
    transfer, chain = control.transfer, control.connection.chain
    if chain is None:
        return _Listening(control.connection.local[0])
    with _times_kept(transfer):
        tunnel = open_tunnel(
            chain,
            Address(control.connection.host, 0),  # FTP servers come from any port
            Deadline.after(transfer.deadline.connecting()),
            command=Command.BIND,
            make=maker(transfer.options, lambda sock: None),
            trace=trace_of(transfer),
        )
        transfer.outcome.connections += 1
        return Rendezvous(chain, tunnel)


class _Listening:
    """For a server that is reached directly: a listening socket, on the same interface."""

    def __init__(self, host: str) -> None:
        self._sock = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        self.address = self._sock.getsockname()

    def accept(self, timeout: float | None = None) -> tuple[socket.socket, Any]:
        self._sock.settimeout(timeout)
        return self._sock.accept()

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()


def _told(wanted: str, address: Any) -> tuple[str, int]:
    """What the server is told: where the meeting is, or what -P says instead of its host."""
    host = str(address[0]) if wanted == "-" else wanted
    try:
        return str(ip_address(host.partition("%")[0])), int(address[1])
    except ValueError:
        raise TransferError(
            Exit.FTP_PORT_FAILED, "the proxy names the host where it listens; FTP needs an address"
        ) from None


def protected(control: Control, sock: socket.socket) -> socket.socket:
    """`sock`, with TLS where PROT P is agreed; in the session of the control connection.

    Many servers insist on that: only who logged in can have it. Raises OSError.
    """
    if not control.private:
        return sock
    assert control.context is not None
    transfer = control.transfer
    stage, transfer.stage = transfer.stage, Stage.TLS
    sock.settimeout(transfer.deadline.connecting())
    try:
        session = getattr(control.sock, "session", None)
        tls = control.context.wrap_socket(sock, server_hostname=control.host, session=session)
    except TimeoutError:
        sock.close()
        raise control.too_late() from None
    except BaseException:
        sock.close()
        raise
    transfer.stage = stage
    return tls
