"""The bodies of functions, by mutmut: quick, since each mutant runs in a fork."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .plan import PYTEST, TREE, Mutant, tests_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What `mutmut results` says of a mutant that a test failed for. A timeout is one that never ends.
_KILLED = ("killed", "timeout", "segfault")


def mutants(files: Iterable[str]) -> Iterator[Mutant]:
    """Each mutant of a body in `files`; raises CalledProcessError where mutmut gives up."""
    # mutmut gives up where there is nothing to mutate.
    files = [file for file in files if not file.endswith("/__init__.py")]
    if not files:
        return
    _configure(files)
    _mutmut("run", "--max-children", "1")
    names = {file.removesuffix(".py").replace("/", "."): file for file in files}
    for name, status in re.findall(r"^ +(\S+): (.+)$", _mutmut("results", "--all", "1"), re.M):
        file = names[re.split(r"\.x[_ǁ]", name)[0]]
        if status in _KILLED:
            yield Mutant(file, name, "", True)  # a diff takes a second, and nobody reads this one
        else:
            yield Mutant.from_diff(file, _mutmut("show", name), False)


def _configure(files: list[str]) -> None:
    selection = dict.fromkeys(tests_for(file)[-1] for file in files)
    settings = {
        "source_paths": ["socks5client"],
        "only_mutate": files,
        "pytest_add_cli_args": list(PYTEST),
        "pytest_add_cli_args_test_selection": list(selection),
        # A mutant that never ends may take 5 * (5 + what its tests took) seconds.
        "timeout_multiplier": 5,
        "timeout_constant": 5,
        # Each test begins with empty caches: no other ran in the process before.
        "process_isolation": "forkserver",
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    with (TREE / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[tool.mutmut]", *lines, ""]))


def _mutmut(*arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mutmut")), *arguments],
        cwd=TREE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout[-5000:], file=sys.stderr)
        done.check_returncode()
    return done.stdout
