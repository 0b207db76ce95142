"""Which records C is to take, said in another way: by the standard library's JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from destination_pigment.files.rows import RowConverter
from pigment_csv.dialect import CsvDialect
from pigment_native.fuzz.case import Shape

# `MOST_LEVELS` in rows.c.
_MOST_LEVELS = 32
_MESSAGE_FIELDS, _RECORD_FIELDS = ("type", "record"), ("stream", "namespace", "data")
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOKENS = re.compile(rb'("(?:[^"\\]|\\.)*"|[][{}])([ \t\r]*:)?')
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


class _NotPlain(Exception):
    pass


class _Digits(str):
    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The members of an object, however often a name comes."""

    def of(self, name: str) -> list[Any]:
        return [value for each, value in self if each == name]


def is_plain(line: bytes, shape: Shape) -> bool | None:
    """Whether C is to take a line; None where it may.

    A number with an exponent may be too long, written out; and what stands around the data of a message may be written
    in more ways than this module knows.
    """
    try:
        value, data = _loaded(line), line
        if shape["messages"]:
            value = _data_of(line, value, shape)
            data = bytes(_FIELDS.decode(_FIELDS.decode(line)["record"])["data"])
        plain = _is_plain_data(value, frozenset(shape["columns"])) if isinstance(value, _Object) else False
        plain = plain if _has_plain_names(data) else False
        too_long = plain is None and _text_bytes(data, shape) > len(line + b"\n")
    except (_NotPlain, ValueError, RecursionError, msgspec.MsgspecError):
        return None if shape["messages"] else False
    return False if too_long else plain


def _loaded(line: bytes) -> Any:
    def reject(_: str) -> None:
        raise _NotPlain

    return json.loads(
        line.decode(), parse_int=_Digits, parse_float=_Digits, parse_constant=reject, object_pairs_hook=_Object
    )


def _data_of(line: bytes, message: Any, shape: Shape) -> Any:
    """The data of a message of the stream, whose texts stand there as the encoder writes them."""
    if not isinstance(message, _Object) or len(message.of("type")) != 1 or len(message.of("record")) != 1:
        raise _NotPlain
    record = message.of("record")[0]
    if not isinstance(record, _Object) or len(record.of("stream")) != 1 or len(record.of("data")) != 1:
        raise _NotPlain
    for members, one, not_here in ((message, "record", _RECORD_FIELDS), (record, "data", _MESSAGE_FIELDS)):
        for name, value in members:
            _check(name, 0)
            if name != one:
                _check(value, _MOST_LEVELS)
            if name in not_here:
                raise _NotPlain
    fields = _FIELDS.decode(line)
    inside = _FIELDS.decode(fields["record"])
    namespaces = record.of("namespace")
    space = [bytes(inside["namespace"])] if namespaces else []
    wanted = [msgspec.json.encode(shape["namespace"] or "")]
    is_here = space == wanted or (not shape["namespace"] and space in ([], [b"null"]))
    if len(namespaces) > 1 or not is_here or bytes(fields["type"]) != b'"RECORD"':
        raise _NotPlain
    if bytes(inside["stream"]) != msgspec.json.encode(shape["stream"]):
        raise _NotPlain
    return record.of("data")[0]


def _is_plain_data(data: _Object, columns: frozenset[str]) -> bool | None:
    texts, plain = set(), True
    for name, value in data:
        _check(name, 0)
        _check(value, _MOST_LEVELS)
        if name not in columns and not name.startswith("_airbyte_"):
            return False
        if name in columns and name in texts:
            return False
        if name in columns and value is not None:
            texts.add(name)
            plain = plain and not (isinstance(value, _Digits) and {"e", "E"} & set(value))
    return plain or None


def _has_plain_names(data: bytes) -> bool:
    """Whether each name stands there as one of two encoders writes it; the names of Airbyte's own begin plainly."""
    level = 0
    for token in _TOKENS.finditer(data):
        word, colon = token.groups()
        level += (word in _OPENING) - (word in _CLOSING)
        if level == 1 and colon:
            name = json.loads(word)
            is_airbytes = word.startswith(b'"_airbyte_')
            if not is_airbytes and word not in {json.dumps(name).encode(), msgspec.json.encode(name)}:
                return False
    return True


def _text_bytes(data: bytes, shape: Shape) -> int:
    """What the cells take: written out, a number may take more than its record, which is left then."""
    cells = RowConverter(sorted(shape["columns"]), CsvDialect()).convert(msgspec.Raw(data))
    if not isinstance(cells, list):
        raise _NotPlain
    return sum(len((cell or "").encode()) for cell in cells)


def _check(value: Any, levels: int) -> None:
    """Raise for what is nested too deep, and for half of a surrogate pair."""
    if isinstance(value, str):
        value.encode()
    if isinstance(value, list):
        if levels == 0:
            raise _NotPlain
        for each in value:
            if isinstance(value, _Object):
                _check(each[0], 0)
            _check(each[1] if isinstance(value, _Object) else each, levels - 1)
