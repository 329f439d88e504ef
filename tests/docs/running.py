"""Runs a block of the documentation, and compares what came of it with what is expected."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import socks5client
from tests.docs.worlds import HERE, World, environment
from tests.real_servers import accepts, require
from tests.real_servers.packages import debian_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.docs.pages import Block

PROGRAMS = Path(__file__).with_name("programs")
SECONDS = 60
# What a user is about to run; in every folder where a block runs.
PROGRAM = """\
import urllib.request
print(urllib.request.urlopen("http://example.com/").read().decode())
"""


def command_of(language: str, code: str) -> Sequence[str]:
    if language == "python":
        return [sys.executable, "-c", code]
    return ["bash", "-e", "-o", "pipefail", "-c", code]


def run(block: Block, world: World, folder: Path) -> tuple[int, str]:
    """The exit status of a block and what it printed, errors among it."""
    language, code = block.language, block.text
    for hidden in ("python", "sh"):
        if hidden in block.check:
            language, code = hidden, block.check[hidden]
    if language == "sh":
        for binary in debian_packages():
            if re.search(rf"^ *(\S+=\S+ )*{re.escape(binary)} ", code, re.MULTILINE):
                require(binary)
    if not (folder / "program.py").exists():
        (folder / "program.py").write_text(PROGRAM)
    with started(block, world, folder, command_of(language, world.here(code))) as process:
        if block.check.get("serves"):
            return 0, ""
        with visitor(world, wanted="listen()" in code):
            given = world.here(block.check.get("input", ""))
            output, _ = process.communicate(given, timeout=SECONDS)
    return process.returncode, output


@contextmanager
def started(
    block: Block, world: World, folder: Path, command: Sequence[str]
) -> Iterator[subprocess.Popen[str]]:
    """The process; its whole group is ended, which one that serves does not do by itself."""
    variables = environment(world, PROGRAMS) | {
        name: world.here(str(value)) for name, value in block.check.get("environment", {}).items()
    }
    with subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            if block.check.get("serves"):
                until_there(process, world.places[HERE])
            yield process
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # as it should be


def until_there(process: subprocess.Popen[str], address: tuple[str, int]) -> None:
    """Returns once `process` serves at the address, and has connected to itself on demand."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if accepts(*address):
            proxy = "socks5h://{}:{}".format(*address)
            with socks5client.connect(("127.0.0.1", address[1]), proxy=proxy, timeout=10):
                return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"it does not serve: status {process.poll()}")


@contextmanager
def visitor(world: World, *, wanted: bool) -> Iterator[None]:
    """Someone who comes to the rendezvous that the next request asks for."""

    def visit() -> None:
        server = world.server
        assert server is not None
        server.wait_for(lambda server: server.requests and server.requests[-1].rendezvous, SECONDS)
        address = server.requests[-1].rendezvous
        assert address is not None
        with socket.create_connection(address) as sock:
            sock.sendall(b"here I am")

    if not wanted:
        yield
        return
    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def check(block: Block, world: World, folder: Path) -> None:
    """Runs a block; fails unless status, output and requests are as expected."""
    status, output = run(block, world, folder)
    shown, pattern = block.output, block.check.get("output")
    if block.language == "text":  # what it shows is the end of what hidden code prints
        shown = block.text
        output = "".join(output.splitlines(keepends=True)[-len(shown.splitlines()) :])
    else:
        assert status == block.check.get("status", 0), output
    if shown is not None:
        assert matches(world.here(shown), output), f"printed:\n{output}"
    if pattern is not None:
        assert re.search(world.here(pattern), output, re.MULTILINE), f"printed:\n{output}"
    if shown is None and pattern is None:
        assert output == ""
    if world.server is not None:
        seen = [
            f"{request.command} {request.host}:{request.port}" for request in world.server.requests
        ]
        least, _, most = str(block.check.get("requests", 1)).partition("-")
        assert int(least) <= len(seen) <= int(most or least), seen
        if "users" in block.check:
            users = [request.username for request in world.server.requests]
            assert sorted(name.decode() for name in users if name) == block.check["users"]


def matches(shown: str, output: str) -> bool:
    """Whether the output is as shown, where `...` stands for anything, lines among it."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None
