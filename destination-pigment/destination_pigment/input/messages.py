"""Airbyte's lines in and out, as bytes: nothing that we do not look at is changed.

A state goes back as the object that came, with `destinationStats` added; whatever else it carries (the platform's
`id`, numbers of any length) stays as it is, because it is never turned into anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from destination_pigment.input.configured_streams import StreamKey

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
    stream_state: msgspec.Raw = _NULL


class _State(msgspec.Struct):
    stream: _StreamState | None = None


class _Status(msgspec.Struct):
    stream_descriptor: _Descriptor
    status: str


class _Trace(msgspec.Struct):
    type: str
    stream_status: _Status | None = None


class StreamStatus(StrEnum):
    """How far the source is with a stream."""

    STARTED = "STARTED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one stream, one after the other; `data` is the JSON of each."""

    key: StreamKey
    data: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that is not JSON, because it holds NaN or Infinity."""

    key: StreamKey


@dataclass(frozen=True, slots=True)
class StateLine:
    """A state; `line` is the whole message as it came, `key` its stream (None: all streams).

    `is_final` says that its stream's full refresh is complete, by the word that the CDK has for it.
    """

    line: bytes
    key: StreamKey | None
    is_final: bool = False


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


Parsed = Records | RefusedRecord | StateLine | StatusLine | Unreadable | Ignored

_LINES = msgspec.json.Decoder(_Line)
_STATES = msgspec.json.Decoder(_State)
_TRACES = msgspec.json.Decoder(_Trace)
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Whatever a line can hold that is no message; nested a thousand deep is one such thing.
_NOT_READABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_COMPLETE = b'"__ab_full_refresh_sync_complete"'
_UNREADABLE, _IGNORED = Unreadable(), Ignored()


def parse_block(block: bytes) -> Iterator[Parsed]:
    """What the lines of a block say, records of one stream in runs."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    run: list[msgspec.Raw] = []
    name: str | None = None
    namespace: str | None = None
    for message, line in zip(_messages(block, lines), lines, strict=True):
        record = message.record if message is not None and message.type == "RECORD" else None
        if record is None:
            if run and name is not None:
                yield Records((namespace or None, name), run)
                run = []
            yield _parse(message, line)
        elif record.stream == name and record.namespace == namespace:
            run.append(record.data)
        else:
            if run and name is not None:
                yield Records((namespace or None, name), run)
            run, name, namespace = [record.data], record.stream, record.namespace
    if run and name is not None:
        yield Records((namespace or None, name), run)


def _messages(block: bytes, lines: list[bytes]) -> Sequence[_Line | None]:
    """The messages of the lines; None for what is none."""
    try:
        messages = _LINES.decode_lines(block)
    except _NOT_READABLE:
        return [_message(line) for line in lines]
    # Several messages may stand on one line: only where each line begins one do the counts tell which is which.
    if len(messages) == len(lines) and all(line.startswith(b"{") for line in lines):
        return messages
    return [_message(line) for line in lines]


def _message(line: bytes) -> _Line | None:
    try:
        return _LINES.decode(line)
    except _NOT_READABLE:
        return None


def _parse(message: _Line | None, line: bytes) -> RefusedRecord | StateLine | StatusLine | Unreadable | Ignored:
    """What a line that is no record says."""
    if message is None:
        return _no_message(line)
    try:
        match message.type:
            case "RECORD":
                return _UNREADABLE
            case "STATE":
                return _state(_STATES.decode(message.state), line)
            case "TRACE":
                return _status(_TRACES.decode(message.trace))
            case _:
                return _IGNORED
    except _NOT_READABLE:
        return _UNREADABLE


def _no_message(line: bytes) -> RefusedRecord | Unreadable | Ignored:
    """Python's json reads NaN, as it writes it: a record that only Python understands must not go uncounted."""
    if not line.strip():
        return _IGNORED
    try:
        record = json.loads(line)["record"]
        return RefusedRecord((record.get("namespace") or None, str(record["stream"])))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _UNREADABLE


def _state(state: _State, line: bytes) -> StateLine:
    if state.stream is None:
        return StateLine(line, None)
    is_final = _COMPLETE in bytes(state.stream.stream_state)
    return StateLine(line, _key(state.stream.stream_descriptor), is_final)


def with_stats(line: bytes, *, stored: int, rejected: int) -> bytes:
    """The state message as it came, with `destinationStats`; ends in a line feed."""
    message = _OBJECTS.decode(line)
    state = _OBJECTS.decode(message["state"])
    stats = {"recordCount": float(stored), "rejectedRecordCount": float(rejected)}
    state["destinationStats"] = msgspec.Raw(msgspec.json.encode(stats))
    message["state"] = msgspec.Raw(msgspec.json.encode(state))
    return msgspec.json.encode(message) + b"\n"


def _status(trace: _Trace) -> StatusLine | Ignored:
    status = trace.stream_status
    if status is None or status.status not in StreamStatus.__members__:
        return _IGNORED
    return StatusLine(_key(status.stream_descriptor), StreamStatus(status.status))


def _key(descriptor: _Descriptor) -> StreamKey:
    return descriptor.namespace or None, descriptor.name
