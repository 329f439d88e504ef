"""What `make bench` has written, on the page: a picture and a table for each measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from benchmarks import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docutils.nodes import Node
    from sphinx.application import Sphinx

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


class BenchmarkResults(SphinxDirective):
    """`benchmark-results`: all that was measured under one name of `python -m benchmarks`."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[Node]:
        results = FOLDER / pictures.RESULTS
        self.env.note_dependency(results)
        (name,) = self.arguments
        known = json.loads(results.read_text())
        if name not in known:
            raise self.error(f"{results} has no benchmark {name!r}: make bench")
        tables, made = known[name]["tables"], known[name]["made"]
        source = "`{command}`, {date}, {python}, {system}, {cpus} CPUs.".format(**made)
        if isinstance(tables, str):
            return self.parse_text_to_nodes(f"Left out: {tables}. ({source})")
        found: list[Node] = []
        for place, table in enumerate(tables):
            file = FOLDER / f"{pictures.slug(name)}-{place}.svg"
            self.env.note_dependency(file)
            picture = f'<figure class="benchmark">{file.read_text()}</figure>'
            lines = [*listed(table), "", *(f"{note}.\n" for note in table["notes"]), source]
            found += self.parse_text_to_nodes(f"**{table['title']}**")
            found.append(nodes.raw("", picture, format="html"))
            found += self.parse_text_to_nodes("\n".join(lines))
        return found


def listed(table: Mapping[str, Any]) -> Iterator[str]:
    """A table in Markdown."""
    if "calls" in table:
        yield from row(["contestant", "in all", "of which"])
        yield from row(["---", "---:", "---"])
        for name, calls in table["calls"].items():
            each = ", ".join(f"{call} {count:g}" for call, count in calls.items())
            yield from row([name, f"{sum(calls.values()):g}", each])
        return
    columns = pictures.quantities(table)
    heads = [head for column in columns for head in (column, "quartiles", "ratio")]
    yield from row(["contestant", *heads, "wanted"])
    yield from row(["---", *("---:" for _ in heads), "---"])
    for measured in table["rows"]:
        cells = [measured["contestant"]]
        for column in columns:
            value = measured[column]
            low, high = value["quartiles"]
            ratio = "" if value["ratio"] is None else f"{value['ratio']:.3f}"
            between = "-" if low >= 0 else " to "
            spread = f"{pictures.number(low)}{between}{pictures.number(high)}"
            cells += [pictures.number(value["median"]), spread, ratio]
        bar = measured.get("bar")
        verdict = ""
        if bar is not None:
            sign = "at most" if (bar["value"] <= bar["limit"]) == bar["met"] else "at least"
            verdict = f"{sign} {bar['limit']:g}: {'met' if bar['met'] else 'missed'}"
        yield from row([*cells, verdict])


def row(cells: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("benchmark-results", BenchmarkResults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
