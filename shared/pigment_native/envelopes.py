"""What stands around the data of a stream's RECORD messages: learned from one line, proven, and only compared after.

A line that has the same parts, and between them an object as its data and any numbers, says the same as the line that
it was learned from. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

# A namespace, or none, and a name.
StreamKey = tuple[str | None, str]

# When a record was emitted: the one number that differs from line to line.
_EMITTED_AT = re.compile(rb'(?<="emitted_at":)( ?)[0-9]+(?![0-9.eE])')

# Data that are put in the place of others, one of which is not what stands there already.
_PROBES = (b'{"":[0]}', b'{"":[1]}')
_NUMBER = b"77"

# Data that stand more often in a line than this are not looked for.
_MOST_PLACES = 4


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a line: behind the one of this number stands the data, between the others stand numbers."""

    parts: tuple[bytes, ...]
    data_part: int


class _Record(msgspec.Struct):
    stream: str
    data: msgspec.Raw
    namespace: str | None = None


class _Message(msgspec.Struct):
    type: Literal["RECORD"]
    record: _Record


_MESSAGES = msgspec.json.Decoder(_Message)


def envelope_of(line: bytes, stream: StreamKey) -> Envelope | None:
    """How this record of the stream is written; None where it is none, or that cannot be proven."""
    data = _data_of(line, stream)
    if data is None:
        return None
    probe = next(each for each in _PROBES if each != data)
    for place in _places(line, data):
        before, behind = _parts(line[:place]), _parts(line[place + len(data) :])
        if _data_of(_NUMBER.join(before) + probe + _NUMBER.join(behind), stream) == probe:
            return Envelope((*before, *behind), len(before) - 1)
    return None


def _data_of(line: bytes, stream: StreamKey) -> bytes | None:
    try:
        record = _MESSAGES.decode(line).record
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return bytes(record.data) if (record.namespace or None, record.stream) == stream else None


def _places(line: bytes, data: bytes) -> Iterator[int]:
    place = -1
    for _ in range(_MOST_PLACES):
        place = line.find(data, place + 1)
        if place < 0:
            return
        yield place


def _parts(text: bytes) -> tuple[bytes, ...]:
    """A text without its numbers, in parts."""
    return tuple(_EMITTED_AT.sub(rb"\1\0", text).split(b"\0"))
