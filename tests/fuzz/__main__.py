"""`python -m tests.fuzz [TARGET...] [--seconds N] [--runs N]`: all targets, one after the other.

Each runs in a process of its own under atheris (coverage-guided), from the corpus in the tree.
What it finds is left in the folder of --findings, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_INPUT = 1024  # bytes
MAX_SECONDS = 5  # for one input: bounded time
MAX_MEMORY = 1024  # MB, for all of it: bounded memory


def main(argv: list[str]) -> int:
    if argv[:1] == ["--one"]:
        return _one(argv[1], argv[2:])
    options = _parser().parse_args(argv)
    options.findings.mkdir(parents=True, exist_ok=True)
    total, failed = 0, []
    for name in options.targets or _names():
        count, ok = _run(name, options)
        total += count
        print(f"{name:16} {count:>12,} executions  {'ok' if ok else 'FINDING'}", flush=True)
        if not ok:
            failed.append(name)
    print(f"{'in all':16} {total:>12,}")
    return 1 if failed else 0


def _names() -> list[str]:
    from .targets import TARGETS

    return list(TARGETS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--runs", type=int, default=-1, help="at most so many executions each")
    parser.add_argument("--keep", action="store_true", help="keep inputs that reach new code")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz"), help="(build/fuzz)")
    return parser


def _run(name: str, options: argparse.Namespace) -> tuple[int, bool]:
    from .targets import CORPUS

    with tempfile.TemporaryDirectory() as new:
        # libFuzzer writes new inputs to the first folder.
        folders = [str(CORPUS / name)] if options.keep else [new, str(CORPUS / name)]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.fuzz",
                "--one",
                name,
                f"-runs={options.runs}",
                f"-max_total_time={options.seconds}",
                f"-max_len={MAX_INPUT}",
                f"-timeout={MAX_SECONDS}",
                f"-rss_limit_mb={MAX_MEMORY}",
                f"-artifact_prefix={options.findings}/{name}-",
                "-print_final_stats=1",
                *folders,
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    output = done.stdout + done.stderr
    counted = re.search(r"stat::number_of_executed_units: *(\d+)", output)
    if done.returncode:
        print(output[-6000:])
    return int(counted[1]) if counted else 0, done.returncode == 0


def _one(name: str, arguments: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=["socks5client", "tests.server_fixture"]):
        from .targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
