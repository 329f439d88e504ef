"""What a command line can say: `Options`; how one thing is said: `Option`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = dict[str, Any]
    Store = Callable[[Values, str], None]

DEFAULT_MAX_REDIRECTS = 50
DEFAULT_CONNECT_TIMEOUT = 300.0
DEFAULT_PARALLEL_MAX = 50


class UsageError(Exception):
    """The command line cannot be what its writer meant; one sentence, without secrets."""


@dataclass(frozen=True)
class DataPart:
    """One -d or relative: its text, and what that means."""

    text: str = field(repr=False)
    reads_files: bool  # @name is a file
    keeps_newlines: bool
    encodes: bool = False  # --data-urlencode, --url-query: [NAME]=CONTENT, [NAME]@FILE
    joins: bool = False  # --json: no & in front


@dataclass(frozen=True)
class FormPart:
    """One -F or --form-string, as it was written."""

    text: str = field(repr=False)
    literal: bool  # --form-string: @, < and ; mean themselves


@dataclass(frozen=True)
class Options:
    """One operation of a command line (what stands between two --next), understood.

    What is said for the whole command stands in each of its operations alike. The n-th of
    `outputs` and of `uploads` belongs to the n-th URL; an output None is named as the URL.
    """

    urls: tuple[str, ...] = field(default=(), repr=False)
    outputs: tuple[str | None, ...] = ()
    uploads: tuple[str, ...] = ()

    # Proxy
    proxy: str | None = field(default=None, repr=False)
    preproxy: str | None = field(default=None, repr=False)
    proxy_user: str | None = field(default=None, repr=False)
    proxy_cacert: str | None = None
    proxy_capath: str | None = None
    proxy_cert: str | None = field(default=None, repr=False)
    proxy_key: str | None = None
    proxy_pass: str | None = field(default=None, repr=False)
    proxy_ciphers: str | None = None
    proxy_insecure: bool = False
    socks5_basic: bool = False
    gssapi: bool = False
    gssapi_service: str | None = None
    gssapi_nec: bool = False
    gssapi_protection: str | None = None
    noproxy: str | None = None
    dns: str | None = None
    nameservers: tuple[str, ...] = ()

    # HTTP: the request
    method: str | None = None
    headers: tuple[str, ...] = field(default=(), repr=False)
    head: bool = False
    get: bool = False
    data: tuple[DataPart, ...] = field(default=(), repr=False)
    json: bool = False
    form: tuple[FormPart, ...] = field(default=(), repr=False)
    form_escape: bool = False
    url_query: tuple[DataPart, ...] = field(default=(), repr=False)
    user_agent: str | None = None
    referer: str | None = field(default=None, repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    cookie_jar: str | None = None
    junk_session_cookies: bool = False
    compressed: bool = False
    range: str | None = None
    time_cond: str | None = None
    etag_save: str | None = None
    etag_compare: str | None = None
    request_target: str | None = None
    path_as_is: bool = False
    http_version: str = "2"  # "1.0", "1.1", "2": by ALPN, "2-prior"
    ignore_content_length: bool = False
    raw: bool = False

    # HTTP: who asks, and whom
    user: str | None = field(default=None, repr=False)
    auth: str = "basic"  # or "digest", "any"
    oauth2_bearer: str | None = field(default=None, repr=False)
    netrc: str | None = None  # "required", "optional"
    netrc_file: str | None = None
    disallow_username_in_url: bool = False

    # HTTP: redirects and failures
    location: bool = False
    location_trusted: bool = False
    max_redirs: int = DEFAULT_MAX_REDIRECTS
    post301: bool = False
    post302: bool = False
    post303: bool = False
    fail: bool = False
    fail_with_body: bool = False

    # Output
    remote_name_all: bool = False
    remote_header_name: bool = False
    remote_time: bool = False
    output_dir: str | None = None
    create_dirs: bool = False
    clobber: bool | None = None
    remove_on_error: bool = False
    resume: str | None = None
    include: bool = False
    dump_header: str | None = None
    buffer: bool = True
    write_out: str | None = None
    max_filesize: int | None = None

    # TLS
    insecure: bool = False
    cacert: str | None = None
    capath: str | None = None
    crlfile: str | None = None
    cert: str | None = field(default=None, repr=False)
    key: str | None = None
    key_pass: str | None = field(default=None, repr=False)
    ciphers: str | None = None
    tls_min: str | None = None  # "1.0" to "1.3"
    tls_max: str | None = None
    alpn: bool = True

    # Connections and their limits
    max_time: float | None = None
    connect_timeout: float | None = None
    ip_version: int | None = None  # 4, 6
    resolve: tuple[str, ...] = ()
    connect_to: tuple[str, ...] = ()
    interface: str | None = None
    local_port: str | None = None
    keepalive: bool = True
    keepalive_time: int | None = None
    tcp_nodelay: bool = True
    limit_rate: int | None = None
    speed_limit: int | None = None
    speed_time: float | None = None
    proto: str | None = None
    proto_default: str | None = None
    proto_redir: str | None = None
    retry: int = 0
    retry_delay: float | None = None
    retry_max_time: float | None = None
    retry_all_errors: bool = False
    retry_connrefused: bool = False

    # FTP and TFTP
    ftp_port: str | None = None
    ftp_epsv: bool = True
    ftp_eprt: bool = True
    ftp_skip_pasv_ip: bool = True
    ftp_create_dirs: bool = False
    ftp_method: str = "multicwd"
    ftp_account: str | None = field(default=None, repr=False)
    ftp_alternative_to_user: str | None = field(default=None, repr=False)
    ssl: str | None = None  # "try", "require", "control"
    append: bool = False
    list_only: bool = False
    quotes: tuple[str, ...] = field(default=(), repr=False)
    ascii: bool = False
    crlf: bool = False
    tftp_blksize: int | None = None
    tftp_options: bool = True

    # What else can be done
    listen: bool = False
    probe: bool = False
    probe_json: bool = False

    # The whole command
    globoff: bool = False
    parallel: bool = False
    parallel_max: int = DEFAULT_PARALLEL_MAX
    fail_early: bool = False
    verbose: bool = False
    trace: str | None = None
    trace_ascii: str | None = None
    trace_time: bool = False
    silent: bool = False
    show_error: bool = False
    progress_bar: bool = False
    progress_meter: bool = True
    waterfall: bool = False
    stderr: str | None = None
    disable_config: bool = False
    help: str | None = None  # a category, "all", "" for the usual ones
    manual: bool = False
    version: bool = False
    completion: str | None = None


@dataclass(frozen=True)
class Option:
    """A row of the table: how it is written, what it says, what it does to the values.

    `argument` is the name of its argument, "" for a switch; a switch's `store` is given "1", or
    "" for its --no- form. `everywhere`: it is said for the whole command, whatever --next
    parts. `ours`: curl has no such option. `usual`: plain --help shows it. `note`: what else
    the manual says, where it differs from curl above all.
    """

    long: str
    short: str
    argument: str
    help: str
    store: Store
    everywhere: bool = False
    ours: bool = False
    usual: bool = False
    note: str = ""
    group: str = ""
