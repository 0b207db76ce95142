"""Airbyte's lines in and out, as bytes: nothing that we do not look at is changed.

A state goes back as the object that came, with `destinationStats` added; whatever else it carries (the platform's
`id`, numbers of any length) stays as it is, because it is never turned into anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from destination_pigment.catalog import StreamKey

_NULL = msgspec.Raw(b"null")


class _Record(msgspec.Struct):
    stream: str
    data: msgspec.Raw = _NULL
    namespace: str | None = None


class _Line(msgspec.Struct):
    type: str
    record: _Record | None = None
    state: msgspec.Raw = _NULL
    trace: msgspec.Raw = _NULL


class _Descriptor(msgspec.Struct):
    name: str
    namespace: str | None = None


class _StreamState(msgspec.Struct):
    stream_descriptor: _Descriptor


class _State(msgspec.Struct):
    stream: _StreamState | None = None


class _Status(msgspec.Struct):
    stream_descriptor: _Descriptor
    status: str


class _Trace(msgspec.Struct):
    type: str
    stream_status: _Status | None = None


class StreamStatus(StrEnum):
    """The statuses that end a stream."""

    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record; `data` is its JSON."""

    key: StreamKey
    data: msgspec.Raw


@dataclass(frozen=True, slots=True)
class StateLine:
    """A state; `line` is the whole message as it came, `key` its stream (None: all streams)."""

    line: bytes
    key: StreamKey | None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The source says how a stream ended."""

    key: StreamKey
    status: StreamStatus


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not a message of the protocol."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is not for destinations."""


Line = RecordLine | StateLine | StatusLine | Unreadable | Ignored

_LINES = msgspec.json.Decoder(_Line)
_STATES = msgspec.json.Decoder(_State)
_TRACES = msgspec.json.Decoder(_Trace)
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREADABLE, _IGNORED = Unreadable(), Ignored()


def parse_line(line: bytes) -> Line:
    """What a line says."""
    try:
        message = _LINES.decode(line)
        match message.type:
            case "RECORD":
                record = message.record
                return (
                    _UNREADABLE
                    if record is None
                    else RecordLine((record.namespace or None, record.stream), record.data)
                )
            case "STATE":
                state = _STATES.decode(message.state)
                return StateLine(line, _key(state.stream.stream_descriptor) if state.stream else None)
            case "TRACE":
                return _status(_TRACES.decode(message.trace))
            case _:
                return _IGNORED
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _UNREADABLE


def with_stats(line: bytes, *, stored: int, rejected: int) -> bytes:
    """The state message as it came, with `destinationStats`; ends in a line feed."""
    message = _OBJECTS.decode(line)
    state = _OBJECTS.decode(message["state"])
    stats = {"recordCount": float(stored), "rejectedRecordCount": float(rejected)}
    state["destinationStats"] = msgspec.Raw(msgspec.json.encode(stats))
    message["state"] = msgspec.Raw(msgspec.json.encode(state))
    return msgspec.json.encode(message) + b"\n"


def _status(trace: _Trace) -> Line:
    status = trace.stream_status
    if status is None or status.status not in StreamStatus.__members__:
        return _IGNORED
    return StatusLine(_key(status.stream_descriptor), StreamStatus(status.status))


def _key(descriptor: _Descriptor) -> StreamKey:
    return descriptor.namespace or None, descriptor.name
