"""Where what arrives goes, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kinds import append, off, offset, remote_name, size, switch, text
from .model import Option

if TYPE_CHECKING:
    from .model import Store, Values


def _messages(name: str) -> Store:
    """-v, --trace and --trace-ascii: the last one counts."""

    def store(values: Values, text: str) -> None:
        values.update(verbose=False, trace=None, trace_ascii=None)
        values[name] = bool(text) if name == "verbose" else text

    return store


OUTPUT = (
    Option("output", "o", "FILE", "Write here instead of stdout", append("outputs"), usual=True),
    Option("remote-name", "O", "", "Write to a file named as in the URL", remote_name, usual=True),
    Option("remote-name-all", "", "", "The same for all URLs", switch("remote_name_all")),
    Option(
        "remote-header-name",
        "J",
        "",
        "With -O: named as the answer says",
        switch("remote_header_name"),
    ),
    Option(
        "remote-time", "R", "", "Give the file the time of the remote one", switch("remote_time")
    ),
    Option("output-dir", "", "DIR", "Write files there", text("output_dir")),
    Option("create-dirs", "", "", "Make the folders for -o", switch("create_dirs")),
    Option("no-clobber", "", "", "Do not overwrite files: choose another name", off("clobber")),
    Option(
        "remove-on-error",
        "",
        "",
        "Remove the file if the transfer fails",
        switch("remove_on_error"),
    ),
    Option("continue-at", "C", "OFFSET", "Resume there; -: where the file ends", offset),
    Option("include", "i", "", "Headers in the output too", switch("include"), usual=True),
    Option("dump-header", "D", "FILE", "Write the headers there", text("dump_header")),
    Option("no-buffer", "N", "", "Write what arrives at once", off("buffer")),
    Option(
        "write-out",
        "w",
        "FORMAT|@FILE",
        "What to say after the transfer",
        text("write_out"),
        usual=True,
    ),
    Option(
        "max-filesize",
        "",
        "BYTES",
        "Refuse what is larger",
        size("max_filesize"),
        note="Also where the size shows only as it comes, as curl does from 8.4 on.",
    ),
)

VERBOSE = (
    Option(
        "verbose",
        "v",
        "",
        "Show the negotiation and the headers",
        _messages("verbose"),
        note="What authenticates is masked: in `Authorization` and in cookies.",
        everywhere=True,
        usual=True,
    ),
    Option(
        "trace",
        "",
        "FILE",
        "Show all bytes, in hex as well",
        _messages("trace"),
        everywhere=True,
        note="-: stdout; %: stderr. What authenticates is masked, as with -v, and TLS's own bytes "
        "are not shown.",
    ),
    Option(
        "trace-ascii",
        "",
        "FILE",
        "Show all bytes as text",
        _messages("trace_ascii"),
        everywhere=True,
        note="The same, without hex.",
    ),
    Option("trace-time", "", "", "With the time of day", switch("trace_time"), everywhere=True),
    Option(
        "silent", "s", "", "No progress, no errors", switch("silent"), everywhere=True, usual=True
    ),
    Option(
        "show-error",
        "S",
        "",
        "Errors even with -s",
        switch("show_error"),
        everywhere=True,
        usual=True,
    ),
    Option(
        "progress-bar",
        "#",
        "",
        "A simple bar for the progress",
        switch("progress_bar"),
        everywhere=True,
    ),
    Option(
        "no-progress-meter",
        "",
        "",
        "No progress, but messages",
        off("progress_meter"),
        everywhere=True,
    ),
    Option(
        "waterfall",
        "",
        "",
        "Show the time line of each transfer",
        switch("waterfall"),
        everywhere=True,
        ours=True,
        usual=True,
    ),
    Option(
        "stderr", "", "FILE", "Write messages there; -: to stdout", text("stderr"), everywhere=True
    ),
)
