"""Where what arrives goes, and what is said of it."""

from __future__ import annotations

from .kinds import append, off, offset, remote_name, size, switch, text
from .model import Option

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
    Option("max-filesize", "", "BYTES", "Refuse what is larger", size("max_filesize")),
)

VERBOSE = (
    Option(
        "verbose",
        "v",
        "",
        "Show the negotiation and the headers",
        switch("verbose"),
        everywhere=True,
        usual=True,
    ),
    Option("trace", "", "FILE", "Show all bytes, in hex as well", text("trace"), everywhere=True),
    Option(
        "trace-ascii", "", "FILE", "Show all bytes as text", text("trace_ascii"), everywhere=True
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
