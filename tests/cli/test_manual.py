"""The manual, the man page, the completions and the page of options say what the table says."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.exitcodes import Exit
from socks5client.cli.manual import completion, man_page, manual_text
from socks5client.cli.manual.__main__ import made
from socks5client.cli.manual.exits import EXITS
from socks5client.cli.options.help import ACROSS, CATEGORIES, help_text, options_of
from socks5client.cli.options.table import TABLE
from socks5client.cli.options.unsupported import UNSUPPORTED
from tests.real_servers import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Result

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", made())
def test_the_files_are_fresh(name: str) -> None:
    """Else: python -m socks5client.cli.manual"""
    assert (ROOT / name).read_text("utf-8") == made()[name]


def test_every_exit_code_is_explained() -> None:
    assert EXITS.keys() == set(Exit)
    assert all(text.endswith(".") for text in EXITS.values())


@pytest.mark.parametrize("width", [20, 80, 200])
def test_the_manual_has_everything_within_the_width(width: int) -> None:
    text = manual_text(width)
    for option in TABLE:
        assert f"--{option.long} {option.argument}".rstrip() in text
    for name in UNSUPPORTED:
        assert f"--{name}" in text
    for code in Exit:
        assert re.search(rf"^ +{int(code)}$", text, re.MULTILINE)
    long = [line for line in text.splitlines() if len(line) > max(40, min(width, 100))]
    assert all(not line.startswith(" " * 12) or "socks5-curl" in line for line in long), long


def test_the_commands_print_them(bare: Callable[..., Result]) -> None:
    assert bare("--manual").out.decode() == manual_text() + "\n"
    for shell in ("bash", "zsh", "fish"):
        assert bare("--completion", shell).out.decode().rstrip() == completion(shell).rstrip()


def test_help_has_the_usual_all_and_each_category(bare: Callable[..., Result]) -> None:
    for category in ("", "all", "category", *CATEGORIES):
        code, out, err = bare("--help", *([category] if category else []))
        assert (code, err) == (0, "")
        assert out.decode() == help_text(category) + "\n"
        assert out.startswith(b"Usage: socks5-curl [options...] URL...\n")
    for option in TABLE:
        assert re.search(rf"^ +(-., )?--{re.escape(option.long)}\b", help_text("all"), re.MULTILINE)
        assert any(option in options_of(category) for category in CATEGORIES)
        assert (f"--{option.long}" in help_text("").split()) >= option.usual
    assert "There is no such category" in help_text("frob")
    assert help_text("ALL") == help_text("all")


def test_categories_that_cut_across_are_curls() -> None:
    for category, (_, names) in ACROSS.items():
        command = [require("curl"), "--help", category]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        theirs = set(re.findall(r"--(\S+)", shown.stdout)) & {option.long for option in TABLE}
        assert theirs <= set(names)


def test_help_is_wrapped() -> None:
    for width in (30, 60, 100):
        lines = help_text("all", width).splitlines()
        # The name of an option has no spaces to wrap it at.
        assert all(len(line) <= max(width, 57) for line in lines if not line.startswith(" -"))


@pytest.mark.parametrize("command", [["groff", "-man", "-Tutf8", "-ww"], ["mandoc", "-Tutf8"]])
def test_the_man_page_is_clean(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "socks5-curl.1"
    file.write_text(man_page())
    words = [require(command[0]), *command[1:], str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
    text = re.sub(r"[-\u2010\u2011]\n *", "", text)
    for name in ("SYNOPSIS", "EXIT STATUS", "--socks5-hostname HOST[:PORT]", "~/.socks5-curlrc"):
        assert name in text
    # What reads like a request of roff's, or like one of its escapes, is text.
    assert r"printf 'ping\r\n' | socks5-curl tcp://example.com:7" in text


def test_mandoc_has_nothing_to_say_but_about_style(tmp_path: Path) -> None:
    file = tmp_path / "socks5-curl.1"
    file.write_text(man_page())
    words = [require("mandoc"), "-Tlint", "-W", "warning", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert said == []


# What is typed, and all that it may become: or None, nothing.
TYPED: list[tuple[str, list[str] | None]] = [
    ("--rang", ["--range"]),
    ("--compl", ["--completion"]),
    ("--dns tun", ["tunnel"]),
    ("--completion f", ["fish"]),
    ("-s --tls-max 1.3", ["1.3"]),
    ("--cacert one", ["one file.pem"]),
    ("-o one", ["one file.pem"]),
    ("-T one", ["one file.pem"]),
    ("--output-dir fol", ["folder"]),
    ("-d @one", ["one file.pem"]),
    ("--json @one", ["one file.pem"]),
    ("-b one", ["one file.pem"]),
    ("-X PAT", ["PATCH"]),
    ("-m one", None),
    ("--output-dir one", None),
    ("-d one", None),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one file.pem").touch()
    (tmp_path / "folder").mkdir()
    for shell in ("bash", "zsh", "fish"):
        (tmp_path / f"completion.{shell}").write_text(completion(shell))
    return tmp_path


@pytest.mark.parametrize(("typed", "becomes"), TYPED, ids=[typed for typed, _ in TYPED])
def test_fish(folder: Path, typed: str, becomes: list[str] | None) -> None:
    script = f"source completion.fish; complete -C'socks5-curl {typed}'"
    command = [require("fish"), "--no-config", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = [line.partition("\t")[0].rstrip("/") for line in done.stdout.splitlines()]
    at = "@" if "@" in typed else ""
    assert found == [at + name for name in becomes or []]


SHELLS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
}
SETUP = {
    "bash": "PS1= PS2=; bind 'set bell-style none'; bind 'set enable-bracketed-paste off';"
    " source ./completion.bash",
    "zsh": "unsetopt zle_bracketed_paste beep; PS1= RPS1= PROMPT_EOL_MARK=;"
    " autoload -Uz compinit; compinit -D -u; source ./completion.zsh",
}


class Shell:
    """An interactive shell on a terminal of its own, in which things are typed."""

    def __init__(self, name: str, folder: Path) -> None:
        program = require(name)
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(folder)}
            os.execve(program, [name, *SHELLS[name]], environment)
        self._seen = b""
        # A program of that name, which says what words it was given.
        self.type(SETUP[name] + "; socks5-curl() { printf '<%s>' \"$@\"; echo '<end>'; }\n")
        self.type("echo rea''dy\n")
        self.until(b"ready\r\n")

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, text: bytes) -> bytes:
        end = time.monotonic() + 20
        while text not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{text!r} did not come: {self._seen[-1000:]!r}"
            self._seen += os.read(self._terminal, 65536)
        before, _, self._seen = self._seen.partition(text)
        return before

    def words(self, typed: str) -> list[str]:
        """What the program is given when Tab is pressed behind what was typed."""
        self.type(f"socks5-curl {typed}\t\n")
        given = self.until(b"<end>")
        return re.findall("<([^<>]*)>", given.decode())

    def close(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest, folder: Path) -> Iterator[Shell]:
    started = Shell(request.param, folder)
    yield started
    started.close()


def test_interactive_shells(shell: Shell) -> None:
    for typed, becomes in TYPED:
        given = shell.words(typed)
        *before, last = typed.split()
        if becomes is not None:
            last = ("@" if last.startswith("@") else "") + becomes[0]
        assert [word.rstrip("/") for word in given] == [*before, last], typed


def test_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "socks5client.cli.manual", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, cwd=ROOT)
    for name, text in made().items():
        assert (tmp_path / name).read_text("utf-8") == text
