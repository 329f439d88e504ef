"""Tests as any suite has them: none knows of the proxy."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest


@pytest.mark.network
def test_a_page() -> None:
    with urllib.request.urlopen("http://example.com/", timeout=10) as response:
        assert response.status == 200


@pytest.mark.network
def test_a_child_process() -> None:
    code = "import urllib.request; urllib.request.urlopen('http://example.com/', timeout=10)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_this_machine_is_reached_directly() -> None:
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/nothing"
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(url, timeout=10)
        caught.value.close()
        thread.join()
