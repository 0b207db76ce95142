"""JSON objects whose values stay the text that was received, so that digits, order and unknown fields stay. Pure.

The text is changed only so that it fits into one line: line ends between values become blanks, and half a surrogate
pair, which cannot be encoded again, becomes U+FFFD.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping

import msgspec

from pigment_client.errors import BrokenOff, ResponseNotUnderstood

# The values of an object as JSON, by name.
Fields = Mapping[str, bytes]

_DOCUMENT_ENDS = {b"{": b"}", b"[": b"]"}
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def json_document(content: bytes) -> bytes:
    """The text of a JSON object or list; raises `BrokenOff` where it stops early, else `ResponseNotUnderstood`."""
    text = content.removeprefix(codecs.BOM_UTF8).strip()
    if not text:
        raise BrokenOff
    end = _DOCUMENT_ENDS.get(text[:1])
    if end is None or not _is_json(text):
        # If it ends like a whole document, it is malformed; if not, it has stopped early.
        raise ResponseNotUnderstood if end is None or text.endswith(end) else BrokenOff
    return _ESCAPES.sub(_whole, text).translate(_LINE_ENDS)


def _is_json(text: bytes) -> bool:
    try:
        # Numbers are not converted, so none can be too large; NaN and Infinity are not JSON.
        json.loads(text.decode(), parse_float=str, parse_int=str, parse_constant=forbid_constant)
    except (ValueError, RecursionError):
        return False
    return True


def fields_of(text: bytes) -> Fields | None:
    """The fields of an object; None if the text is not an object."""
    return {name: bytes(value) for name, value in _OBJECT.decode(text).items()} if text[:1] == b"{" else None


def items_of(text: bytes) -> list[bytes] | None:
    """The items of a list; None if the text is not a list."""
    return [bytes(each) for each in _LIST.decode(text)] if text[:1] == b"[" else None


def text_in(value: bytes | None) -> str | None:
    """The string that a JSON value stands for; None if it is not a string."""
    return json.loads(value) if value is not None and value[:1] == b'"' else None


def object_text(fields: Fields) -> bytes:
    """The fields joined to one JSON object."""
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in fields.items()) + b"}"


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def forbid_constant(_word: str) -> None:
    """For `json.loads`: NaN and Infinity are not JSON, although it accepts them."""
    raise ValueError
