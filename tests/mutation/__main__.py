"""`python -m tests.mutation [FILE...]`: mutants of the core that no test sees.

Works in build/mutation, one process at a time. The exit status is 1 where one survives that
survivors.md does not explain, one that it explains does not, or less than 95 % of the whole core's
are killed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from . import bodies, plan, rest

LEAST = 0.95
SURVIVORS = Path(__file__).with_name("survivors.md")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", default=plan.FILES, help="such as socks5client/proxy.py"
    )
    files = sorted(set(parser.parse_args(argv).files))
    if unknown := set(files) - set(plan.FILES):
        parser.error(f"none of the core's files: {', '.join(sorted(unknown))}")
    plan.copy_tree()
    mutants = [*bodies.mutants(files), *rest.mutants(files)]

    killed = Counter(mutant.file for mutant in mutants if mutant.killed)
    total = Counter(mutant.file for mutant in mutants)
    for file in files:
        _count(file, killed[file], total[file])
    _count("in all", killed.total(), total.total())

    explained = set(SURVIVORS.read_text("utf-8").splitlines())
    survivors = [str(mutant) for mutant in mutants if not mutant.killed]
    unexplained = [line for line in survivors if line not in explained]
    gone = explained_in(files, explained) - set(survivors)
    _print("survivors that survivors.md does not explain", unexplained)
    _print("explained, but not among the survivors", sorted(gone))
    low = files == plan.FILES and killed.total() < LEAST * total.total()
    return 1 if unexplained or gone or low else 0


def explained_in(files: list[str], lines: set[str]) -> set[str]:
    """Those of survivors.md that are about one of `files`."""
    return {line for line in lines if line.startswith(tuple(f"- {file}: " for file in files))}


def _count(what: str, killed: int, total: int) -> None:
    print(f"{what:40} {killed:5} of {total:5}  {killed / total if total else 1:6.1%}")


def _print(title: str, lines: list[str]) -> None:
    if lines:
        print(f"\n{title}:\n" + "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
