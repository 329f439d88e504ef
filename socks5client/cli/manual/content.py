"""What the manual says, in a form that roff and plain text are made of.

In the texts, what stands in backticks is to be typed as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..exitcodes import Exit
from ..options.configfile import DEFAULT_NAME
from ..options.table import GROUPS, TABLE
from ..options.unsupported import UNSUPPORTED
from .exits import EXITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..options import Option


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Entry:
    """A term, as it is typed, the name of its argument, and what it means."""

    term: str
    argument: str
    text: str


@dataclass(frozen=True)
class Example:
    """What to type, and what that does."""

    text: str
    command: str


@dataclass(frozen=True)
class Heading:
    """Of a part of a section."""

    text: str


Block = Paragraph | Entry | Example | Heading


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


SUMMARY = "curl's command line for what is reached through a SOCKS5 proxy"
SYNOPSIS = ("[options...] URL...", "--listen [options...] [URL]", "--probe [--json] [options...]")

_DESCRIPTION = (
    Paragraph(
        "`socks5-curl` fetches and sends what URLs name, through one SOCKS5 proxy or a chain of "
        "them. Options, exit codes, what is sent and what is printed on stdout are curl's; "
        "messages on stderr are its own. An option of curl that it does not have is an error, "
        "never ignored."
    ),
    Paragraph(
        "It fails closed: where no proxy is named, by `--proxy` or a relative or by the "
        "environment, nothing is sent. Nothing is reached directly but what `--noproxy` or "
        "`NO_PROXY` says. Names are looked up by the proxy unless you choose otherwise (`--dns`)."
    ),
)
_URLS = (
    Entry("http://, https://", "", "As curl; HTTP/2 where the server has it."),
    Entry(
        "ftp://, ftps://",
        "",
        "Lists, fetches and stores, in passive mode, or with `-P -` in active mode, for which the "
        "proxy waits for the server (BIND).",
    ),
    Entry("tftp://", "", "Fetches and stores, by UDP ASSOCIATE."),
    Entry(
        "tcp://HOST:PORT, udp://HOST:PORT",
        "",
        "A pipe: what stdin has is sent, what comes is written to stdout. TCP is closed one way "
        "when stdin ends, as `nc -N` does.",
    ),
    Paragraph(
        "Several URLs share their options. `{a,b}`, `[1-9]` and `[a-z:2]` in a URL stand for "
        "several, unless `--globoff` says that they do not; `#1` in the name of `-o` is what the "
        "first of them stands for. Without a scheme a URL is HTTP, or FTP for a host that begins "
        "with `ftp.`"
    ),
)
_FILES = (
    Entry(
        f"~/{DEFAULT_NAME}",
        "",
        "Options that are read first, as by `-K`, unless the first option is `-q`. It is not "
        "curl's ~/.curlrc, which may hold options that are not here.",
    ),
    Entry("~/.netrc", "", "User names and passwords, for `-n`."),
)
_ENVIRONMENT = (
    Entry(
        "SOCKS5CLIENT_PROXY, ALL_PROXY, all_proxy",
        "",
        "The proxy, where no option names one; the first that is a SOCKS5 URL.",
    ),
    Entry("NO_PROXY, no_proxy", "", "What is reached directly, where --noproxy is not given."),
    Entry(
        "SSL_CERT_FILE, SSL_CERT_DIR", "", "Whom to trust, where no --cacert or --capath is given."
    ),
    Entry("COLUMNS, NO_COLOR", "", "Width and colours of what is shown on a terminal."),
)
_DIFFERENCES = (
    Paragraph("Where the same command line means something else than to curl 7.88:"),
    Entry("long options", "", "They are written whole; curl takes `--loc` for `--location`."),
    Entry(
        "files of -K",
        "",
        "What is wrong in one is an error (exit code 2) with its line; curl warns and goes on.",
    ),
    Entry("numbers", "", "Seconds and sizes may have a fraction and all of k, M, G, T, P."),
    Entry("-x host:port", "", "A SOCKS5 proxy that resolves names; to curl an HTTP proxy."),
    Entry(
        "no proxy",
        "",
        "Is an error; curl connects directly.",
    ),
    Entry("the progress meter", "", "A bar for each transfer, and none where stderr is a file."),
)
_EXAMPLES = (
    Example(
        "Fetch a page through ssh -D 1080:",
        "socks5-curl -x socks5h://127.0.0.1:1080 https://example.com/",
    ),
    Example(
        "Download, resuming what is there:", "socks5-curl -C - -O https://example.com/large.iso"
    ),
    Example("Several at once:", "socks5-curl -Z --remote-name-all 'https://example.com/[1-9].png'"),
    Example(
        "List a folder of an FTP server, in active mode:",
        "socks5-curl -P - ftp://ftp.example.com/pub/",
    ),
    Example("Talk to a port:", "printf 'ping\\r\\n' | socks5-curl tcp://example.com:7"),
    Example("Find out what a proxy can do:", "socks5-curl --probe -x socks5h://127.0.0.1:1080"),
    Example(
        "See where the time goes:", "socks5-curl --waterfall -o /dev/null https://example.com/"
    ),
)


def sections() -> list[Section]:
    """The manual."""
    return [
        Section("DESCRIPTION", _DESCRIPTION),
        Section("URLS", _URLS),
        Section("OPTIONS", tuple(_options())),
        Section("FILES", _FILES),
        Section("ENVIRONMENT", _ENVIRONMENT),
        Section("EXIT STATUS", tuple(_exits())),
        Section("DIFFERENCES FROM CURL", _DIFFERENCES),
        Section("EXAMPLES", _EXAMPLES),
        Section("SEE ALSO", (Paragraph("curl(1), ssh(1), tor(1), RFC 1928, RFC 1929, RFC 1961"),)),
    ]


def _options() -> Iterator[Block]:
    yield Paragraph(
        "Options may stand before, between and behind URLs. Those of one letter may be written "
        "together (`-sSL`), and an argument right behind its letter (`-ofile`). A switch is taken "
        "back by its --no- form (`--no-location`). `--` ends the options."
    )
    everywhere = [option.long for option in TABLE if option.everywhere]
    yield Paragraph(
        "Each URL has the options between the --next before it and the one behind it, but these, "
        f"which are for the whole command wherever they stand: {_listed(everywhere)}."
    )
    for group, (title, _) in GROUPS.items():
        yield Heading(title)
        for option in sorted(TABLE, key=lambda option: option.long):
            if option.group == group:
                yield Entry(names(option), option.argument, explained(option))
    yield Heading("What curl has and this tool has not")
    never = sorted(name for name, missing in UNSUPPORTED.items() if missing.never)
    later = sorted(name for name, missing in UNSUPPORTED.items() if not missing.never)
    yield Paragraph(f"Without meaning here: {_listed(never)}.")
    yield Paragraph(f"Not yet: {_listed(later)}.")


def _listed(options: list[str]) -> str:
    return ", ".join(f"`--{name}`" for name in options)


def names(option: Option) -> str:
    """Both names of an option, as they are typed."""
    return f"-{option.short}, --{option.long}" if option.short else f"--{option.long}"


def explained(option: Option) -> str:
    """What the manual says of an option: whole sentences."""
    text = option.help if option.help.endswith(".") else f"{option.help}."
    if option.note:
        text += f" {option.note}"
    if option.ours:
        text += " Not an option of curl."
    return text


def _exits() -> Iterator[Block]:
    yield Paragraph(
        "The numbers are curl's. Of several transfers the last one's counts; with -Z it is that of "
        "the last one that failed."
    )
    for code in Exit:
        yield Entry(str(int(code)), "", EXITS[code])
