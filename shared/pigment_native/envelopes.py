"""The envelope of a record: what surrounds the data in a stream's RECORD messages.

It is learned from one line, proven there, and after that only compared: a line that has the same parts, with an object
as its data and any numbers between the other parts, means the same as the line that the envelope was learned from. One
that reports changes of values is not learned: they are counted record by record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

# The namespace of a stream, or None, and its name.
StreamKey = tuple[str | None, str]

# When a record was emitted: the only number that differs from line to line.
_EMITTED_AT = re.compile(rb'(?<="emitted_at":)( ?)[0-9]+(?![0-9.eE])')

# Data to try in place of a line's own; at least one of them differs from it.
_PROBES = (b'{"":[0]}', b'{"":[1]}')
_NUMBER = b"77"

# Data that occurs more often in a line is not searched for any further.
_MOST_PLACES = 4


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a line: the data follows part number `data_part`, and numbers stand between the others."""

    parts: tuple[bytes, ...]
    data_part: int


class _Record(msgspec.Struct):
    stream: str
    data: msgspec.Raw
    namespace: str | None = None
    meta: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    type: Literal["RECORD"]
    record: _Record


_MESSAGES = msgspec.json.Decoder(_Message)


def envelope_of(line: bytes, stream: StreamKey) -> Envelope | None:
    """How this record of the stream is written; None if it is no such record, or if that cannot be proven."""
    data = _data_of(line, stream)
    if data is None:
        return None
    probe = next(each for each in _PROBES if each != data)
    for place in _places(line, data):
        before, after = _parts(line[:place]), _parts(line[place + len(data) :])
        if _data_of(_NUMBER.join(before) + probe + _NUMBER.join(after), stream) == probe:
            return Envelope((*before, *after), len(before) - 1)
    return None


def _data_of(line: bytes, stream: StreamKey) -> bytes | None:
    try:
        record = _MESSAGES.decode(line).record
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    is_of_stream = (record.namespace or None, record.stream) == stream
    return bytes(record.data) if is_of_stream and not _reports_changes(bytes(record.meta)) else None


def _reports_changes(meta: bytes) -> bool:
    """Whether the `meta` of a record says that values were changed before they came."""
    try:
        found = json.loads(meta)
    except (ValueError, RecursionError):
        return True
    return isinstance(found, dict) and bool(found.get("changes"))


def _places(line: bytes, data: bytes) -> Iterator[int]:
    place = -1
    for _ in range(_MOST_PLACES):
        place = line.find(data, place + 1)
        if place < 0:
            return
        yield place


def _parts(text: bytes) -> tuple[bytes, ...]:
    """A text in parts, cut at its numbers, which are left out."""
    return tuple(_EMITTED_AT.sub(rb"\1\0", text).split(b"\0"))
