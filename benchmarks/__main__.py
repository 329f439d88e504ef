"""`python -m benchmarks`: all of them, a table each. A number never fails it, only an error."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import (
    aio,
    aiohttp_sessions,
    connect,
    curl,
    download,
    gss,
    http,
    http_async,
    imports,
    instructions,
    memory,
    patching,
    pictures,
    roundtrips,
    syscalls,
    udp,
)
from .run import LeftOutError, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .measure import Table
    from .syscalls import Counts

BENCHMARKS: dict[str, Callable[[Settings], Iterator[Table | Counts]]] = {
    "connect": connect.run,
    "asyncio, trio": aio.run,
    "syscalls": syscalls.run,
    "instructions": instructions.run,
    "download": download.run,
    "httpx": http.run,
    "httpx async": http_async.run,
    "aiohttp": aiohttp_sessions.run,
    "curl": curl.run,
    "udp": udp.run,
    "round trips": roundtrips.run,
    "gssapi": gss.run,
    "memory": memory.run,
    "patch": patching.run,
    "import": imports.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs what the command line asks for; the exit status is 0."""
    options = _parser().parse_args(arguments)
    settings = Settings(options.rounds, options.quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    begun = time.monotonic()
    report: dict[str, object] = {}
    for name in options.only or BENCHMARKS:
        tables = []
        try:
            for table in BENCHMARKS[name](settings):
                print(f"[{name}] {table}\n({pictures.made(name)['command']})\n", flush=True)
                tables.append(table.as_json())
            report[name] = tables
        except LeftOutError as error:
            print(f"[{name}] left out: {error}\n({pictures.made(name)['command']})\n", flush=True)
            report[name] = str(error)
    print(f"ratio: the median of the rounds' ratios. {time.monotonic() - begun:.0f} s in all.")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.docs:
        pictures.write(report, options.docs)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_positive, metavar="N", help="instead of each one's own")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help="some only")
    parser.add_argument("--quick", action="store_true", help="a tiny run, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument(
        "--docs", type=Path, metavar="FOLDER", help="write what the documentation shows"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("not positive")
    return number


if __name__ == "__main__":
    sys.exit(main())
