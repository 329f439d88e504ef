"""A command on another machine through a SOCKS5 proxy: `paramiko` takes a socket as `sock=`.

    python -m examples.ssh_paramiko --proxy socks5h://127.0.0.1:1080 \\
        --key ~/.ssh/id_ed25519 --known-hosts ~/.ssh/known_hosts me@ssh.example.com uptime

It prints what the command prints, and exits as it does.
"""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlsplit

import paramiko

import socks5client


def run(options: argparse.Namespace) -> int:
    place = urlsplit(f"//{options.place}")
    host, port = place.hostname or "", place.port or 22
    with (
        socks5client.connect((host, port), proxy=options.proxy, timeout=30) as sock,
        paramiko.SSHClient() as client,
    ):
        client.load_host_keys(options.known_hosts)  # of a host that is not there it says no
        client.connect(
            host,
            port,
            place.username,
            key_filename=options.key,
            sock=sock,
            allow_agent=False,
            look_for_keys=False,
        )
        _, output, _ = client.exec_command(options.command)
        sys.stdout.buffer.write(output.read())
        return output.channel.recv_exit_status()


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--key", required=True, metavar="FILE")
    parser.add_argument("--known-hosts", required=True, metavar="FILE")
    parser.add_argument("place", metavar="USER@HOST[:PORT]")
    parser.add_argument("command", metavar="COMMAND")
    try:
        return run(parser.parse_args())
    except (OSError, paramiko.SSHException) as error:
        return f"ssh_paramiko: {error}"


if __name__ == "__main__":
    raise SystemExit(main())
