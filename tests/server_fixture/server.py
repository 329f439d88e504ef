"""The server: listeners, one background thread with an event loop, and the log."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from . import auth, wire
from .destination import Directory, Name, Route, SocketAddress
from .faults import Fault, Plan
from .gssapi import LEVELS, GssSettings
from .log import Exchange, Log
from .session import Session, Settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from .gss_faults import GssFault
    from .relay_faults import RelayFault

T = TypeVar("T")

RFC_1928 = (wire.CONNECT, wire.BIND, wire.UDP_ASSOCIATE)
TOR = (wire.RESOLVE, wire.RESOLVE_PTR)

BACKLOG = 1024
STOP_TIMEOUT = 30.0


class Server:
    """A SOCKS5 server for tests, running while its `with` block does.

    users: None, and only method 00 is accepted; name -> password, and only 02 is. `methods` says
    otherwise: the methods accepted, in the server's order of preference (02 without users accepts
    any credentials).
    names, routes, resolve: where names and addresses lead, see `Directory`.
    faults: see `faults` and `catalogue`.
    host None: no TCP listener; unix_path: listen on a unix socket (as well).
    ssl_context: TLS on every listener.
    bound: (host, port) for BND.ADDR and BND.PORT in place of the true ones; a name, or "". A port
    of None is the true one. BIND's second reply always says who came.
    commands: those of RFC 1928 that are supported, all by default; the others are refused with
    REP 7. tor: Tor's RESOLVE and RESOLVE_PTR besides.
    bind_timeout: seconds that BIND waits for its peer. check_peer: only whom DST.ADDR stands for
    may come.
    fragments: whether UDP datagrams with FRAG != 0 are reassembled, or dropped.
    udp_fragment_size: datagrams for the client with a larger payload are sent as fragments.
    idle_timeout: seconds without a datagram after which a UDP association is closed.
    relay_faults: what happens to datagrams for the client, see `relay_faults`.
    gss_levels: RFC 1961's protection levels that are accepted; another one is answered by the
    first of them. gss_answer: the answer, whatever the client wants. gss_nec: the level goes as a
    bare octet. gss_keytab: None is KRB5_KTNAME's. gss_faults: what happens to encapsulated
    messages, see `gss_faults`. The method itself is enabled by `methods`, its number 1.
    observer: called in the server's thread with each exchange whose reply has been sent.
    """

    def __init__(
        self,
        host: str | None = "127.0.0.1",
        port: int = 0,
        *,
        users: Mapping[str, str] | None = None,
        names: Mapping[str, Name] | None = None,
        routes: Mapping[SocketAddress, Route] | None = None,
        resolve: bool = False,
        faults: Iterable[Fault] = (),
        unix_path: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        bound: tuple[str, int | None] | None = None,
        methods: Iterable[int] | None = None,
        connect_timeout: float = 10.0,
        observer: Callable[[Exchange], None] | None = None,
        commands: Iterable[int] | None = None,
        tor: bool = False,
        bind_timeout: float = 30.0,
        check_peer: bool = False,
        fragments: bool = True,
        udp_fragment_size: int | None = None,
        idle_timeout: float | None = None,
        relay_faults: Iterable[RelayFault] = (),
        gss_levels: Iterable[int] = LEVELS,
        gss_answer: int | None = None,
        gss_nec: bool = False,
        gss_keytab: str | os.PathLike[str] | None = None,
        gss_faults: Iterable[GssFault] = (),
    ) -> None:
        if host is None and unix_path is None:
            raise ValueError("neither host nor unix_path: nowhere to listen")
        if methods is None:
            methods = (wire.NO_AUTHENTICATION if users is None else wire.USERNAME_PASSWORD,)
        methods = tuple(methods)
        if unknown := set(methods) - set(auth.HANDLERS):
            raise ValueError(f"methods not implemented: {sorted(unknown)}")
        supported = RFC_1928 if commands is None else tuple(commands)
        if unknown := set(supported) - set(RFC_1928):
            raise ValueError(f"commands not implemented: {sorted(unknown)}")
        if udp_fragment_size is not None and udp_fragment_size < 1:
            raise ValueError(f"udp_fragment_size {udp_fragment_size}: not positive")
        self._wanted = (host, port)
        self._unix_path = None if unix_path is None else os.fspath(unix_path)
        self._settings = Settings(
            users=None if users is None else dict(users),
            methods=methods,
            directory=Directory.of(names, routes, resolve),
            bound=bound,
            ssl_context=ssl_context,
            connect_timeout=connect_timeout,
            observer=observer,
            commands=supported + TOR if tor else supported,
            bind_timeout=bind_timeout,
            check_peer=check_peer,
            fragments=fragments,
            udp_fragment_size=udp_fragment_size,
            idle_timeout=idle_timeout,
            relay_faults=tuple(relay_faults),
            gss=GssSettings(tuple(gss_levels), gss_answer, gss_nec, gss_keytab, tuple(gss_faults)),
        )
        self._plan = Plan(faults)
        self._log = Log()
        self._thread: threading.Thread | None = None
        self._listeners: list[socket.socket] = []
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._defects: list[BaseException] = []
        self._address: SocketAddress | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    # What tests read.

    @property
    def address(self) -> SocketAddress:
        """(host, port) of the TCP listener."""
        if self._address is None:
            raise RuntimeError("the server does not listen on TCP, or has not been started")
        return self._address

    @property
    def host(self) -> str:
        return self.address[0]

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def url(self) -> str:
        """The server as a client takes it; names are resolved by the server."""
        return self.url_as()

    def url_as(self, scheme: str = "socks5h", user_info: str = "") -> str:
        """The same with another scheme, or with credentials: "user:password@"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user_info}{host}:{self.port}"

    @property
    def unix_path(self) -> str | None:
        return self._unix_path

    @property
    def exchanges(self) -> list[Exchange]:
        """One for each connection, in order of accept."""
        return list(self._log.exchanges)

    @property
    def requests(self) -> list[Exchange]:
        """The exchanges that got as far as a request."""
        return [exchange for exchange in self._log.exchanges if exchange.command is not None]

    def wait_for(self, predicate: Callable[[Server], T], timeout: float = 5) -> T:
        """Block until `predicate(server)` is true, looked at after each change of the log."""
        return self._log.wait_for(lambda: predicate(self), timeout, "condition")

    def wait_idle(self, timeout: float = 5) -> None:
        """Block until every accepted connection has been closed and its handler has ended.

        A client's FIN ends one direction only: the destination has to close as well.
        """
        self._log.wait_idle(timeout)

    def hang_up(self, exchange: Exchange, how: Literal["close", "reset"] = "close") -> None:
        """End the client's connection by FIN or RST, whatever it is used for; done on return.

        Not for the observer: it would wait for its own thread.
        """
        if not exchange.closed:
            asyncio.run_coroutine_threadsafe(self._hang_up(exchange, how), self._loop).result(
                STOP_TIMEOUT
            )

    # Start and stop.

    def __enter__(self) -> Self:
        try:
            self._listen()
            started = threading.Event()
            self._thread = threading.Thread(
                target=self._run_thread, args=(started,), name="socks5-server", daemon=True
            )
            self._thread.start()
            started.wait()
            if self._defects:
                raise RuntimeError("the server's thread does not start") from self._defects[0]
        except BaseException:
            self._close_listeners()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            raise RuntimeError("the server's thread does not end")
        if self._defects and exc is None:
            raise RuntimeError("the server itself failed") from self._defects[0]

    def _listen(self) -> None:
        host, port = self._wanted
        if host is not None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
            self._listeners.append(listener)
            self._address = listener.getsockname()[:2]
        if self._unix_path is not None:
            listener = socket.socket(socket.AF_UNIX)
            self._listeners.append(listener)
            listener.bind(self._unix_path)
            listener.listen(BACKLOG)
        for listener in self._listeners:
            listener.setblocking(False)

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            unix = listener.family == socket.AF_UNIX and listener.getsockname()
            listener.close()
            if unix:
                os.unlink(unix)
        self._listeners.clear()

    # In the server's thread.

    def _run_thread(self, started: threading.Event) -> None:
        try:
            asyncio.run(self._main(started))
        except BaseException as exc:
            self._defects.append(exc)
        finally:
            started.set()

    async def _main(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._note_defect)
        self._stop = asyncio.Event()
        for listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)
        started.set()
        await self._stop.wait()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
        self._close_listeners()
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        # Not sock_accept(): cancelled at the end, it may drop a connection it has accepted.
        try:
            sock, peer = listener.accept()
        except OSError:  # a client that is gone already; with EMFILE it is tried again
            return
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            # asyncio sets it only where it knows the protocol; Nagle's algorithm joins "split".
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        exchange = self._log.open(peer[:2] if isinstance(peer, tuple) else None)
        session = Session(sock, exchange, self._settings, self._plan, self._log)
        task = self._loop.create_task(session.run())
        self._sessions[task] = session
        task.add_done_callback(partial(self._session_done, sock))

    async def _hang_up(self, exchange: Exchange, how: Literal["close", "reset"]) -> None:
        for task, session in list(self._sessions.items()):
            if session.exchange is exchange and not await session.hang_up(how):
                task.cancel()
                await asyncio.wait([task])

    def _session_done(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        sock.close()  # a session that was cancelled before its first step has not
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._defects.append(exc)
        self._log.close(self._sessions.pop(task).exchange)

    def _note_defect(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would print: a bug here, so `__exit__` raises it. Lost peers are none."""
        exc = context.get("exception") or RuntimeError(context.get("message"))
        if not isinstance(exc, OSError):
            self._defects.append(exc)
