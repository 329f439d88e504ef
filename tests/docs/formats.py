"""Checks of what is no program: files of a page, YAML, a Dockerfile.

No container engine is needed: what a Dockerfile or a workflow has a shell do is done in a folder,
with the variables that it sets.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.docs import running
from tests.docs.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from tests.docs.pages import Block

# A shell command, and the variables that it has.
Command = tuple[str, dict[str, str]]

# What a container has is its own: here, pip leaves everything else alone.
PIP = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def python_file(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    """It compiles; those blocks of the page that use it run it."""
    compile(block.text, block.name, "exec")


def text(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    """Ordinary text: it is not code, as far as can be told."""
    assert not re.search(r"^(import|from) \w|^\$ ", block.text, re.MULTILINE)


def toml(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    tomllib.loads(block.text)


def json_(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    json.loads(block.text)


def dockerfile(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    """What it copies is there, and its RUN and CMD lines do what they are to do."""
    arguments: dict[str, str] = {}  # while it is built
    variables: dict[str, str] = {}  # and when it runs
    commands: list[Command] = []
    for instruction, rest in instructions(block.text):
        match instruction:
            case "FROM" | "WORKDIR":
                assert rest
            case "ARG":
                name, _, value = rest.partition("=")
                arguments[name] = value
            case "ENV":
                variables |= dict(word.split("=", 1) for word in rest.split())
            case "COPY":
                copy(rest, folder)
            case "RUN":
                commands.append((rest, {**variables, **arguments}))
            case "CMD":
                given = block.check.get("environment", {})  # `docker run -e`
                commands.append((shlex.join(json.loads(rest)), {**variables, **given}))
            case _:
                raise AssertionError(f"{block.name}: {instruction} is not known here")
    run_all(request, block, folder, commands)


def instructions(text: str) -> Iterable[tuple[str, str]]:
    """Instruction and the rest of it; lines that go on are joined."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            yield instruction, rest.strip()


def copy(rest: str, folder: Path) -> None:
    """The files that a user has beside the Dockerfile, of which a page need not show all."""
    *names, _ = rest.split()
    for name in names:
        if name == "socks5client/":
            shutil.copytree(Path(__file__).parents[2] / name, folder / name, dirs_exist_ok=True)
        elif name == "requirements.txt":
            (folder / name).write_text("built\n")
        elif name == "program.py":
            (folder / name).write_text(running.PROGRAM)
        elif name != ".":
            raise AssertionError(f"COPY {name}: what is that?")


def workflow(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    """A workflow's steps and a composition's services do what they are to do."""
    document = yaml.safe_load(block.text)
    commands: list[Command] = []
    for job in document.get("jobs", {}).values():
        variables = document.get("env", {}) | job.get("env", {})
        commands += [(step["run"], variables) for step in job["steps"] if "run" in step]
    for service in document.get("services", {}).values():
        if "command" in service:
            commands.append((shlex.join(service["command"]), service.get("environment", {})))
    assert commands
    copy("socks5client/ requirements.txt program.py .", folder)
    run_all(request, block, folder, commands)


def run_all(
    request: pytest.FixtureRequest, block: Block, folder: Path, commands: list[Command]
) -> None:
    """Runs commands with their variables in a folder, and checks what they print.

    By a Python without packages, and with nothing of this checkout but what has been copied.
    """
    empty: Path = request.getfixturevalue("empty_python")
    output = ""
    with world_of(request, block.check) as world:
        path = os.pathsep.join((str(empty), os.environ.get("PATH", os.defpath)))
        for command, variables in commands:
            here = {name: world.here(str(value)) for name, value in variables.items()}
            result = subprocess.run(
                ["sh", "-e", "-c", world.here(command)],
                cwd=folder,
                env={"PATH": path, "HOME": str(folder), **PIP, **world.environment, **here},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=running.SECONDS,
            )
            output += result.stdout
            assert result.returncode == 0, output
        assert re.search(block.check["output"], output, re.MULTILINE), output
        assert world.server is not None
        requests = [f"{each.host}:{each.port}" for each in world.server.requests]
        assert len(requests) == block.check.get("requests", 1), requests


CHECKS: dict[str, Callable[[pytest.FixtureRequest, Block, Path], Any]] = {
    "python": python_file,
    "text": text,
    "toml": toml,
    "json": json_,
    "dockerfile": dockerfile,
    "yaml": workflow,
}
