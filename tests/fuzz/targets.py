"""All targets by name. Each takes any bytes, and raises where an invariant does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import answers, command_lines, datagrams, negotiations, servers, texts

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        negotiations.negotiation,
        negotiations.gss_stream,
        datagrams.fragment,
        datagrams.reassembly,
        texts.address,
        texts.proxy_url,
        texts.environment,
        texts.placeholders,
        command_lines.arguments,
        command_lines.configuration,
        command_lines.url,
        command_lines.netrc_file,
        answers.cookies,
        answers.disposition,
        answers.heads,
        answers.date,
        answers.tftp_packet,
        servers.conversation,
        servers.relay,
    )
}

CORPUS = Path(__file__).parent / "corpus"


def corpus_of(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())
