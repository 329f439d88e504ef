"""An authentication method that asks somebody else, and has to wait for the answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from socks5client import Proxy

if TYPE_CHECKING:
    from tests.server_fixture import Server


class Blocking:
    """To the proxy it is no authentication; here it waits until `go_on` is set.

    `begun` is set when it does.
    """

    code = 0
    blocks = True

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def negotiate(self, request: Any, server: str) -> Any:
        self.begun.set()
        assert self.go_on.wait(10)
        yield from ()

    def proxy(self, server: Server) -> Proxy:
        return Proxy(server.host, server.port, auth=self)
