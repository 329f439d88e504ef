"""What `make demo` shows: socks5-curl fetches a page through a SOCKS5 server.

Both servers run here, on loopback: the reference server of the tests, which wants a password
and alone knows the name `welcome.test`, and a web server that only it is told about.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.server_fixture import Server

PAGE = b"""<!doctype html>
<title>It works</title>
<p>This page came through a SOCKS5 server, which also looked up its name.</p>
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *args: Any) -> None:
        pass


def main() -> int:
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as web,
        Server(
            users={"alice": "secret"}, routes={("welcome.test", 80): ("127.0.0.1", web.server_port)}
        ) as proxy,
    ):
        threading.Thread(target=web.serve_forever, args=(0.05,)).start()
        try:
            url = f"socks5h://alice:secret@{proxy.host}:{proxy.port}"
            arguments = ["--verbose", "--proxy", url, "http://welcome.test/"]
            print("$ socks5-curl", *arguments, flush=True)
            command = Path(sys.executable).with_name("socks5-curl")
            own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
            status = subprocess.run([command, *arguments], env=own, check=False).returncode
            for exchange in proxy.requests:
                print(f"\nThe SOCKS5 server was asked for {exchange.host}:{exchange.port}.")
            return status
        finally:
            web.shutdown()


if __name__ == "__main__":
    raise SystemExit(main())
