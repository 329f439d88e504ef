"""socks5-curl as a process of its own, with pipes to it, and peers that follow a script."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "socks5client.cli", "-q")
URL = "tcp://origin.test:{}"


@contextmanager
def piped(*arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The command, all of whose ends are pipes unless said otherwise; killed in the end."""
    pipes = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **pipes,
    }
    with subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def run_piped(*arguments: str, data: bytes = b"", **pipes: Any) -> tuple[int, bytes, str]:
    """The command with `data` at stdin; its exit code, stdout and stderr."""
    with piped(*arguments, **pipes) as process:
        out, err = process.communicate(data if "stdin" not in pipes else None, PATIENCE)
    return process.returncode, out or b"", (err or b"").decode()


def converse(*arguments: str, data: bytes) -> bytes:
    """What comes back for `data` from an echo, with stdin open until all of it has."""
    with piped(*arguments) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writer = threading.Thread(target=_write, args=(process.stdin, data))
        writer.start()
        answer = process.stdout.read(len(data))
        writer.join(PATIENCE)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        return answer + process.stdout.read()


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(data)
    pipe.flush()


def read_to_end(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


class Peer:
    """Somebody who takes one connection and does what `script` says with it.

    A context manager; at its end the script has ended, and what it raised is raised here.
    """

    def __init__(self, script: Callable[[socket.socket], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self.url = URL.format(self.port)
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            sock, _ = self._listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                self._script(sock)
        except BaseException as error:
            self._errors.append(error)

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._thread.join(PATIENCE + 5)
        self._listener.close()
        assert not self._thread.is_alive()
        if kind is None and self._errors:
            raise self._errors[0]
