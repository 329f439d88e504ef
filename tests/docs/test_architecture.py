"""The diagram of the layers says what the imports are, and is legible."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.layers import LAYERS, dependencies

if TYPE_CHECKING:
    from pathlib import Path

graph_layout = import_module("graph_layout")
layers_diagram = import_module("layers_diagram")

SVG = "{http://www.w3.org/2000/svg}"


def reached(graph: dict[str, set[str]], name: str) -> set[str]:
    return graph[name].union(*(reached(graph, target) for target in graph[name]))


@pytest.fixture(scope="module")
def diagram() -> ElementTree.Element:
    return ElementTree.fromstring(layers_diagram.drawn())


def test_every_module_has_one_box_and_its_own_words(diagram: ElementTree.Element) -> None:
    boxes = {group[2].text: group[0].text for group in diagram.iter(f"{SVG}g")}
    assert set(boxes) == {name or "socks5client" for layer in LAYERS for name in layer}
    assert boxes["errors"] == "What can go wrong, and the table from reply codes to errors."
    assert all(boxes.values())


def test_the_arrows_mean_all_imports_and_no_other() -> None:
    graph = dependencies()
    assert graph["protocol"] == {"errors"}
    few = graph_layout.reduced(graph)
    for name in graph:
        assert few[name] <= graph[name]
        assert reached(few, name) == reached(graph, name)
        assert not any(other in reached(few, via) for via in few[name] for other in few[name])


def test_an_import_more_is_an_arrow_more() -> None:
    graph = {"a": {"b"}, "b": set(), "c": {"b"}}
    assert set(graph_layout.Layout(graph).ways) == {("a", "b"), ("c", "b")}
    graph["a"].add("c")
    few = graph_layout.reduced(graph)
    assert set(graph_layout.Layout(few).ways) == {("a", "c"), ("c", "b")}


def test_arrows_go_down_and_boxes_do_not_overlap(diagram: ElementTree.Element) -> None:
    layout = graph_layout.Layout(graph_layout.reduced(dependencies()))
    for name, target in layout.ways:
        assert layout.rows[name] > layout.rows[target]
    width = float(diagram.attrib["viewBox"].split()[2])
    rows: dict[float, list[float]] = {}
    for box in diagram.iter(f"{SVG}rect"):
        rows.setdefault(float(box.attrib["y"]), []).append(float(box.attrib["x"]))
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
    for lefts in rows.values():
        lefts.sort()
        for one, next_one in pairwise(lefts):
            assert next_one - one > layers_diagram.WIDTH


def test_the_page_has_the_diagram_and_the_table(site: Path) -> None:
    page = (site / "architecture.html").read_text()
    assert layers_diagram.drawn() in page
    for layer in LAYERS:
        for name in layer:
            assert f">{name or 'socks5client'}</" in page
