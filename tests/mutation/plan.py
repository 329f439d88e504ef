"""What is mutated, by which tests it is judged, and the copy of the tree in which that happens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TREE = ROOT / "build/mutation"

_PROTOCOL = "socks5client/protocol/"
# The tests that are asked, by the beginning of the path; of those the mirroring file comes first.
_TESTS = {
    _PROTOCOL: "tests/protocol",
    "socks5client/proxy.py": "tests/test_proxy.py",
    "socks5client/_fakeip.py": "tests/test_fakeip.py",
}
FILES = sorted(
    str(path.relative_to(ROOT))
    for prefix in _TESTS
    for path in ((ROOT / prefix).glob("*.py") if prefix.endswith("/") else [ROOT / prefix])
)

PYTEST = ("-p", "no:cacheprovider", "--hypothesis-profile=ci")  # the same examples each time


class Mutant(NamedTuple):
    """One change of one `file`: the lines `old`, those `new`, and whether a test saw it."""

    file: str
    old: str
    new: str
    killed: bool

    @classmethod
    def from_diff(cls, file: str, diff: str, killed: bool) -> Mutant:
        """From a unified `diff` with one change."""
        lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
        old, new = (
            " ".join(line[1:].strip() for line in lines if line.startswith(sign)).strip()
            for sign in "-+"
        )
        return cls(file, old, new, killed)

    def __str__(self) -> str:
        return f"- {self.file}: `{self.old}` -> `{self.new}`"


def tests_for(file: str) -> list[str]:
    """What pytest is given for `file`."""
    tests = next(tests for prefix, tests in _TESTS.items() if file.startswith(prefix))
    mirror = f"{tests}/test_{Path(file).stem}.py"
    return [mirror, tests] if (ROOT / mirror).exists() else [tests]


def copy_tree() -> None:
    """A copy of what is mutated and of the tests: the tree itself is never touched."""
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ("socks5client", "tests"):
        shutil.copytree(
            ROOT / folder, TREE / folder, ignore=shutil.ignore_patterns("__pycache__", "mutation")
        )
    shutil.copy(ROOT / "pyproject.toml", TREE)
