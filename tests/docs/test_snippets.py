"""Every block of the README and the documentation runs, as it stands but for the addresses.

What is expected is said beside each block, see `tests.docs.pages`; where it runs, in
`tests.docs.worlds`.

A check has, all of it optional:

    world          one of `worlds`, by default "proxy"
    server, faults parameters of the reference server, and faults as its command takes them
    ticket         Kerberos': good, expired, skewed, none
    environment, input   variables, and what is typed
    file           the block is there under this name for the others of its page
    own            the block starts a proxy itself; `serves`, and goes on until it is ended
    python, sh     the code whose last lines a block of text shows
    status         by default 0
    output         a pattern, where the page shows no output; without either nothing is printed
    requests       how many the proxy saw, by default 1, "2-20" for a range
    users          the user names that it saw, sorted
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs import formats, running
from tests.docs.pages import ROOT, Block, blocks_of, pages, parse
from tests.docs.worlds import (
    bare_environment,
    empty_python,
    internet,
    ssh,
    tor,
    world_of,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bare_environment", "empty_python", "internet", "ssh", "tor"]  # fixtures

KNOWN = {
    "world", "server", "faults", "ticket", "environment", "input", "file", "own", "serves",
    "python", "sh", "status", "output", "requests", "users",
}  # fmt: skip
BLOCKS = [block for page in pages() for block in blocks_of(page)]


def runs(block: Block) -> bool:
    if "file" in block.check:
        return False
    return block.language in ("python", "sh") or bool({"python", "sh"} & block.check.keys())


def files_of(page: str) -> dict[str, Block]:
    return {
        block.check["file"]: block
        for block in BLOCKS
        if block.page == page and "file" in block.check
    }


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a block runs: with the files of its page."""
    for name, file in files_of(request.getfixturevalue("block").page).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(file.text)
    return tmp_path


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if runs(block)], ids=lambda block: block.name
)
def test_runs(request: pytest.FixtureRequest, block: Block, folder: Path) -> None:
    with world_of(request, block.check) as world:
        for name in files_of(block.page):
            path = folder / name
            path.write_text(world.here(path.read_text()))
        running.check(block, world, folder)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if not runs(block)], ids=lambda block: block.name
)
def test_is_checked(request: pytest.FixtureRequest, block: Block, tmp_path: Path) -> None:
    """What does not run by itself: a file for the others, a language with a check of its own."""
    assert block.language in formats.CHECKS, f"no check for the language {block.language!r}"
    formats.CHECKS[block.language](request, block, tmp_path)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_what_is_said_of_a_block(block: Block) -> None:
    assert block.language, "name the language, `text` where there is none"
    assert not block.check.keys() - KNOWN
    name = block.check.get("file")
    if name is not None:  # and some other block of the page uses it
        others = [other for other in BLOCKS if other.page == block.page and other is not block]
        assert any(name in other.text or runs_tests(other) for other in others), name


def runs_tests(block: Block) -> bool:
    return runs(block) and "pytest" in block.text


def test_there_is_no_page_without_blocks_that_should_have_some() -> None:
    have = {block.page for block in BLOCKS}
    folders = ("docs/recipes/*.md", "docs/coming-from/*.md")
    recipes = {path.relative_to(ROOT).as_posix() for way in folders for path in ROOT.glob(way)}
    assert len(recipes) >= 9
    assert recipes | {"README.md", "docs/start.md", "docs/patch.md", "docs/errors.md"} <= have


PAGE = """\
<!-- check requests: 2 -->

```python
print("a")
```

```text
a
```

```text
ordinary
```

::::{tab-set}
:::{tab-item} x
~~~sh
true
~~~
:::
::::

- an item

  <!-- check
  output: |-
    b
  -->
  ```sh
  echo b
  ```

````{note}
```
untagged
```
````
"""


def test_a_page_is_read_as_it_is_written() -> None:
    found = [
        (block.line, block.language, block.text, block.check, block.output)
        for block in parse(PAGE, "page")
    ]
    assert found == [
        (3, "python", 'print("a")\n', {"requests": 2}, "a\n"),
        (11, "text", "ordinary\n", {}, None),
        (17, "sh", "true\n", {}, None),
        (29, "sh", "echo b\n", {"output": "b"}, None),
        (34, "", "untagged\n", {}, None),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```sh\ntrue\n", "page:1: the block has no end"),
        ("<!-- check\nx: 1\n", "page:1: the comment has no end"),
        ("<!-- check requests: 1 -->\n", "without a block"),
        ("<!-- check requests: 1 -->\nwords\n```sh\n```\n", "page:2: a check, but no block"),
        ("```{code-block} python\n```\n", "page:1: use a plain fence"),
    ],
)
def test_what_is_no_page(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse(text, "page")


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a...d", "a b d", True),
        ("a", "a b", False),
        ("a.c", "abc", False),
    ],
)
def test_what_is_shown_and_what_is_printed(shown: str, printed: str, same: bool) -> None:
    assert running.matches(shown, printed) is same
