"""Debian's curl and socks5-curl side by side: what the comparison tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run_curl(
    *args: str, cwd: Path | None = None, stdin: IO[bytes] | None = None
) -> tuple[int, bytes]:
    """Debian's curl, in the folder `cwd`, which is its home, too."""
    environment = {"PATH": os.environ["PATH"], **({} if cwd is None else {"HOME": str(cwd)})}
    # -q: no ~/.curlrc.
    done = subprocess.run(
        ["curl", "-q", *args],
        capture_output=True,
        stdin=stdin,
        cwd=cwd,
        timeout=30,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout


def as_a_module(*args: str) -> tuple[int, bytes]:
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-W", "error", "-m", "socks5client.cli"]
    done = subprocess.run(
        [*command, *args], capture_output=True, timeout=30, env=environment, check=False
    )
    return done.returncode, done.stdout


def sent(request: bytes) -> bytes:
    """A request but for what names the program, and curl's wish to wait before an upload."""
    head, separator, body = request.partition(b"\r\n\r\n")
    lines = [
        b"User-Agent: *"
        if line.startswith((b"User-Agent: curl/", b"User-Agent: socks5-c"))
        else line
        for line in head.split(b"\r\n")
        if line != b"Expect: 100-continue"
    ]
    return b"\r\n".join(lines) + separator + body
