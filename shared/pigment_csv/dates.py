"""Writes the dates and times of records as a pattern says.

Only ISO 8601 as in Airbyte's protocol (docs.airbyte.com, Data Types in Records) is accepted: a day (`2026-04-30`) or a
moment (`2026-04-30T12:13:14.5+02:00`). The T may be in small letters or a blank, the seconds may be missing, and the
zone may be missing or be `Z`, `+02:00`, `+0200` or `+02`. Pendulum knows the calendar; what else it would read as a
date (weeks, ordinals, months, 24:00, a leap second) is rejected here, because its meaning would be a guess.

Many moments lie in few days: each day is looked up in the calendar once, the rest is arithmetic within the day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from string import Formatter
from typing import NamedTuple

from pigment_csv.date_pattern import TWO_DIGIT_YEARS, DatePattern

_MINUTES_OF_DAY = 24 * 60

_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]+))?)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?"
)

# More days and minutes in zones than this are not worth keeping.
_MOST_KEPT = 20_000

_Fields = Mapping[str, str | int]


class NoDate(Enum):
    """Why a value cannot be written; the text ends a sentence about it."""

    UNREADABLE = "no date"
    HAS_TIME = "a time of day, which its schema does not have"
    OTHER_CENTURY = "a year that cannot be told by two digits"


class DateWriter:
    """Writes days and moments as a pattern says, or returns why it cannot."""

    def __init__(self, pattern: DatePattern) -> None:
        self._pattern = pattern
        self._parts = _cut(pattern.template)
        self._fields_of_day = lru_cache(_MOST_KEPT)(self._look_up)
        self._minute_of_day = lru_cache(_MINUTES_OF_DAY)(self._write_minute)
        self._rest = lru_cache(_MOST_KEPT)(self._write_rest)
        self._in_utc = lru_cache(_MOST_KEPT)(_in_utc)

    def write_day(self, value: str) -> str | NoDate:
        """Write a day unchanged; a time after it must be midnight, in any zone."""
        found = _MOMENT.fullmatch(value)
        if found is None:
            return NoDate.UNREADABLE
        day, *time, _ = found.groups("")
        return NoDate.HAS_TIME if "".join(time).strip("0:") else self._format(day, 0, 0)

    def write_moment(self, value: str) -> str | NoDate:
        """Write a moment in UTC; one without a zone unchanged, and a day as its beginning."""
        found = _MOMENT.fullmatch(value)
        if found is None:
            return NoDate.UNREADABLE
        day, time, second, fraction, zone = found.groups("")
        if not time:
            return self._format(day, 0, 0)
        moves, minutes = self._in_utc(time, zone)
        return self._format(day, moves, minutes, second, fraction)

    def _format(self, day: str, moves: int, minutes: int, second: str = "", fraction: str = "") -> str | NoDate:
        fields = self._fields_of_day(day, moves)
        if isinstance(fields, NoDate):
            return fields
        if not self._pattern.has_time:
            return str(fields["written"])
        fraction = fraction[: self._pattern.fraction_digits]
        if self._parts is None:
            rest = self._fields_of_rest(second, fraction)
            return self._pattern.template.format(**fields, **_fields_of_minute(minutes), **rest)
        return f"{fields['written']}{self._minute_of_day(minutes)}{self._rest(second, fraction)}"

    def _write_minute(self, minutes: int) -> str:
        return "" if self._parts is None else self._parts.minute.format(**_fields_of_minute(minutes))

    def _write_rest(self, second: str, fraction: str) -> str:
        return "" if self._parts is None else self._parts.rest.format(**self._fields_of_rest(second, fraction))

    def _fields_of_rest(self, second: str, fraction: str) -> _Fields:
        return {"second": int(second or 0), "fraction": fraction.ljust(self._pattern.fraction_digits, "0")}

    def _look_up(self, text: str, moves: int) -> _Fields | NoDate:
        import pendulum  # noqa: PLC0415 - it is loaded only where dates are written, because that takes time and memory

        try:
            day = pendulum.date(*map(int, text.split("-"))).add(days=moves)
        except (ValueError, OverflowError):
            return NoDate.UNREADABLE
        if self._pattern.has_short_year and day.year not in TWO_DIGIT_YEARS:
            return NoDate.OTHER_CENTURY
        fields: dict[str, str | int] = {
            "year": day.year,
            "year_of_century": day.year % 100,
            "month": day.month,
            "short_month": day.format("MMM", locale="en"),
            "long_month": day.format("MMMM", locale="en"),
            "day": day.day,
        }
        if self._parts is not None:
            fields["written"] = self._parts.day.format(**fields)
        return fields


class _Parts(NamedTuple):
    """A template in parts that depend on the day, on the minute of the day, and on the rest."""

    day: str
    minute: str
    rest: str


_OF_MINUTE, _OF_REST = {"hour", "hour_of_half", "half", "minute"}, {"second", "fraction"}


def _cut(template: str) -> _Parts | None:
    """The parts of a template in this order; None where it has another. Most of a moment is then known already."""
    parts, last = ["", "", ""], 0
    for literal, field, form, _ in Formatter().parse(template):
        part = 1 if field in _OF_MINUTE else 2 if field in _OF_REST else last if field is None else 0
        if part < last:
            return None
        parts[part] += literal.replace("{", "{{").replace("}", "}}")
        parts[part] += "" if field is None else f"{{{field}:{form}}}"
        last = part
    return _Parts(*parts)


def _fields_of_minute(minutes: int) -> _Fields:
    hour, minute = divmod(minutes, 60)
    return {
        "hour": hour,
        "hour_of_half": hour % 12 or 12,
        "half": "AM" if hour < 12 else "PM",
        "minute": minute,
    }


def _in_utc(time: str, zone: str) -> tuple[int, int]:
    """How many days the zone moves a time of day in UTC, and the minute of that day."""
    ahead = 0
    if zone not in {"", "Z", "z"}:
        minutes = int(zone[1:3]) * 60 + (int(zone[-2:]) if len(zone) > 3 else 0)
        ahead = -minutes if zone[0] == "-" else minutes
    return divmod(int(time[:2]) * 60 + int(time[3:]) - ahead, _MINUTES_OF_DAY)
