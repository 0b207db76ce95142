"""Between the text of a CSV cell and the words of JSON; no number ever passes through a float."""

from __future__ import annotations

import re
from datetime import date

import pendulum

# RFC 8259, section 6.
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_EXPONENT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?[eE]([+-]?[0-9]+)")

# A written-out number longer than this is not something people plan with; it would only fill memory.
_LONGEST_NUMBER = 10_000

# What Pigment writes when asked for its legacy format (knowledge base, "Export API").
_LEGACY_FORMATS = ("MM/DD/YYYY", "MM/DD/YYYY HH:mm:ss Z")

BOOLEANS = {"TRUE": "true", "FALSE": "false"}


def is_json_number(text: str) -> bool:
    """Whether the text is a JSON number as it stands: `0012`, `+5`, `1,5`, `.5` and `NaN` are not."""
    return JSON_NUMBER.fullmatch(text) is not None


def is_iso_date(text: str) -> bool:
    """Whether the text is a day that exists, written as `2026-04-30`."""
    if not ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_date(text: str) -> pendulum.Date | None:
    """The day that the text stands for in one of Pigment's formats (ISO, or legacy with or without a time)."""
    if is_iso_date(text):
        return pendulum.Date.fromisoformat(text)
    for pattern in _LEGACY_FORMATS:
        try:
            return pendulum.from_format(text, pattern).date()
        except ValueError:
            continue
    return None


def write_out(number: str) -> str:
    """A JSON number without exponent, no digit added or lost: `1e-7` is `0.0000001`, `1.5e3` is `1500`.

    Raises ValueError where the written-out form would be longer than 10,000 characters.
    """
    match = _EXPONENT.fullmatch(number)
    if match is None:
        return number
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", int(match[4])
    if abs(exponent) + len(whole) + len(fraction) > _LONGEST_NUMBER:
        raise ValueError("a number with an exponent this large cannot be written out")
    digits = whole + fraction
    point = len(whole) + exponent
    if point <= 0:
        digits, point = "0" * (1 - point) + digits, 1
    elif point > len(digits):
        digits += "0" * (point - len(digits))
    left, right = digits[:point].lstrip("0") or "0", digits[point:]
    return f"{sign}{left}.{right}" if right else f"{sign}{left}"
