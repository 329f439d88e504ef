"""What became of a transfer, and what -w can say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .exitcodes import Exit

if TYPE_CHECKING:
    from .exitcodes import TransferError


@dataclass
class Outcome:
    """What became of a transfer; what -w can say."""

    error: TransferError | None = None
    url: str = ""
    scheme: str = ""
    method: str = "GET"
    status: int = 0
    http_version: str = "0"
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    redirects: int = 0
    redirect_url: str = ""
    size_download: int = 0
    size_upload: int = 0
    size_header: int = 0
    connections: int = 0
    file_name: str = ""
    times: dict[str, float] = field(default_factory=dict)

    @property
    def code(self) -> Exit:
        return Exit.OK if self.error is None else self.error.code

    def variables(self) -> dict[str, str]:
        """The variables of -w, each with curl's meaning; time_connect is when the tunnel stands."""
        total = self.times.get("total", 0.0)
        moments = ("connect", "appconnect", "pretransfer", "starttransfer", "total")
        return {
            "http_code": f"{self.status:03}",
            "response_code": f"{self.status:03}",
            "http_version": self.http_version,
            "size_download": str(self.size_download),
            "size_upload": str(self.size_upload),
            "size_header": str(self.size_header),
            "speed_download": str(int(self.size_download / total) if total else 0),
            "speed_upload": str(int(self.size_upload / total) if total else 0),
            "url_effective": self.url,
            "num_redirects": str(self.redirects),
            "num_connects": str(self.connections),
            "redirect_url": self.redirect_url,
            "content_type": self.content_type,
            "scheme": self.scheme.upper(),
            "method": self.method,
            "filename_effective": self.file_name,
            "exitcode": str(int(self.code)),
            "errormsg": "" if self.error is None else str(self.error),
            **{f"time_{moment}": f"{self.times.get(moment, 0.0):.6f}" for moment in moments},
        }
