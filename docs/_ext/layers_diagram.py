"""The diagram of the package's layers, and their table, drawn from what its files import."""

from __future__ import annotations

import ast
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from docutils import nodes
from graph_layout import Layout, reduced
from public_names import MODULES, PACKAGE
from sphinx.util.docutils import SphinxDirective

from tests.layers import LAYERS, ROOT, dependencies

if TYPE_CHECKING:
    from docutils.nodes import Node
    from graph_layout import Spot
    from sphinx.application import Sphinx

COLUMN, ROW, WIDTH, HEIGHT, MARGIN = 118.0, 74.0, 104.0, 34.0, 8.0


class LayersDiagram(SphinxDirective):
    """`layers-diagram`: the boxes and arrows, as SVG that takes the colours of the page."""

    def run(self) -> list[Node]:
        note_sources(self)
        return [nodes.raw("", f'<div class="layers">{drawn()}</div>', format="html")]


class LayersTable(SphinxDirective):
    """`layers-table`: each module, highest first, with what its docstring says it is."""

    def run(self) -> list[Node]:
        note_sources(self)
        graph = dependencies()
        rows = ["```{list-table}", ":header-rows: 1", ":widths: 18 52 30", ""]
        rows += ["* - module", "  - what it is", "  - imports, of this package"]
        for layer in reversed(LAYERS):
            for name in sorted(layer):
                rows.append(f"* - `{shown(name)}`")
                rows.append(f"  - {summary(name)}")
                imported = ", ".join(f"`{shown(target)}`" for target in sorted(graph[name]))
                rows.append(f"  - {imported or 'nothing'}")
        return self.parse_text_to_nodes("\n".join([*rows, "```"]))


def note_sources(directive: SphinxDirective) -> None:
    """So that the page is made anew when a module changes."""
    for path in ROOT.rglob("*.py"):
        directive.env.note_dependency(path)


def shown(name: str) -> str:
    return name or PACKAGE


def summary(name: str) -> str:
    """The first line of a module's docstring, which may span two."""
    folder = ROOT / name
    path = folder / "__init__.py" if folder.is_dir() else ROOT / f"{name}.py"
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def drawn() -> str:
    """The diagram: an arrow means "imports"; those that others imply are left out."""
    layout = Layout(reduced(dependencies()))
    public = {name.removeprefix(PACKAGE).removeprefix(".") for name in MODULES}
    width = (max(layout.places[name] for name in layout.rows) + 0.5) * COLUMN + 2 * MARGIN
    height = (max(layout.rows.values()) + 1) * ROW - (ROW - HEIGHT) + 2 * MARGIN
    top = max(layout.rows.values())

    def x(spot: Spot) -> float:
        return MARGIN + layout.places[spot] * COLUMN

    def y(row: int) -> float:
        return MARGIN + (top - row) * ROW

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' role="img" aria-label="Which module imports which">',
        '<defs><marker id="layers-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.500z"/></marker></defs>',
    ]
    for (name, target), way in layout.ways.items():
        points = [(x(name), y(layout.rows[name]) + HEIGHT)]
        for spot in way[1:-1]:
            middle = y(layout.row(spot))
            points += [(x(spot), middle), (x(spot), middle + HEIGHT)]
        points.append((x(target), y(layout.rows[target])))
        title = f"{shown(name)} imports {shown(target)}"
        parts.append(f'<path class="arrow" d="{curve(points)}"><title>{title}</title></path>')
    for name, row in layout.rows.items():
        kind = "public" if name in public else "inner"
        left, upper = x(name) - WIDTH / 2, y(row)
        parts.append(
            f'<g class="{kind}"><title>{escape(summary(name))}</title>'
            f'<rect x="{left:.1f}" y="{upper:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
            f'<text x="{x(name):.1f}" y="{upper + HEIGHT / 2 + 4.5:.1f}">{shown(name)}</text></g>'
        )
    return "".join([*parts, "</svg>"])


def curve(points: list[tuple[float, float]]) -> str:
    """A path through the points: straight past a row, and bent between two rows."""
    (x, y), *_ = points
    path = [f"M{x:.1f} {y:.1f}"]
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if number % 2:
            path.append(f"L{x1:.1f} {y1:.1f}")
        else:
            bend = (y1 - y0) / 2
            path.append(f"C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}")
    return "".join(path)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("layers-diagram", LayersDiagram)
    app.add_directive("layers-table", LayersTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
