"""What became of a transfer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .exitcodes import Exit

if TYPE_CHECKING:
    from .exitcodes import TransferError


@dataclass
class Outcome:
    """What became of a transfer; all that -w and --waterfall can say.

    `times` are seconds since its start: of "namelookup", "connect" (TCP to the proxy), "tunnel",
    "appconnect" (TLS), "pretransfer", "starttransfer", "redirect" (the last one), "total"; the
    last one counts. `steps` has all of them, and the steps of the handshakes with proxies, in the
    order in which they ended.
    """

    number: int = 0
    error: TransferError | None = None
    retries: int = 0
    retry_after: float | None = None  # seconds that the server asked for
    given_url: str = ""  # as it was typed
    url: str = ""
    scheme: str = ""
    method: str = "GET"
    status: int = 0
    http_version: str = "0"
    content_type: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    redirects: int = 0
    redirect_url: str = ""
    referer: str = ""
    size_download: int = 0
    size_upload: int = 0
    size_header: int = 0
    size_request: int = 0
    connections: int = 0
    file_name: str = ""
    unmet: bool = False  # the condition of -z: there is nothing newer
    file_time: float | None = None  # when the remote file was changed, in seconds since 1970
    ftp_entry_path: str = ""
    remote: tuple[str, int] = ("", 0)
    local: tuple[str, int] = ("", 0)
    certificates: tuple[str, ...] = ()  # of the server: PEM, its own first
    proxy_verify_result: int = 0
    verify_result: int = 0  # as OpenSSL's X509_V_ERR_...
    times: dict[str, float] = field(default_factory=dict)
    steps: list[tuple[str, float]] = field(default_factory=list)

    @property
    def code(self) -> Exit:
        return Exit.OK if self.error is None else self.error.code

    @property
    def error_is_status(self) -> bool:
        """The answer arrived, whatever -f made of it."""
        return self.error is None or self.error.code == Exit.HTTP_ERROR

    @property
    def refused(self) -> bool:
        return self.error is not None and self.error.refused

    def mark(self, step: str, elapsed: float) -> None:
        self.times[step] = elapsed
        self.steps.append((step, elapsed))
