"""--retry: which failures pass by themselves, and how long to wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .exitcodes import Exit
from .verbose import to_stderr

if TYPE_CHECKING:
    from .options import Options
    from .outcome import Outcome
    from .session import Session

_LONGEST_PAUSE = 600.0
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_PASSING_EXITS = frozenset(
    {Exit.TIMEOUT, Exit.HOST_NOT_RESOLVED, Exit.PROXY_NOT_RESOLVED, Exit.FTP_ACCEPT_TIMEOUT}
)
_FTP = frozenset({"ftp", "ftps"})  # 4yz: "the error condition is temporary" (RFC 959)


class Retries:
    """The attempts of one job; `made` counts those after the first."""

    def __init__(self, options: Options, session: Session) -> None:
        self.made = 0
        self._options = options
        self._stopping = session.stopping
        self._start = time.monotonic()

    def again(self, outcome: Outcome) -> bool:
        """Whether to try once more, after the pause that is due."""
        options = self._options
        if self.made >= options.retry or not self._may_pass(outcome):
            return False
        pause = options.retry_delay or min(2.0**self.made, _LONGEST_PAUSE)
        if outcome.retry_after is not None and outcome.error_is_status:
            pause = outcome.retry_after
        end, elapsed = options.retry_max_time, time.monotonic() - self._start
        if end is not None and (elapsed >= end or elapsed + (outcome.retry_after or 0) > end):
            return False
        if not options.silent:
            left = options.retry - self.made
            to_stderr(
                f"socks5-curl: will try again in {pause:g} seconds ({left} more at most): "
                f"{outcome.error or f'HTTP {outcome.status}'}"
            )
        self.made += 1
        return not self._stopping.wait(pause)

    def _may_pass(self, outcome: Outcome) -> bool:
        if outcome.scheme in _FTP:
            if outcome.error is not None and outcome.status // 100 == 4:
                return True
        elif outcome.status in _PASSING_STATUS and outcome.error_is_status:
            return True
        if outcome.error is None:
            return False
        if self._options.retry_all_errors:
            return outcome.error.code not in (Exit.USAGE, Exit.URL_MALFORMED)
        if outcome.refused and self._options.retry_connrefused:
            return True
        return outcome.error.code in _PASSING_EXITS
