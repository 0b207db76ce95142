"""The values of a record that did not become a row, from the bytes that came. Pure.

A text is itself, null is None, and everything else the JSON that came, digit for digit. What is no object, or cannot be
read at all, is one value in a column of Airbyte's name for it.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

_WHOLE = "_airbyte_data"
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])

Values = tuple[tuple[str, ...], tuple[str | None, ...]]


class _Digits(str):
    """A number, or a word such as NaN, as it stood there."""

    __slots__ = ()


def values_of(record: bytes) -> Values:
    """The names and values of a record; `record` is its data, or the whole line where its data cannot be read."""
    try:
        values = _OBJECTS.decode(record)
        return tuple(values), tuple(_text(bytes(value)) for value in values.values())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _leniently(record)


def _text(value: bytes) -> str | None:
    if value == b"null":
        return None
    return msgspec.json.decode(value, type=str) if value[:1] == b'"' else value.decode()


def _leniently(record: bytes) -> Values:
    """What Python's own decoder makes of it, which takes NaN and half a character; nested values only as a whole."""
    whole = record.decode(errors="backslashreplace")
    try:
        found: Any = json.loads(whole, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits)
        if isinstance(found, dict) and found.get("type") == "RECORD":
            found = found["record"]["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        return (_WHOLE,), (whole,)
    return tuple(found), tuple(_lenient_text(value) for value in found.values())


def _lenient_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return json.dumps(value)
