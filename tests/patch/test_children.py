"""Python programs that a patched one starts: none goes past the proxy, or it does not run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client._patch import children
from tests.origins import read_exactly
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.queues import Queue

    from tests.origins import Echo

ROOT = Path(socks5client.__file__).parents[1]
NAME = "echo.test"  # there is no such name but at the proxy
USER, PASSWORD = "tester", "s3cret"
SECONDS = 60.0

PROGRAM = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as sock:
    sock.sendall(b"ping")
    print(sock.recv(4).decode(), socket.getnameinfo(sock.getpeername(), 0)[0])
"""
STATE = "import socket; print(getattr(socket.socket.connect, '__module__', 'plain'))"
PATCHED, PLAIN = "socks5client._patch.methods\n", "plain\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(names={NAME: "127.0.0.1"}, users={USER: PASSWORD}) as server:
        yield server
        server.wait_idle()


@pytest.fixture
def patched(server: Server) -> Iterator[Server]:
    with socks5client.patch(server.url_as(user_info=f"{USER}:{PASSWORD}@")):
        yield server


@pytest.fixture
def target(echo: Echo) -> tuple[str, int]:
    return NAME, echo.address[1]


def run(*command: object, **options: Any) -> str:
    """What a program prints; it succeeds, and says nothing else."""
    result = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=SECONDS, **options
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def talk(address: tuple[str, int]) -> str:
    """As `PROGRAM`, in a process that multiprocessing or fork has made."""
    import socket

    with socket.create_connection(address, 10) as sock:
        sock.sendall(b"ping")
        name, _ = socket.getnameinfo(sock.getpeername(), 0)
        return f"{read_exactly(sock, 4).decode()} {name}"


# By the ways to start one.


def with_code(*words: object) -> str:
    return run(sys.executable, "-c", PROGRAM, *words)


def with_a_script(*words: object) -> str:
    folder = Path(os.environ["TEST_FOLDER"])
    folder.joinpath("script.py").write_text(PROGRAM)
    return run(sys.executable, folder / "script.py", *words)


def with_a_module(*words: object) -> str:
    folder = Path(os.environ["TEST_FOLDER"])
    folder.joinpath("module.py").write_text(PROGRAM)
    return run(sys.executable, "-m", "module", *words, cwd=folder)


def with_another_environment(*words: object) -> str:
    return run(sys.executable, "-c", PROGRAM, *words, env={"PYTHONPATH": "elsewhere"})


def with_none_of_the_environment(*words: object) -> str:
    return run(sys.executable, "-c", PROGRAM, *words, env={})


def with_another_path(*words: object) -> str:
    os.environ["PYTHONPATH"] = "elsewhere"
    return run(sys.executable, "-c", PROGRAM, *words)


def with_a_shell(*words: object) -> str:
    return run("sh", "-c", '"$0" -c "$@"', sys.executable, PROGRAM, *words, env={})


def with_a_grandchild(*words: object) -> str:
    code = "import subprocess, sys; subprocess.run(sys.argv[1:], env={}, check=True)"
    return run(sys.executable, "-c", code, sys.executable, "-c", PROGRAM, *words)


def with_asyncio(*words: object) -> str:
    async def main() -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *map(str, words), env={}, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode()

    return asyncio.run(main())


def with_os(start: str, folder: Path, words: tuple[object, ...]) -> str:
    """By a function of the module os, which may replace the process: in one of its own."""
    code = f"""
import os, sys
arguments = [sys.executable, "-c", *sys.argv[1:]]
os.environ.pop("PYTHONPATH")
{start}
"""
    return run(sys.executable, "-c", code, PROGRAM, *words, cwd=folder)


STARTS = {
    "execv": "os.execv(sys.executable, arguments)",
    "execve": "os.execve(sys.executable, arguments, {})",
    "execle": "os.execle(sys.executable, *arguments, {})",
    "execvpe": "os.execvpe(sys.executable, arguments, {b'A': b'b'})",
    "spawnve": "os.spawnve(os.P_WAIT, sys.executable, arguments, {})",
    "posix_spawn": "os.waitpid(os.posix_spawn(sys.executable, arguments, {}), 0)",
    "posix_spawnp": "os.waitpid(os.posix_spawnp(sys.executable, arguments, {}), 0)",
    "system": "import shlex; os.system(shlex.join(arguments))",
    "fork": "os.fork() or os.execve(sys.executable, arguments, {}); os.wait()",
    "a thread": "import threading; threading.Thread(target=os.posix_spawn,"
    " args=(sys.executable, arguments, {})).start(); os.wait()",
}
WAYS = [
    with_code,
    with_a_script,
    with_a_module,
    with_another_environment,
    with_none_of_the_environment,
    with_another_path,
    with_a_shell,
    with_a_grandchild,
    with_asyncio,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_child_goes_through_the_proxy(
    way: Callable[..., str],
    patched: Server,
    target: tuple[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_FOLDER", str(tmp_path))
    assert way(*target) == f"ping {NAME}\n"
    assert [exchange.host for exchange in patched.requests] == [NAME]
    patched.wait_idle()
    os.environ.pop("TEST_FOLDER")


@pytest.mark.parametrize("start", STARTS)
def test_a_child_started_by_os(
    start: str, patched: Server, target: tuple[str, int], tmp_path: Path
) -> None:
    # Asked before the last line, which it may not come to: the child prints.
    assert with_os(STARTS[start], tmp_path, target) == f"ping {NAME}\n"
    assert len(patched.requests) == 1


def test_another_python(patched: Server, target: tuple[str, int], tmp_path: Path) -> None:
    """It has not this package, nor anything else."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    assert run(python, "-c", PROGRAM, *target, cwd=tmp_path) == f"ping {NAME}\n"
    # What it has is not touched: the folder with the package is gone from the path again.
    code = "import sys; print(sys.argv[1] in sys.path)"
    assert run(python, "-c", code, ROOT, cwd=tmp_path) == "False\n"


def ask(queue: Queue[str], address: tuple[str, int]) -> None:
    queue.put(talk(address))


METHODS = ["fork", "spawn", "forkserver"]


def by_multiprocessing(method: str, address: tuple[str, int]) -> str:
    context: Any = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=ask, args=(queue, address))
    process.start()
    try:
        return str(queue.get(timeout=SECONDS))
    finally:
        process.join(SECONDS)
        queue.close()
        queue.join_thread()


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing(method: str, server: Server, target: tuple[str, int], echo: Echo) -> None:
    """The fork server is a process that has been started before, and stays."""
    url = server.url_as(user_info=f"{USER}:{PASSWORD}@")
    assert by_multiprocessing(method, echo.address) == "ping localhost"
    with socks5client.patch(url):
        assert by_multiprocessing(method, target) == f"ping {NAME}"
    assert by_multiprocessing(method, echo.address) == "ping localhost"
    assert len(server.requests) == 1


@pytest.mark.parametrize("timeout", [10, 0])
def test_fork(timeout: int, patched: Server, target: tuple[str, int]) -> None:
    """A child has not the background thread, which has served a connection before."""
    code = f"""
import os, select, socket, sys, threading
def talk():
    with socket.socket() as sock:
        sock.settimeout({timeout})
        if sock.connect_ex((sys.argv[1], int(sys.argv[2]))):
            select.select([], [sock], [])
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        sock.settimeout(10)
        sock.sendall(b"ping")
        name, _ = socket.getnameinfo(sock.getpeername(), 0)
        os.write(1, f"{{sock.recv(4).decode()}} {{name}}\\n".encode())
talk()
child = os.fork()
talk()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    assert (
        run(sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *target)
        == f"ping {NAME}\n" * 3
    )
    assert len(patched.requests) == 3


# What is left of it, and what comes on top of it.


def functions() -> list[Any]:
    import _posixsubprocess
    import posix

    return [
        _posixsubprocess.fork_exec,
        vars(subprocess)["_fork_exec"],
        *(
            vars(module)[name]
            for module in (os, posix)
            for name in ("execv", "execve", "posix_spawn", "posix_spawnp", "system")
        ),
    ]


@pytest.mark.parametrize("path", [None, "a", f"a{os.pathsep}{os.pathsep}b"])
def test_all_is_as_it_was(path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if path is not None:
        monkeypatch.setenv("PYTHONPATH", path)
    environ, before = dict(os.environ), functions()
    for _ in range(2):
        with socks5client.patch("proxy.test"):
            once = dict(os.environ), functions()
            assert once[0] != environ
            with socks5client.patch("other.test"):
                assert dict(os.environ) != once[0]
                with socks5client.patch("third.test", children=False):
                    assert (dict(os.environ), functions()) == (environ, before)
            assert (dict(os.environ), functions()) == once
        assert (dict(os.environ), functions()) == (environ, before)


def test_what_the_program_has_changed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "before")
    with socks5client.patch("proxy.test"):
        monkeypatch.setenv("PYTHONPATH", f"mine{os.pathsep}{os.environ['PYTHONPATH']}")
    assert os.environ["PYTHONPATH"] == f"mine{os.pathsep}before"


def test_modules_that_are_imported_meanwhile() -> None:
    code = """
import os, sys
import socks5client
with socks5client.patch("proxy.test"):
    import subprocess
print(subprocess._fork_exec.__module__, sys.modules["_posixsubprocess"].fork_exec.__module__)
"""
    assert run(sys.executable, "-c", code, cwd=ROOT) == "_posixsubprocess _posixsubprocess\n"


@pytest.mark.parametrize("environ", [None, {}])
def test_children_that_are_not_to_be_patched(environ: Any) -> None:
    with socks5client.patch("proxy.test"):
        assert run(sys.executable, "-c", STATE, env=environ) == PATCHED
        with socks5client.patch("proxy.test", children=False):
            assert run(sys.executable, "-c", STATE, env=environ) == PLAIN
    assert run(sys.executable, "-c", STATE, env=environ) == PLAIN


def test_a_child_that_ends_it(patched: Server) -> None:
    """It has come upon nothing, and so have its children; their environment does not grow."""
    code = f"""
import os, subprocess, sys
import socks5client
print(os.environ["PYTHONPATH"].count("_patch"), flush=True)
subprocess.run([sys.executable, "-c", {STATE!r}])
socks5client.unpatch()
assert "_patch" not in os.environ.get("PYTHONPATH", "")
subprocess.run([sys.executable, "-c", {STATE!r}])
"""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    output = run(sys.executable, "-c", code, cwd=ROOT)
    assert output == f"1\n{PATCHED}{PLAIN}"


def test_errors_of_the_system(patched: Server) -> None:
    with pytest.raises(TypeError):
        os.execve(sys.executable, ["python"], 5)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        os.posix_spawn(sys.executable, ["python"], {"A": 1})  # type: ignore[dict-item]
    with pytest.raises(FileNotFoundError):
        os.posix_spawn("/nowhere/python", ["python"], {})
    with pytest.raises(FileNotFoundError):
        subprocess.run(["/nowhere/python"], env={})
    with pytest.raises(ValueError, match="illegal environment variable name"):
        subprocess.run([sys.executable], env={"A=B": ""})


def test_a_sitecustomize_of_one_s_own(patched: Server, tmp_path: Path) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text("import sys; ran = [sys.path[0]]")
    code = f"import sitecustomize; print(sitecustomize.ran); {STATE}"
    output = run(sys.executable, "-c", code, env={"PYTHONPATH": str(tmp_path)})
    assert output == f"{[str(tmp_path)]}\n{PATCHED}"


def test_a_sitecustomize_that_fails(patched: Server, tmp_path: Path) -> None:
    """As it would without us: it is reported, and the program runs."""
    tmp_path.joinpath("sitecustomize.py").write_text("import no_such_module")
    command = [sys.executable, "-c", STATE]
    result = subprocess.run(
        command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=SECONDS
    )
    assert result.stdout == PATCHED
    assert "no_such_module" in result.stderr


def test_what_is_beside_the_package_stands_for_nothing(patched: Server) -> None:
    """The program's path is what it was, where the folder with the package was a part, too."""
    child = children._FOLDER
    before = "import sys; sys.path[:0] = [{!r}]; path = sys.path[:]; import sitecustomize"
    code = before.format(child) + f"; print(path[1:] == sys.path); {STATE}"
    environ = {"SOCKS5CLIENT_PATCH": os.environ["SOCKS5CLIENT_PATCH"]}
    with socks5client.patch("proxy.test", children=False):
        output = run(sys.executable, "-S", "-c", code, env={**environ, "PYTHONPATH": str(ROOT)})
    assert output == f"True\n{PATCHED}"


# A child that cannot be patched.


class Token:
    """A method of authentication that cannot be passed on."""

    code = 0x80

    def negotiate(self, request: Any, server: Any) -> Any:
        yield PASSWORD.encode(), 1

    def __reduce__(self) -> Any:
        raise pickle.PicklingError(f"not {PASSWORD}")


def refused(**options: Any) -> str:
    """What is said of a child that does not run."""
    result = subprocess.run(
        [sys.executable, "-c", "print('it runs')"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        **options,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert PASSWORD not in result.stderr
    assert result.stderr.count("\n") == 1
    start, _, reason = result.stderr.strip().partition("without the proxy: ")
    assert start == "socks5client: this program is not run "
    return reason


def test_settings_that_cannot_be_passed_on() -> None:
    with socks5client.patch(socks5client.Proxy("proxy.test", auth=Token())):
        assert refused() == (
            "the settings of the program that started it cannot be passed on: PicklingError"
        )
        with socks5client.patch("proxy.test"):
            assert run(sys.executable, "-c", STATE) == PATCHED


def test_settings_that_are_broken(patched: Server) -> None:
    environ = {**os.environ, "PYTHONPATH": children._FOLDER}
    with socks5client.patch("proxy.test", children=False):
        for text in ("\N{SNOWMAN}", "x", "00000", os.environ.get("SOCKS5CLIENT_PATCH", "")[:-9]):
            if text:
                assert refused(env={**environ, "SOCKS5CLIENT_PATCH": text})


def test_a_python_that_is_too_old(patched: Server, tmp_path: Path) -> None:
    """It is one that says so, by a sitecustomize of ours that believes it."""
    text = Path(children._FOLDER, "sitecustomize.py").read_text()
    tmp_path.joinpath("sitecustomize.py").write_text(
        "import sys; sys.version_info = (3, 10, 13)\n" + text
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with socks5client.patch("proxy.test", children=False):
        assert refused(env=environ) == "socks5client needs Python 3.11 or later"


def test_it_is_code_for_any_python() -> None:
    """Syntax that an old one does not know would be an error that it passes over."""
    import ast

    text = Path(children._FOLDER, "sitecustomize.py").read_text()
    tree = ast.parse(text, feature_version=(3, 4))
    newer = (ast.AnnAssign, ast.JoinedStr, ast.NamedExpr, ast.Starred)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions
    assert not [function for function in functions if function.returns]


@pytest.mark.parametrize("fault", ["no stderr", "no folder"])
def test_a_child_that_cannot_even_say_so(fault: str, tmp_path: Path) -> None:
    code = "import os, sys; os.write(1, b'it runs')"
    with socks5client.patch(socks5client.Proxy("proxy.test", auth=Token())):
        if fault == "no stderr":
            script = 'exec "$0" -c "$1" 2>&-'
        else:
            script = 'rmdir "$PWD"; exec "$0" -c "$1" 2>/dev/null'
        result = subprocess.run(
            ["sh", "-c", script, sys.executable, code],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            timeout=SECONDS,
        )
    assert (result.returncode, result.stdout) == (1, b"")


def test_credentials_are_in_no_arguments(patched: Server) -> None:
    code = "print(open('/proc/self/cmdline').read())"
    assert PASSWORD not in run(sys.executable, "-c", code)
    assert PASSWORD not in os.environ["SOCKS5CLIENT_PATCH"]
