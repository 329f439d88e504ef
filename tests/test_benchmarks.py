"""The benchmarks run; what they measure is not a test's affair."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import pictures
from benchmarks.__main__ import BENCHMARKS
from tests import real_servers

ROOT = Path(__file__).resolve().parent.parent

# What each prints in its tables, whatever other libraries are there to compare with.
EXPECTED = {
    "connect": ["Connect and close through microsocks", ", with a password,"],
    "asyncio, trio": ["socks5client.asyncio.connect", "socks5client.trio.connect"],
    "syscalls": [],  # containers may forbid strace
    "instructions": ["Instructions of one connect", "floor"],
    "download": ["Download of", "MB/s"],
    "httpx": ["a new connection for each request", "keep-alive", "HTTP/2", "Socks5Transport"],
    "httpx async": ["20 at a time", "AsyncSocks5Transport"],
    "aiohttp": ["a new connection for each request", "keep-alive", "Socks5Connector"],
    "curl": ["one page", "a file of 1 MB", "socks5-curl"],
    "udp": ["bursts of 32", "7000 bytes in 5 there and back", "Reassembly of 65500 bytes"],
    "round trips": ["20 ms each way", "password, pipelined", "early data"],
    "gssapi": ["Connect and close by GSSAPI", "A stream under confidentiality"],
    "memory": ["Memory of 100 idle connections", "PySocks", "socket(), non-blocking connect"],
    "patch": ["What patch() adds to a call", "A placeholder's memory"],
    "import": ["Import beyond", "import socks5client"],
}


def test_a_tiny_run_prints_every_table(tmp_path: Path) -> None:
    for program in ("microsocks", "danted", "nginx"):
        real_servers.require(program)
    report, docs = tmp_path / "report.json", tmp_path / "docs"
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--quick"]
    ended = subprocess.run(
        [*command, "--json", str(report), "--docs", str(docs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    for name, texts in EXPECTED.items():
        assert f"[{name}] " in ended.stdout
        assert f"({pictures.made(name)['command']})" in ended.stdout
        for text in texts:
            assert text in ended.stdout
    assert list(json.loads(report.read_text())) == list(EXPECTED)
    shown = json.loads((docs / "results.json").read_text())
    assert list(shown) == list(EXPECTED)
    for name, benchmark in shown.items():
        assert benchmark["made"]["command"].startswith("python -m benchmarks --only ")
        if isinstance(benchmark["tables"], str):  # the reason why it was left out
            continue
        for place, table in enumerate(benchmark["tables"]):
            svg = docs / f"{pictures.slug(name)}-{place}.svg"
            assert bars(svg.read_text()), f"{svg.name} has no bars for {table['title']}"
    assert "samples" not in (docs / "results.json").read_text()


SVG = "{http://www.w3.org/2000/svg}"


def bars(picture: str) -> list[tuple[str, float, str]]:
    """(contestant, length, colour) of each bar, from the top."""
    root = ElementTree.fromstring(picture)
    labels = [text.text or "" for text in root.iter(f"{SVG}text") if text.get("text-anchor")]
    lengths = [
        (float(rect.attrib["width"]), rect.attrib["fill"]) for rect in root.iter(f"{SVG}rect")
    ]
    return [(label, *bar) for label, bar in zip(labels, lengths, strict=True)]


def measured(name: str, median: float, ratio: float | None) -> dict[str, object]:
    value = {"median": median, "quartiles": [median, median], "ratio": ratio}
    return {"contestant": name, "wall us": {**value, "ratio": 1.0}, "CPU us": value}


def test_a_picture_shows_the_ratios_of_the_clients_cpu() -> None:
    rows = [
        measured("floor", 10.0, 1.0),
        measured("socks5client <&>", 15.0, 1.5),
        measured("PySocks", 30.0, 3.0),
    ]
    drawn = pictures.picture({"title": "A title & more", "rows": rows})
    (floor, one, grey), (ours, half, teal), (theirs, three, brown) = bars(drawn)
    assert [floor, ours, theirs] == ["floor", "socks5client <&>", "PySocks"]
    assert half == pytest.approx(1.5 * one, abs=0.2)
    assert three == pytest.approx(3 * one, abs=0.2)
    assert len({grey, teal, brown}) == 3
    assert "1.50x" in drawn
    assert "CPU us, ratio to the floor" in drawn


def test_a_picture_without_a_floor_shows_medians_and_nothing_below_zero() -> None:
    rows = [measured("less than nothing", -1.0, None), measured("some", 4.0, None)]
    drawn = pictures.picture({"title": "title", "rows": rows})
    (_, none, _), (_, all_, _) = bars(drawn)
    assert none <= 1 < all_
    assert "ratio" not in drawn
    assert ">-1<" in drawn


def test_a_picture_of_system_calls() -> None:
    calls = {"floor": {"socket": 1.0, "close": 1.0}, "PySocks": {"socket": 4.0}}
    (_, two, _), (_, four, _) = bars(pictures.picture({"title": "title", "calls": calls}))
    assert four == pytest.approx(2 * two, abs=0.2)


def test_what_was_not_measured_anew_stays(tmp_path: Path) -> None:
    table = {"title": "title", "rows": [measured("floor", 1.0, 1.0)], "notes": []}
    pictures.write({"one": [table], "two": "no such program"}, tmp_path)
    pictures.write({"two words": [table]}, tmp_path)
    shown = json.loads((tmp_path / "results.json").read_text())
    assert list(shown) == ["one", "two", "two words"]
    assert shown["two"]["tables"] == "no such program"
    assert shown["two words"]["made"]["command"] == 'python -m benchmarks --only "two words"'
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["one-0.svg", "two-words-0.svg"]


def test_the_page_shows_every_benchmark() -> None:
    """By results that are in the repository, and of whole runs."""
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    shown = json.loads((ROOT / "docs" / "benchmarks" / "results.json").read_text())
    assert set(shown) == set(BENCHMARKS)
    for name in BENCHMARKS:
        assert f"```{{benchmark-results}} {name}\n" in page
    assert "41 rounds of" in shown["connect"]["tables"][0]["title"]
