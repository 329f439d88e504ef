"""Dates as curl reads them, for -z and for the Expires of cookies.

Not email.utils nor http.cookiejar: each lacks some of curl_getdate(3)'s forms (20040912, Nov 6
1994, GMT 08:49:37 06-Nov-94 Sunday), and takes others that curl refuses.
"""

from __future__ import annotations

import re
from calendar import timegm
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Minutes west of Greenwich.
_ZONES = {
    **{"GMT": 0, "UT": 0, "UTC": 0, "WET": 0, "BST": -60, "WAT": 60, "AST": 240, "ADT": 180},
    **{"EST": 300, "EDT": 240, "CST": 360, "CDT": 300, "MST": 420, "MDT": 360, "PST": 480},
    **{"PDT": 420, "YST": 540, "YDT": 480, "HST": 600, "HDT": 540, "CET": -60, "MET": -60},
    **{"CEST": -120, "MEST": -120, "EET": -120, "CCT": -480, "JST": -540, "EAST": -600},
    **{"EADT": -660, "GST": -600, "NZT": -720, "NZST": -720, "NZDT": -780, "Z": 0},
}
_MOST_PARTS = 6
_PART = re.compile(
    r"(?P<word>[A-Za-z]{1,31})|(?P<time>\d\d?:\d\d?(?::\d\d?)?)|(?P<sign>[+-]?)(?P<digits>\d+)",
    re.ASCII,
)


@dataclass
class _Date:
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: bool = False
    time: tuple[int, int, int] | None = None
    zone: int | None = None  # minutes west
    year_next: bool = False  # once a number was no day, the next one is the year

    def word(self, text: str) -> bool:
        name = text.lower()
        if not self.weekday and any(name in (day, day[:3]) for day in _DAYS):
            self.weekday = True
        elif self.month is None and name in _MONTHS:
            self.month = _MONTHS.index(name) + 1
        elif self.zone is None and text.upper() in _ZONES:
            self.zone = _ZONES[text.upper()]
        else:
            return False
        return True

    def number(self, sign: str, digits: str) -> bool:
        value = int(digits[:12])
        if self.zone is None and sign and len(digits) == 4 and value <= 1400:
            minutes = value // 100 * 60 + value % 100
            self.zone = -minutes if sign == "+" else minutes
            return True
        if len(digits) == 8 and (self.year, self.month, self.day) == (None, None, None):
            self.year, self.month, self.day = value // 10000, value // 100 % 100, value % 100
            return True
        if not self.year_next and self.day is None:
            self.year_next = True
            if 0 < value < 32:
                self.day = value
                return True
        if self.year_next and self.year is None:
            self.year = value if value >= 100 else value + (1900 if value > 70 else 2000)
            self.year_next = self.day is not None
            return True
        return False

    def seconds(self) -> int | None:
        """Since 1970."""
        if self.year is None or self.month is None or self.day is None:
            return None
        hour, minute, second = self.time or (0, 0, 0)
        if not (1583 <= self.year <= 9999 and 1 <= self.month <= 12 and self.day <= 31):
            return None
        if hour > 23 or minute > 59 or second > 60:
            return None
        first = timegm((self.year, self.month, 1, hour, minute, second))
        return first + (self.day - 1) * 86400 + (self.zone or 0) * 60


def parse_date(text: str) -> int | None:
    """Seconds since 1970, or None where it is no date."""
    date = _Date()
    for count, part in enumerate(_PART.finditer(text)):
        if count == _MOST_PARTS:
            break
        if part["time"] and date.time is None:
            hour, minute, second = (*map(int, part["time"].split(":")), 0)[:3]
            date.time = hour, minute, second
        elif part["time"] or not (
            date.word(part["word"]) if part["word"] else date.number(part["sign"], part["digits"])
        ):
            return None
    return date.seconds()
