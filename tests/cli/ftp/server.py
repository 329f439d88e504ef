"""An FTP server in memory, whose replies a test may put in place of the usual ones."""

from __future__ import annotations

import contextlib
import posixpath
import re
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

RESET = b"<reset>"  # as a reply: the connection breaks
HANG = b"<hang>"  # as a reply: none, until the test ends

_DATA = frozenset({"LIST", "NLST", "RETR", "STOR", "APPE"})
_WAIT = 10.0


class FtpServer:
    """Serves `files` (absolute path -> content) and keeps what it is told.

    `answers`: the reply, its line end included, to a command by its word ("SIZE") or as a whole
    ("SIZE f"); of the welcome, by "". Several replies are given in turn where the value is a
    tuple; the last one stays. `ssl_context` for AUTH, or with `implicit` from the first byte on.
    `cut`: a transfer ends after so many bytes, and the server says all is well; `pause_after`: it
    stops until the test ends. `drip`: seconds between the bytes of scripted replies.
    `files_a_session`: after so many transfers it hangs up.
    `commands` are the lines received, `stored` what was uploaded, `sessions` how many there were.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        answers: Mapping[str, bytes | tuple[bytes, ...]] | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        implicit: bool = False,
        home: str = "/home",
        cut: int | None = None,
        pause_after: int | None = None,
        drip: float = 0,
        files_a_session: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.files = dict(files or {})
        self.folders = {home, "/"}
        for name in self.files:
            while (name := posixpath.dirname(name)) != "/":
                self.folders.add(name)
        self.answers = {
            key: list(value) if isinstance(value, tuple) else [value]
            for key, value in (answers or {}).items()
        }
        self.scripted = {reply for replies in self.answers.values() for reply in replies}
        self.ssl_context = ssl_context
        self.implicit = implicit
        self.home = home
        self.cut = cut
        self.pause_after = pause_after
        self.drip = drip
        self.files_a_session = files_a_session
        self.commands: list[str] = []
        self.data_tls: list[tuple[bool, bool]] = []  # of each data connection: TLS, session reused
        self.sessions = 0
        self._stop = threading.Event()
        self._listener = listening(host)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._open: set[socket.socket] = set()

    @property
    def words(self) -> list[str]:
        """The commands without their arguments."""
        return [command.partition(" ")[0] for command in self.commands]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_WAIT)
            assert not thread.is_alive(), "a session of the FTP server does not end"
        self._listener.close()

    def wait_until_idle(self) -> None:
        """Until the sessions have ended: what they were sent has all been read."""
        for thread in self._threads[1:]:
            thread.join(_WAIT)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.sessions += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(sock)
            thread = threading.Thread(target=self._converse, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, sock: socket.socket) -> None:
        session = _Session(self, sock)
        try:
            session.run()
        except OSError:
            pass
        finally:
            session.close()
            self._open.discard(sock)

    def answer(self, command: str) -> bytes | None:
        """What the test wants to be replied."""
        for key in (command, command.partition(" ")[0]):
            replies = self.answers.get(key)
            if replies:
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return None

    def hang(self) -> None:
        self._stop.wait(60)

    def wait(self, seconds: float) -> None:
        self._stop.wait(seconds)


def listening(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family)


class _Session:
    def __init__(self, server: FtpServer, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.data: socket.socket | None = None
        self.passive: socket.socket | None = None
        self.active: tuple[str, int] | None = None
        self.where = server.home
        self.rest = 0
        self.private = False
        self.ended = False
        self.transfers = 0

    def run(self) -> None:
        if self.server.implicit:
            self._start_tls()
        welcome = self.server.answer("")
        self._say(b"220 ready\r\n" if welcome is None else welcome)
        while not self.ended:
            line = self._line()
            if not line:
                return
            command = line.decode("latin-1").rstrip("\r\n")
            self.server.commands.append(command)
            word, _, argument = command.partition(" ")
            scripted = self.server.answer(command)
            if scripted is not None:
                self._say(scripted)
                if word == "AUTH" and scripted.startswith(b"234"):
                    self._start_tls()
                if not scripted.startswith(b"1"):
                    continue
            if word in _DATA:
                self._transfer(word, argument, said=scripted is not None)
                continue
            handle = getattr(self, f"_{word.lower()}", None)
            self._say(b"502 no\r\n" if handle is None else handle(argument))
            if word == "AUTH" and self.server.ssl_context is not None:
                self._start_tls()
            self.ended = self.ended or word == "QUIT"

    def close(self) -> None:
        for sock in (self.sock, self.data, self.passive):
            if sock is not None:
                sock.close()

    def _say(self, reply: bytes) -> None:
        if reply == RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.ended = True
        elif reply == HANG:
            self.server.hang()
            self.ended = True
        elif not reply:
            self.ended = True
        elif self.server.drip and reply in self.server.scripted:
            for byte in reply:
                self.sock.sendall(bytes([byte]))
                self.server.wait(self.server.drip)
        else:
            self.sock.sendall(reply)

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = self.sock.recv(1)
            if not byte:
                return b""
            line += byte
        return line

    def _start_tls(self) -> None:
        assert self.server.ssl_context is not None
        plain = self.sock
        self.sock = self.server.ssl_context.wrap_socket(plain, server_side=True)
        self.server._open.add(self.sock)

    def _path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.where, name)).replace("//", "/")

    # The commands

    def _user(self, name: str) -> bytes:
        return b"331 password\r\n"

    def _pass(self, password: str) -> bytes:
        return b"230 in\r\n"

    def _acct(self, account: str) -> bytes:
        return b"230 in\r\n"

    def _auth(self, mechanism: str) -> bytes:
        return b"502 no\r\n" if self.server.ssl_context is None else b"234 go on\r\n"

    def _pbsz(self, size: str) -> bytes:
        return b"200 ok\r\n"

    def _prot(self, level: str) -> bytes:
        self.private = level == "P"
        return b"200 ok\r\n"

    def _pwd(self, _: str) -> bytes:
        return b'257 "%s" is here\r\n' % self.where.replace('"', '""').encode("latin-1")

    def _noop(self, _: str) -> bytes:
        return b"200 ok\r\n"

    def _quit(self, _: str) -> bytes:
        return b"221 bye\r\n"

    def _type(self, _: str) -> bytes:
        return b"200 ok\r\n"

    def _cwd(self, name: str) -> bytes:
        path = self._path(name)
        if path not in self.server.folders:
            return b"550 no such folder\r\n"
        self.where = path
        return b"250 ok\r\n"

    def _mkd(self, name: str) -> bytes:
        self.server.folders.add(self._path(name))
        return b"257 made\r\n"

    def _dele(self, name: str) -> bytes:
        gone = self.server.files.pop(self._path(name), None)
        return b"550 no\r\n" if gone is None else b"250 ok\r\n"

    def _size(self, name: str) -> bytes:
        content = self.server.files.get(self._path(name))
        return b"550 no such file\r\n" if content is None else b"213 %d\r\n" % len(content)

    def _mdtm(self, name: str) -> bytes:
        known = self._path(name) in self.server.files
        return b"213 20200102030405\r\n" if known else b"550 no such file\r\n"

    def _rest(self, offset: str) -> bytes:
        self.rest = int(offset)
        return b"350 from there\r\n"

    def _epsv(self, _: str) -> bytes:
        return b"229 ok (|||%d|)\r\n" % self._listen()

    def _pasv(self, _: str) -> bytes:
        port = self._listen()
        host = self.server.host.replace(".", ",").encode()
        return b"227 ok (%s,%d,%d)\r\n" % (host, port >> 8, port & 255)

    def _eprt(self, argument: str) -> bytes:
        _, _, host, port, _ = argument.split("|")
        self.active = host, int(port)
        return b"200 ok\r\n"

    def _port(self, argument: str) -> bytes:
        assert re.fullmatch(r"\d+(,\d+){5}", argument)
        numbers = argument.split(",")
        self.active = ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
        return b"200 ok\r\n"

    def _listen(self) -> int:
        if self.passive is not None:
            self.passive.close()
        self.passive = listening(self.server.host)
        self.passive.settimeout(_WAIT)
        port: int = self.passive.getsockname()[1]
        return port

    # The data

    def _transfer(self, word: str, argument: str, *, said: bool) -> None:
        path, rest = self._path(argument), self.rest
        self.rest = 0
        if word == "RETR" and path not in self.server.files:
            self._say(b"550 no such file\r\n")
            return
        if not said:
            self._say(b"150 here it comes\r\n")
        instead = self.server.answer("data")
        if instead is not None:
            self._say(instead)
            return
        with self._data_connection() as data:
            if word in ("STOR", "APPE"):
                before = self.server.files.get(path, b"") if word == "APPE" or rest else b""
                sent = _read_all(data) if self.server.cut is None else data.recv(self.server.cut)
                self.server.files[path] = before[: rest or None] + sent
            else:
                content = self._content(word, path, rest)
                data.sendall(content[: self.server.cut or self.server.pause_after])
                if self.server.pause_after is not None:
                    self.server.hang()
            if isinstance(data, type(self.sock)) and hasattr(data, "unwrap"):
                with contextlib.suppress(OSError):
                    data.unwrap()
        done = self.server.answer("done")
        self._say(b"226 done\r\n" if done is None else done)
        self.transfers += 1
        self.ended = self.ended or self.transfers == self.server.files_a_session

    def _content(self, word: str, path: str, rest: int) -> bytes:
        if word == "RETR":
            return self.server.files[path][rest:]
        names = sorted(n for n in self.server.files if posixpath.dirname(n) == path)
        lines = [posixpath.basename(name) for name in names]
        if word == "LIST":
            lines = [f"-rw-r--r-- 1 ftp ftp 0 Jan  1 2020 {line}" for line in lines]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")

    def _data_connection(self) -> socket.socket:
        if self.active is not None:
            data = socket.create_connection(self.active, _WAIT)
            self.active = None
        else:
            assert self.passive is not None, "no data connection was asked for"
            data, _ = self.passive.accept()
            self.passive.close()
            self.passive = None
        data.settimeout(_WAIT)
        if self.private:
            assert self.server.ssl_context is not None
            tls = self.server.ssl_context.wrap_socket(data, server_side=True)
            self.server.data_tls.append((True, bool(tls.session_reused)))
            return tls
        self.server.data_tls.append((False, False))
        return data


def _read_all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
