"""`python -m tests.server_fixture`: the server alone, for curl, nc and the like.

Prints `listening on HOST:PORT` and serves until SIGINT or SIGTERM; exit status 0.
"""

from __future__ import annotations

import argparse
import signal
import ssl
from typing import TYPE_CHECKING

from . import wire
from .catalogue import CATALOGUE, GSS_CATALOGUE
from .faults import (
    GSS_STAGES,
    STAGES,
    Action,
    Fault,
    append,
    close,
    coalesce,
    delay,
    drip,
    replace,
    reset,
    split,
    stall,
    truncate,
)
from .server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .log import Exchange

PLAIN_ACTIONS: dict[str, Callable[[], Action]] = {
    "close": close,
    "reset": reset,
    "stall": stall,
    "split": split,
    "coalesce": coalesce,
}
ACTIONS: dict[str, Callable[[str], Action]] = {
    "append": lambda arg: append(bytes.fromhex(arg)),
    "delay": lambda arg: delay(float(arg)),
    "drip": lambda arg: drip(float(arg)),
    "replace": lambda arg: replace(bytes.fromhex(arg)),
    "split": lambda arg: split(int(arg)),
    "truncate": lambda arg: truncate(int(arg)),
}


def parse_fault(text: str) -> Fault:
    """STAGE:NAME[=ARG], NAME an action (replace and append take hex) or in the catalogue."""
    stage, colon, rest = text.partition(":")
    name, equals, arg = rest.partition("=")
    stages, catalogue = (*STAGES, *GSS_STAGES), CATALOGUE | GSS_CATALOGUE
    if not colon or stage not in stages:
        raise argparse.ArgumentTypeError(f"{text!r}: STAGE is one of {', '.join(stages)}")
    if not equals and name in PLAIN_ACTIONS:
        return Fault(stage, PLAIN_ACTIONS[name]())
    if equals and name in ACTIONS:
        try:
            return Fault(stage, ACTIONS[name](arg))
        except ValueError as exc:
            raise argparse.ArgumentTypeError(f"{text!r}: {exc}") from None
    full = f"{name}-{arg}" if equals else name
    for key in (full, f"{full}-{stage}"):
        if key in catalogue and catalogue[key].stage == stage:
            return catalogue[key]
    raise argparse.ArgumentTypeError(f"{text!r}: no such fault at this stage")


def printable(text: str) -> str:
    """No control character of a client's reaches the terminal."""
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")


def print_request(exchange: Exchange) -> None:
    command = wire.COMMAND_NAMES.get(exchange.command or 0, f"command-{exchange.command}")
    peer = "unix" if exchange.peer is None else "{}:{}".format(*exchange.peer)
    user = "" if exchange.username is None else f" user={wire.decode_name(exchange.username)!r}"
    if exchange.gss_principal is not None:
        user = f" principal={exchange.gss_principal!r} level={exchange.gss_level}"
    print(
        f"{peer} {command} {printable(exchange.host or '')}:{exchange.port}"
        f"{printable(user)} reply={exchange.reply_code}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.server_fixture", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=1080, help="0 takes a free one")
    add("--unix", metavar="PATH", help="listen on a unix socket as well")
    add("--user", metavar="NAME", help="demand this user name and --password")
    add("--password", metavar="PW", default="")
    add("--gssapi", action="store_true", help="demand GSSAPI; KRB5_KTNAME names the keytab")
    add("--gss-nec", action="store_true", help="its protection level goes as a bare octet")
    add("--fault", type=parse_fault, action="append", default=[], metavar="STAGE:NAME[=ARG]")
    add("--resolve", action=argparse.BooleanOptionalAction, default=True, help="system's resolver")
    add("--no-fragments", dest="fragments", action="store_false", help="drop UDP with FRAG != 0")
    add("--udp-fragment-size", type=int, metavar="N", help="larger payloads go down in fragments")
    add("--check-peer", action="store_true", help="BIND: only DST.ADDR may come")
    add("--bind-timeout", type=float, default=30.0, metavar="SECONDS")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak TLS to the clients")
    add("--tor", action="store_true", help="Tor's RESOLVE and RESOLVE_PTR as well")
    add("--log", action="store_true", help="one line for each request")
    options = parser.parse_args(arguments)
    methods = None
    if options.gssapi:  # or what --user demands
        methods = (wire.GSSAPI,) if options.user is None else (wire.GSSAPI, wire.USERNAME_PASSWORD)
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*options.tls)
    # Blocked before the server's thread starts, so that only sigwait sees them.
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Server(
        options.host,
        options.port,
        users=None if options.user is None else {options.user: options.password},
        methods=methods,
        resolve=options.resolve,
        faults=options.fault,
        unix_path=options.unix,
        ssl_context=context,
        observer=print_request if options.log else None,
        fragments=options.fragments,
        udp_fragment_size=options.udp_fragment_size,
        check_peer=options.check_peer,
        bind_timeout=options.bind_timeout,
        gss_nec=options.gss_nec,
        tor=options.tor,
    ) as server:
        host = f"[{server.host}]" if ":" in server.host else server.host
        print(f"listening on {host}:{server.port}", flush=True)
        signal.sigwait(signals)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
