"""The shape of the package: layers, public names, what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import socks5client
from socks5client import protocol
from tests.layers import INSIDE_PROTOCOL, LAYERS, ROOT, imports, layer_of, modules, name_of

if TYPE_CHECKING:
    from pathlib import Path

# What stands outside the standard library, and who may import it.
OPTIONAL = {
    "httpcore": {"httpcore", "httpx", "dns", "cli"},
    "sniffio": {"httpcore"},
    "httpx": {"httpx", "cli"},
    "rich": {"cli"},
    "idna": {"protocol"},
    "gssapi": {"protocol"},
    "trio": {"trio"},
    "urllib3": {"urllib3"},
    "requests": {"requests"},
    "aiohttp": {"aiohttp", "_patch"},
    "dns": {"dns"},
    "sitecustomize": {"_patch"},  # the user's own
}


def rank(layers: list[set[str]], name: str) -> int:
    (found,) = [number for number, layer in enumerate(layers) if name in layer] or [None]
    assert found is not None, f"{name} has no layer: give it one in LAYERS"
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_layers(path: Path) -> None:
    name = (*name_of(path), "")
    for imported in imports(path):
        top = layer_of(imported)
        if top == name[0]:
            if top == "protocol":
                inner = (*imported[1:], "")[0]
                assert rank(INSIDE_PROTOCOL, inner) < rank(INSIDE_PROTOCOL, name[1])
            continue
        assert rank(LAYERS, top) < rank(LAYERS, name[0]), f"{path.name} imports {top}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_outside_packages(path: Path) -> None:
    name = (*name_of(path), "")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            tops = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            tops = {(node.module or "").partition(".")[0]}
        else:
            continue
        for top in tops - sys.stdlib_module_names - {"__future__", "_typeshed", "socks5client"}:
            assert name in OPTIONAL.get(top, set()), f"{path.name} imports {top}"


def test_exports() -> None:
    public = {
        name
        for name, value in vars(socks5client).items()
        if not name.startswith("_") and not isinstance(value, type(socks5client))
    }
    later = {"DatagramSocket", "GSSAPI", "Patch", "patch", "unpatch"}  # imported at first use
    assert public - {"TYPE_CHECKING"} | later == set(socks5client.__all__)
    for name in socks5client.__all__:
        assert getattr(socks5client, name) is not None
    for name in protocol.__all__:
        assert getattr(protocol, name) is not None
    for module in (socks5client, protocol):
        with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
            module.Nonsense  # noqa: B018


MODULES = ["", ".asyncio", ".trio", ".httpcore", ".httpx", ".dns", ".urllib3", ".requests"]


@pytest.mark.parametrize("module", MODULES)
def test_public_names_have_docstrings(module: str) -> None:
    package = import_module(f"socks5client{module}")
    for name in package.__all__:
        value = getattr(package, name)
        if value is socks5client.DIRECT:
            continue
        assert value.__doc__, name
        if isinstance(value, type):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and callable(member):
                    assert member.__doc__, f"{name}.{attribute}"


def test_the_core_imports_nothing_that_it_does_not_need() -> None:
    heavy = (
        "asyncio ssl threading logging random dataclasses inspect typing urllib.parse"
        " httpx httpcore dns gssapi trio idna rich"
        " socks5client._socket.datagram socks5client.protocol.gssapi socks5client.protocol.datagram"
    )
    code = (
        "import sys, socket; before = set(sys.modules); import socks5client;"
        f"print(sorted(set({heavy.split()!r}) & (set(sys.modules) - before)))"
    )
    command = [sys.executable, "-S", "-c", code]
    result = subprocess.run(
        command, cwd=ROOT.parent, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("module", "extra"), [("httpcore", "httpx"), ("httpx", "httpx"), ("trio", "trio")]
)
def test_a_missing_extra_is_one_clear_sentence(module: str, extra: str) -> None:
    code = f"import sys; sys.modules['{module}'] = None; import socks5client.{module}"
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=ROOT.parent, capture_output=True, text=True, check=False, timeout=60
    )
    last = result.stderr.strip().splitlines()[-1]
    assert last == (
        f"ImportError: socks5client.{module} needs {module}: pip install 'socks5client[{extra}]'"
    )
