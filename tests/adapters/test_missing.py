"""An adapter whose library is missing says so, and how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Module, the library's module, what it is called, the extra that brings it.
MODULES = [
    ("urllib3", "urllib3", "urllib3 2", "urllib3"),
    ("requests", "requests", "requests", "requests"),
    ("aiohttp", "aiohttp", "aiohttp", "aiohttp"),
    ("dns", "dns", "dnspython", "dns"),
]


@pytest.mark.parametrize(("module", "library", "called", "extra"), MODULES)
def test_one_clear_sentence(module: str, library: str, called: str, extra: str) -> None:
    code = f"import sys; sys.modules['{library}'] = None; import socks5client.{module}"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1] == (
        f"ImportError: socks5client.{module} needs {called}: pip install 'socks5client[{extra}]'"
    )
