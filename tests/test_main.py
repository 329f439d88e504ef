"""`python -m socks5client`: a program runs as it would without, but through the proxy."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.server_fixture import Server

if TYPE_CHECKING:
    from tests.origins import Echo

ROOT = Path(socks5client.__file__).parents[1]
NAME = "echo.test"  # there is no such name but at the proxy
PASSWORD = "s3cret"
SECONDS = 60.0
PROXY = ["--proxy", "proxy.test"]

# Everything by which a program can tell how it is run.
PROGRAM = '''
"""Its docstring."""
import pickle, sys, traceback
class Thing:
    pass
def fail():
    1 / 0
def main():
    print(sys.argv, sys.path[:2], __name__, __file__, __package__, __doc__, __builtins__)
    print(__spec__, type(__loader__), __loader__ and getattr(__loader__, "name", None))
    print(sorted(globals()), sys.modules["__main__"].__dict__ is globals())
    print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
    try:
        fail()
    except ZeroDivisionError:
        traceback.print_exc(file=sys.stdout)
    how = sys.argv[1]
    if how == "fails":
        fail()
    if how == "hook":
        sys.excepthook = lambda kind, error, trace: traceback.print_tb(trace)
        fail()
    if how == "chain":
        try:
            fail()
        except ZeroDivisionError as error:
            raise LookupError("no") from error
    if how == "group":
        raise ExceptionGroup("several", [ValueError(1)])
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "exit":
        sys.exit(sys.argv[2] if sys.argv[2] == "text" else int(sys.argv[2]))
if __name__ == "__main__":
    main()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the program as a script, a module, a package, a folder and a zip file."""
    for name in ("script.py", "module.py", "package/__main__.py", "folder/__main__.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PROGRAM)
    for name in ("program.pyz", "program"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(tmp_path / "folder" / "__main__.py", "__main__.py")
    (tmp_path / "link.py").symlink_to("package/__main__.py")
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.py").write_text("x = = 1\n")
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nprint(ascii('\xe9'), __file__)\n")
    return tmp_path


def python(*words: object, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    environ.update(PYTHONPATH=str(ROOT), **options.pop("env", {}))
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )


def told(result: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """All that came of it, without addresses in memory."""
    texts = [re.sub(r"\b0x[0-9a-f]+", "0x", text) for text in (result.stdout, result.stderr)]
    return (result.returncode, texts[0], texts[1])


SCRIPTS = {
    "a script": ["script.py"],
    "a path": ["package/../script.py"],
    "a link": ["link.py"],
    "a folder": ["folder"],
    "a zip file": ["program.pyz"],
    "a zip file without a suffix": ["program"],
    "a module": ["-m", "module"],
    "a package": ["-m", "package"],
    "a module, in one word": ["-mmodule"],
    "its input": ["-"],
}
ENDINGS = {
    "well": ["well"],
    "with options of ours": ["well", "--strict", "-m", "x", "--proxy", "y", "--", "-h"],
    "with nothing but options": ["well", "-m"],
    "by an exception": ["fails"],
    "by an exception it shows itself": ["hook"],
    "by an exception with a cause": ["chain"],
    "by several": ["group"],
    "by an interrupt": ["interrupt"],
    "with a number": ["exit", "7"],
    "with a text": ["exit", "text"],
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_program_runs_as_it_would_without(script: str, ending: str, folder: Path) -> None:
    words = [*SCRIPTS[script], *ENDINGS[ending]]
    options = {"input": PROGRAM} if script == "its input" else {}
    expected = python(*words, folder=folder, **options)
    assert "Its docstring" in expected.stdout
    if ending == "by an interrupt":
        assert expected.returncode == -signal.SIGINT
    found = python("-m", "socks5client", *PROXY, *words, folder=folder, **options)
    assert told(found) == told(expected)


ODD = [
    ["nowhere.py"],
    ["empty"],
    ["wrong.py"],
    ["latin.py"],
    ["-m", "nowhere"],
    ["-m", "wrong"],
    ["-m", "empty"],
    ["-m", "module.nowhere"],
    ["--", "script.py", "well"],
]


@pytest.mark.parametrize("words", ODD, ids=" ".join)
def test_what_cannot_be_run(words: list[str], folder: Path) -> None:
    expected = python(*words, folder=folder)
    assert told(python("-m", "socks5client", *PROXY, *words, folder=folder)) == told(expected)


@pytest.mark.parametrize("script", [["script.py"], ["folder"], ["-m", "module"]], ids=" ".join)
def test_a_safe_path(script: list[str], folder: Path) -> None:
    """Python puts no folder of the program's in front of it."""
    expected = python("-P", *script, "well", folder=folder, env={"PYTHONSAFEPATH": "1"})
    found = python("-P", "-m", "socks5client", *PROXY, *script, "well", folder=folder)
    assert told(found) == told(expected)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-m"],
        ["--"],
        ["script.py", "well"],  # and no proxy
        ["--proxy", "socks5h://[::1", "script.py", "well"],
        ["--proxy", f"http://user:{PASSWORD}@proxy.test", "script.py", "well"],
        ["--proxy", f"socks5h://user:{PASSWORD}@proxy.test:x", "-m", "module"],
        ["--dns", "elsewhere", *PROXY, "script.py", "well"],
        ["--nameserver", "192.0.2.1", *PROXY, "script.py", "well"],
        ["-x", *PROXY, "script.py", "well"],
        ["--nowhere", *PROXY, "script.py", "well"],
        [*PROXY, "--prox", "script.py", "well"],
    ],
    ids=" ".join,
)
def test_mistakes_run_nothing(words: list[str], folder: Path) -> None:
    result = python("-m", "socks5client", *words, folder=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: python -m socks5client [options]")
    assert "error: " in result.stderr
    assert PASSWORD not in result.stderr
    assert "Traceback" not in result.stderr


def test_help() -> None:
    result = python("-m", "socks5client", "--help", folder=ROOT)
    assert result.returncode == 0
    assert "(SCRIPT | - | -m MODULE)" in result.stdout


# What the program does goes through the proxy, to its very end.

TALK = """
import socket
def talk(where):
    with socket.create_connection((NAME, PORT), 10) as sock:
        sock.sendall(b"ping")
        print(where, sock.recv(4).decode(), flush=True)
"""
PROGRAMS = {
    "a thread that outlives it": """
import threading
class Thing:
    pass
def later():
    threading.main_thread().join()
    import pickle, sys
    pickle.loads(pickle.dumps(Thing()))
    assert sys.modules["__main__"].__dict__ is globals()
    talk("there")
threading.Thread(target=later).start()
""",
    "what is done at exit": """
import atexit
atexit.register(talk, "there")
""",
    "a pool of processes that are spawned": """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(talk, ["there"])
""",
    "a pool of processes of the fork server": """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        pool.map(talk, ["there"])
""",
    "a pool of processes that are forked": """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(talk, ["there"])
""",
    "a program of its own": """
import subprocess, sys
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "again"], env={}, check=True)
else:
    talk("there")
""",
    "an interrupt": """
import atexit, os, signal
def interrupted():
    talk("there")
atexit.register(interrupted)
os.kill(os.getpid(), signal.SIGINT)
signal.pause()
""",
}


@pytest.mark.parametrize("by", ["script", "module"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_goes_on(program: str, by: str, tmp_path: Path, echo: Echo) -> None:
    _, port = echo.address
    text = TALK.replace("NAME", repr(NAME)).replace("PORT", str(port)) + PROGRAMS[program]
    tmp_path.joinpath("going_on.py").write_text(text)
    words = ["going_on.py"] if by == "script" else ["-m", "going_on"]
    with Server(names={NAME: "127.0.0.1"}) as server:
        result = python("-m", "socks5client", "--proxy", server.url, *words, folder=tmp_path)
        assert len(server.requests) == 1
        server.wait_idle()
    assert result.stdout == "there ping\n"
    if program == "an interrupt":
        assert result.returncode == -signal.SIGINT
        assert result.stderr.endswith("KeyboardInterrupt\n")
        assert "socks5client" not in result.stderr
    else:
        assert (result.returncode, result.stderr) == (0, "")


def test_options(tmp_path: Path) -> None:
    """All of them come to patch()."""
    tmp_path.joinpath("show.py").write_text(
        "import socks5client._patch.patching as patching\n"
        "(patch,) = patching._stack\n"
        "print(patch, patch.strict, patch.bind, patch._shim.this_machine, patch._shim.rules)\n"
    )
    words = ["--proxy", "socks5://a.test", "--proxy", "b.test:9", "--strict", "--bind"]
    show = ["-m", "show"]
    all_of_them = python("-m", "socks5client", *words, "--bypass", "none", *show, folder=tmp_path)
    assert (all_of_them.returncode, all_of_them.stderr) == (0, "")
    assert "a.test" in all_of_them.stdout
    assert "b.test:9" in all_of_them.stdout
    assert "dns='remote'" in all_of_them.stdout
    assert "True True False" in all_of_them.stdout
    environ = {"SOCKS5CLIENT_PROXY": "socks5h://c.test"}
    few = python("-m", "socks5client", "--dns", "local", *show, folder=tmp_path, env=environ)
    assert "c.test" in few.stdout
    assert "dns='local'" in few.stdout
    assert "False False True" in few.stdout
