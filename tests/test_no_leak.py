"""What the kernel saw: no packet went anywhere but to the proxy, and no name was looked up here."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.origins import unused_address
from tests.real_servers import require
from tests.standalone import standalone

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {
    "drop-in socket": """
sock = socks5client.socket(proxy=URL)
sock.settimeout(5)
sock.connect_ex(("name.test", 80))
""",
    "create_connection": """
try:
    socks5client.create_connection(("name.test", 80), 5, proxy=URL)
except OSError:
    pass
""",
    "wrapped before it is connected": """
import ssl
context = ssl.create_default_context()
with context.wrap_socket(socks5client.socket(proxy=URL), server_hostname="name.test") as tls:
    try:
        tls.connect(("127.0.0.1", PORT))
    except OSError:
        pass
""",
    "httpx": """
import httpx
from socks5client.httpx import Socks5Transport
with httpx.Client(transport=Socks5Transport(URL)) as client:
    try:
        client.get("https://name.test/")
    except httpx.TransportError:
        pass
""",
    "socks5-curl": """
from socks5client.cli import main
main(["-s", "-L", "-x", URL, "https://name.test/"])
""",
}


def traced(code: str, folder: Path) -> list[str]:
    """The calls by which `code` might have sent something."""
    log = folder / "strace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    command = [
        require("strace"),
        "-f",
        "-qq",
        "-e",
        calls,
        "-o",
        str(log),
        sys.executable,
        "-c",
        code,
    ]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return log.read_text().splitlines()


@pytest.mark.parametrize("answer", ["unreachable", "unknown name", "no proxy there"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_only_the_proxy_is_spoken_to(program: str, answer: str, tmp_path: Path) -> None:
    arguments = ["--fault", "reply:reply-code=3"] if answer == "unreachable" else ["--no-resolve"]
    with standalone(*arguments) as url:
        if answer == "no proxy there":
            url = "socks5h://{}:{}".format(*unused_address())
        head = f"import socks5client\nURL, PORT = {url!r}, {unused_address()[1]}\n"
        calls = traced(head + PROGRAMS[program], tmp_path)
    host, _, port = url.removeprefix("socks5h://").rpartition(":")
    places = {
        match.groups()
        for call in calls
        if (
            match := re.search(
                r'htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"(.*?)"', call
            )
        )
    }
    if program == "wrapped before it is connected":
        # ssl connects the fd past our class, and the kernel refuses: the fd is of another family.
        refused = [call for call in calls if "EINVAL" in call and "AF_INET" in call]
        assert len(refused) == len(calls) == 1
    else:
        assert places == {(port, host)}
    # getaddrinfo asks nscd before anybody else.
    assert not [call for call in calls if "nscd" in call or "htons(53)" in call]
