"""FTP through a SOCKS5 proxy with the standard library's `ftplib`, active mode included.

In active mode the server connects back to the client: the client asks the proxy for a rendezvous
(BIND), tells the server where that is (PORT, EPRT), and accepts the connection there.

    python -m examples.ftp_active --proxy socks5h://127.0.0.1:1080 ftp.example.com pub/
    python -m examples.ftp_active --proxy socks5h://127.0.0.1:1080 ftp.example.com pub/file > file

Without a path, or with one that ends in "/", it prints a listing; else it prints the file.
"""

from __future__ import annotations

import argparse
import ftplib
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import socks5client


class ProxiedFTP(ftplib.FTP):
    """An `ftplib.FTP` whose connections, for commands and for data, go through `proxy`."""

    def __init__(self, proxy: str, timeout: float | None = 60) -> None:
        super().__init__(timeout=timeout)
        self.proxy = proxy
        self.set_pasv(False)

    def connect(self, host: str = "", port: int = 0, *args: Any, **kwargs: Any) -> str:
        self.host, self.port = host or self.host, port or self.port
        self.sock = self.open(self.host, self.port)
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def open(self, host: str, port: int) -> socks5client.socket:
        return socks5client.create_connection((host, port), self.timeout, proxy=self.proxy)

    def makeport(self) -> socks5client.socket:
        """Active mode: a listener at the proxy, for the host that the commands go to."""
        listener = socks5client.socket(proxy=self.proxy)
        try:
            listener.settimeout(self.timeout)
            listener.bind(("", 0))
            listener.listen(1)
            host, port = listener.getsockname()[:2]
            self.af = socket.AF_INET6 if ":" in host else socket.AF_INET
            (self.sendeprt if ":" in host else self.sendport)(host, port)
        except BaseException:
            listener.close()
            raise
        return listener

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """In passive mode the client connects; in active mode ftplib does with `makeport`."""
        if not self.passiveserver:
            return super().ntransfercmd(cmd, rest)
        connection = self.open(*self.makepasv())
        try:
            if rest is not None:
                self.sendcmd(f"REST {rest}")
            reply = self.sendcmd(cmd)
            if not reply.startswith("1"):
                raise ftplib.error_reply(reply)
        except BaseException:
            connection.close()
            raise
        return connection, ftplib.parse150(reply) if reply.startswith("150") else None


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("server", metavar="HOST[:PORT]")
    parser.add_argument("path", nargs="?", default="", metavar="PATH")
    options = parser.parse_args()
    server = urlsplit(f"//{options.server}")
    try:
        with ProxiedFTP(options.proxy) as ftp:
            ftp.connect(server.hostname or "", server.port or ftplib.FTP_PORT)
            ftp.login()
            if options.path.endswith("/") or not options.path:
                ftp.retrlines(f"LIST {options.path}".rstrip())
            else:
                ftp.retrbinary(f"RETR {options.path}", sys.stdout.buffer.write)
    except (OSError, EOFError, ftplib.Error) as error:
        return f"ftp_active: {error}"
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
