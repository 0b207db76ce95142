"""Values in CSV cells and in JSON; no number is ever converted to a float."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

# RFC 8259, section 6.
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_LENGTH = len("2026-04-30")

# The words that Pigment writes.
BOOLEANS = {"TRUE": True, "FALSE": False}

_EXPONENT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?[eE]([+-]?[0-9]+)")

# People do not plan with numbers longer than this; one would only fill the memory.
LONGEST_NUMBER = 10_000
_LONGEST_EXPONENT = len(str(LONGEST_NUMBER)) + 1


class NumberTooLong(ValueError):
    """Written out, the number would be longer than `LONGEST_NUMBER` characters."""


def is_json_number(text: str) -> bool:
    """Whether the text is a JSON number, unchanged: `0012`, `+5`, `1,5`, `.5`, `5.` and `NaN` are not."""
    return JSON_NUMBER.fullmatch(text) is not None


def is_iso_date(text: str) -> bool:
    """Whether the text is a day of the calendar, written as `2026-04-30`."""
    # A column has few different days, and many rows.
    return len(text) == _DAY_LENGTH and _is_day(text)


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    if not ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def write_out(number: str) -> str:
    """A JSON number without exponent, no digit added or lost: `1e-7` is `0.0000001`, `1.5e3` is `1500`.

    A number without exponent stays as it is, however long. Raises `NumberTooLong` where the exponent would make the
    text longer than 10,000 characters (`1e999999999`); the caller decides what to do then.
    """
    match = _EXPONENT.fullmatch(number)
    if match is None:
        return number
    sign, whole, fraction = match[1], match[2], match[3] or ""
    exponent = _exponent(match[4])
    if abs(exponent) + len(whole) + len(fraction) > LONGEST_NUMBER:
        raise NumberTooLong("the number cannot be written out: its exponent is too large")
    digits = whole + fraction
    point = len(whole) + exponent
    if point <= 0:
        digits, point = "0" * (1 - point) + digits, 1
    elif point > len(digits):
        digits += "0" * (point - len(digits))
    left, right = digits[:point].lstrip("0") or "0", digits[point:]
    return f"{sign}{left}.{right}" if right else f"{sign}{left}"


def _exponent(text: str) -> int:
    """The exponent; of a long text one that is certainly too large, because int() of many digits is slow."""
    digits = text.lstrip("+-").lstrip("0")
    return int(text) if len(digits) < _LONGEST_EXPONENT else LONGEST_NUMBER + 1
