"""Dates as curl_getdate(3) lists them."""

from __future__ import annotations

import pytest

from socks5client.cli.dates import parse_date

SUNDAY = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", SUNDAY),
        ("Sunday, 06-Nov-94 08:49:37 GMT", SUNDAY),
        ("Sun Nov  6 08:49:37 1994", SUNDAY),
        ("GMT 08:49:37 06-Nov-94 Sunday", SUNDAY),
        ("94 6 Nov 08:49:37", SUNDAY),
        ("06 Nov 1994 08:49", SUNDAY - 37),
        ("1994 Nov 6", SUNDAY - 31777),
        ("Sun/Nov/6/94/GMT", SUNDAY - 31777),
        ("Sun, 06 Nov 1994 08:49:37 CET", SUNDAY - 3600),
        ("06 Nov 1994 08:49:37 EST", SUNDAY + 18000),
        ("Sun, 12 Sep 2004 15:05:58 -0700", 1095026758),
        ("20040912 15:05:58 +0200", 1094994358),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("31 Feb 2001", 983577600),  # three days late, as curl counts
    ],
)
def test_dates(text: str, seconds: int) -> None:
    assert parse_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "yesterday", "Nov", "Nov 6", "12 foo 2004", "2004-09-12", "99"),
        *("6 Nov 1500", "6 Nov 1994 25:00", "6 Nov 1994 08:60", "6 Nov 1994 08:49:37 GMT GMT"),
        *("9" * 400, "6 Nov " + "9" * 400),
    ],
)
def test_no_dates(text: str) -> None:
    assert parse_date(text) is None
