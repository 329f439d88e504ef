"""nginx: the web server at the far end, http and https, with HTTP/2."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, LOOPBACK6, Server, has_ipv6_loopback, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("localhost", LOOPBACK, LOOPBACK6, "origin.test")
UPLOADS = "/upload/"

# Every path is relative to the folder (nginx -p), so none needs quoting.
CONFIGURATION = """\
{user}
daemon off;
pid nginx.pid;
lock_file nginx.lock;
error_log stderr;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log access.log;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    types {{ text/html html; text/plain txt; }}
    default_type application/octet-stream;
    sendfile on;
    keepalive_requests 100000;
    keepalive_timeout 300;
    client_max_body_size 0;
    server {{
        {listen}
        ssl_certificate server.pem;
        ssl_certificate_key server.pem;
        root www;
        {uploads}
    }}
}}
"""

UPLOAD_LOCATION = f"location {UPLOADS} {{ dav_methods PUT DELETE; create_full_put_path on; }}"


@dataclass(frozen=True)
class Origin:
    """A running web server; whatever is written into `root` it serves, ranges included."""

    name: str
    host: str
    http_port: int
    https_port: int
    ca_file: Path
    root: Path
    access_log: Path
    ipv6: bool  # the same ports on ::1
    uploads: str | None  # PUT below this path lands in `root` below it; None: no dav module
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)

    @property
    def http_url(self) -> str:
        """Without a slash at the end."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def https_url(self) -> str:
        """Without a slash at the end; the certificate is for NAMES, signed by `ca_file`."""
        return f"https://{self.host}:{self.https_port}"


@contextmanager
def nginx(folder: Path) -> Iterator[Origin]:
    """Run nginx as the user that runs the tests, all its files in the folder."""
    binary = require("nginx")
    build = subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=30, check=True)
    dav = "--with-http_dav_module" in build.stderr
    ipv6 = has_ipv6_loopback()
    hosts = (LOOPBACK, LOOPBACK6) if ipv6 else (LOOPBACK,)
    root, ca_file = folder / "www", folder / "ca.pem"
    for needed in (root, folder / "temp"):
        needed.mkdir()
    (root / "index.html").write_text("<p>origin</p>\n")
    _write_certificates(ca_file, folder / "server.pem")

    def prepare(http_port: int, https_port: int) -> list[str]:
        text = CONFIGURATION.format(
            user=_user_directive(),
            listen=_listen_directives(http_port, https_port, ipv6),
            uploads=UPLOAD_LOCATION if dav else "",
        )
        (folder / "nginx.conf").write_text(text)
        return [binary, "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]

    with running("nginx", folder, prepare, ports=2, hosts=hosts) as server:
        http_port, https_port = server.ports
        yield Origin(
            name="nginx",
            host=LOOPBACK,
            http_port=http_port,
            https_port=https_port,
            ca_file=ca_file,
            root=root,
            access_log=folder / "access.log",
            ipv6=ipv6,
            uploads=UPLOADS if dav else None,
            servers=(server,),
        )


def _user_directive() -> str:
    """Root's worker must read a folder that is root's alone; others cannot change user."""
    if os.getuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getgid()).gr_name};"


def _listen_directives(http_port: int, https_port: int, ipv6: bool) -> str:
    # `listen ... http2` as of nginx 1.22; 1.25 takes it with a warning.
    return "\n        ".join(
        f"listen {host}:{http_port}; listen {host}:{https_port} ssl http2;"
        for host in ((LOOPBACK, f"[{LOOPBACK6}]") if ipv6 else (LOOPBACK,))
    )


def _write_certificates(ca_file: Path, server_file: Path) -> None:
    import trustme  # slow to import, and only needed where nginx is there

    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    authority.issue_cert(*NAMES).private_key_and_cert_chain_pem.write_to_path(server_file)
