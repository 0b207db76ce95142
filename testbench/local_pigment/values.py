"""How Pigment reads and writes a value: stored digit by digit, shown as the request asks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Context, Decimal

from local_pigment.blocks import ValueType

_EXACT = Context(prec=1000)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DIRECTIVES = {"dd": "%d", "MM": "%m", "MMM": "%b", "yyyy": "%Y", "yy": "%y", "HH": "%H", "mm": "%M", "ss": "%S"}
_LETTERS = re.compile("|".join(sorted(_DIRECTIVES, key=len, reverse=True)))
_LEGACY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class Unreadable(Exception):
    """The text is not a value of the type."""


def read_value(text: str, type_: ValueType, decimal_separator: str = ".") -> str:
    """The stored form of a text in an imported file; blank stays blank."""
    if not text or type_ in {ValueType.TEXT, ValueType.DIMENSION}:
        return text
    match type_:
        case ValueType.NUMBER | ValueType.INTEGER:
            number = text.replace(decimal_separator, ".") if decimal_separator != "." else text
            if not _NUMBER.fullmatch(number) or (decimal_separator != "." and "." in text):
                raise Unreadable
            return number if type_ is ValueType.NUMBER else truncated(number)
        case ValueType.BOOLEAN:
            if text.upper() not in {"TRUE", "FALSE"}:
                raise Unreadable
            return text.upper()
        case ValueType.DATE:
            legacy = _LEGACY.fullmatch(text)
            try:
                return date.fromisoformat(f"{legacy[3]}-{legacy[1]}-{legacy[2]}" if legacy else text).isoformat()
            except ValueError:
                raise Unreadable from None


def truncated(number: str) -> str:
    """An Integer keeps what stands before the decimal point (knowledge base, "Data types in Pigment")."""
    whole = number.partition(".")[0]
    return "0" if not whole.strip("-0") else whole


def divided_by_100(number: str) -> str:
    """What a column whose number format is a percentage stores; no digit is lost."""
    return f"{Decimal(number).scaleb(-2, _EXACT):f}"


def normalized(number: str) -> str:
    """A number in the one form that equal numbers share."""
    return f"{Decimal(number).normalize(_EXACT):f}"


def added(numbers: Iterable[str]) -> str:
    """The sum of numbers, no digit lost."""
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, Decimal(number))
    return f"{total:f}"


def read_date(text: str, form: str) -> str:
    """The day that a text in the format of an import configuration means; a year of two digits is one near today."""
    directives = _LETTERS.sub(lambda found: _DIRECTIVES[found[0]], form)
    try:
        return datetime.strptime(text, directives).date().isoformat()  # noqa: DTZ007 - of a day, the zone is no part
    except ValueError:
        raise Unreadable from None


def write_value(text: str, type_: ValueType, decimal_separator: str, date_format: str) -> str:
    """A stored value as an export shows it; `date_format` is `Iso8601`, `ListLegacy` or `Legacy`."""
    if not text:
        return text
    if type_ in {ValueType.NUMBER, ValueType.INTEGER} and decimal_separator != ".":
        return text.replace(".", decimal_separator)
    if type_ is ValueType.DATE and date_format != "Iso8601":
        year, month, day = text.split("-")
        legacy = f"{month}/{day}/{year}"
        return legacy if date_format == "ListLegacy" else f"{legacy} 00:00:00 +00:00"
    return text
