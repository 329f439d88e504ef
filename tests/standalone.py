"""The reference server in a process of its own, and a proxy that follows a script."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def standalone(*arguments: str) -> Iterator[str]:
    """`python -m tests.server_fixture` on a free port; yields its URL."""
    command = [sys.executable, "-m", "tests.server_fixture", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            place = process.stdout.readline().removeprefix("listening on ").strip()
            yield f"socks5h://{place}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def run_example(name: str, url: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`python -m examples.NAME --proxy URL ARGUMENTS`, whose warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", f"examples.{name}", "--proxy", url, *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        check=False,
        timeout=60,
    )


@contextmanager
def scripted(turns: Sequence[tuple[bytes, bytes]]) -> Iterator[str]:
    """A proxy that reads what each turn says, sends its answer, and closes; yields its URL."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            for expected, answer in turns:
                received = b""
                while len(received) < len(expected):
                    received += connection.recv(len(expected) - len(received))
                seen.append(received)
                connection.sendall(answer)

    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "socks5h://127.0.0.1:{1}".format(*listener.getsockname())
        finally:
            thread.join(10)
    assert seen == [expected for expected, _ in turns]
