"""What mutmut leaves alone, by cosmic-ray: constants, tables, properties, `__new__`, decorators."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome

from .plan import PYTEST, TREE, Mutant, tests_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cosmic_ray.work_item import MutationSpec

    Span = tuple[tuple[int, int], tuple[int, int]]  # of (line, column), the end exclusive

TIMEOUT = 300  # seconds, beyond which a mutant is one that never ends

# Of the ten that may replace + only the one that is likeliest to live, and so of the others; no
# arithmetic for |, which is in types; and no `is` for ==, which says how Python keeps small ints.
_OPERATORS = re.compile(
    r"core/(?!ReplaceBinaryOperator|ReplaceComparisonOperator)"
    r"|core/ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Add|BitAnd_BitOr|LShift_RShift)$"
    r"|core/ReplaceComparisonOperator_(Is_IsNot|IsNot_Is|(?!Is)[A-Za-z]+_(?!Is)[A-Za-z]+)$"
)


def mutants(files: Iterable[str]) -> Iterator[Mutant]:
    """Each mutant of `files` outside of the bodies that mutmut mutates.

    Raises CalledProcessError where the tests fail without any.
    """
    files = list(files)
    with contextlib.chdir(TREE), use_db("rest.sqlite") as database:
        # Without a mutant; and for the bytecode of all else, which the runs below do not write.
        subprocess.run(_pytest(*{tests_for(file)[-1] for file in files}), check=True)
        for file in files:
            spared = list(_spared(ast.parse((TREE / file).read_text("utf-8"))))
            command = shlex.join(_pytest(*tests_for(file)))
            init([TREE / file], database, {})
            for item in list(database.pending_work_items):
                if not _is_wanted(item.mutations[0], spared):
                    continue
                result = mutate_and_test(item.mutations, command, TIMEOUT)
                killed = result.test_outcome is TestOutcome.KILLED
                if result.diff is None:
                    raise RuntimeError(f"cosmic-ray: {result.output}")
                yield Mutant.from_diff(file, result.diff, killed)


def _pytest(*tests: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-x", "-q", *PYTEST, *tests]


def _is_wanted(mutation: MutationSpec, spared: list[Span]) -> bool:
    at = tuple(mutation.start_pos)
    return bool(_OPERATORS.match(mutation.operator_name)) and not any(
        start <= at < end for start, end in spared
    )


def _spared(module: ast.Module) -> Iterator[Span]:
    """The bodies that are mutmut's, and what only a type checker reads."""
    for owner in (module, *(node for node in module.body if isinstance(node, ast.ClassDef))):
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and _is_mutmuts(node):
                yield _span(node)
    for node in ast.walk(module):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                yield _span(part)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TYPE_CHECKING":
            yield _span(node)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield _span(node.test, node.body[-1])  # not what is in its else


def _is_mutmuts(function: ast.FunctionDef) -> bool:
    if function.name in ("__new__", "__setattr__"):
        return False
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    return not decorators or decorators in (["staticmethod"], ["classmethod"])


def _span(first: ast.stmt | ast.expr, last: ast.stmt | None = None) -> Span:
    end = first if last is None else last
    assert end.end_lineno is not None
    assert end.end_col_offset is not None
    return (first.lineno, first.col_offset), (end.end_lineno, end.end_col_offset)
