"""The benchmarks run; what they measure is not a test's affair."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests import real_servers

ROOT = Path(__file__).resolve().parent.parent

# What each prints in its tables, whatever other libraries are there to compare with.
EXPECTED = {
    "connect": ["Connect and close through microsocks", "socks5client.create_connection"],
    "asyncio": ["socks5client.asyncio.connect", "memory of 30 connections"],
    "syscalls": [],  # containers may forbid strace
    "download": ["Download of", "MB/s"],
    "httpx": ["a new connection for each request", "keep-alive", "Socks5Transport"],
    "httpx async": ["20 at a time", "AsyncSocks5Transport"],
    "udp": ["bursts of 32", "socks5client sendto, recvfrom", "Reassembly of 65500 bytes"],
    "gssapi": ["A stream under confidentiality", "bare wrap and unwrap"],
    "patch": ["What patch() adds to a call", "A placeholder's memory"],
    "import": ["Import beyond", "import socks5client"],
}


def test_a_tiny_run_prints_every_table(tmp_path: Path) -> None:
    for program in ("microsocks", "danted", "nginx"):
        real_servers.require(program)
    report = tmp_path / "report.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--rounds", "1", "--quick", "--json", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    for name, texts in EXPECTED.items():
        assert f"[{name}] " in ended.stdout
        for text in texts:
            assert text in ended.stdout
    assert list(json.loads(report.read_text())) == list(EXPECTED)
