"""Airbyte's lines as messages: records and states stay the bytes that came, because they are never decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from destination_pigment.input.catalog import StreamKey, StreamNames

_NULL = msgspec.Raw(b"null")


class _Record(msgspec.Struct):
    stream: str
    data: msgspec.Raw = _NULL
    namespace: str | None = None
    meta: msgspec.Raw = _NULL


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


class _GlobalState(msgspec.Struct):
    shared_state: msgspec.Raw = _NULL
    stream_states: list[_StreamState] | None = None


class _State(msgspec.Struct, rename={"all_streams": "global", "source_stats": "sourceStats"}):
    stream: _StreamState | None = None
    all_streams: _GlobalState | None = None
    data: msgspec.Raw = _NULL
    source_stats: msgspec.Raw = _NULL


class _SourceStats(msgspec.Struct):
    record_count: float | None = msgspec.field(name="recordCount", default=None)


class _Status(msgspec.Struct):
    stream_descriptor: _Descriptor
    status: str


class _Trace(msgspec.Struct):
    type: str
    stream_status: _Status | None = None


class StreamStatus(StrEnum):
    """How far the source has come with a stream."""

    STARTED = "STARTED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"


class Change(NamedTuple):
    """What the source or the platform did to a value, and why (protocol: `AirbyteRecordMessageMetaChange`)."""

    column: str
    change: str
    reason: str


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one stream in their order; `data` is the JSON of each, `changes` what was done to their values."""

    key: StreamKey
    data: list[msgspec.Raw]
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that no decoder accepts: it contains NaN or Infinity, or is nested a thousand levels deep."""

    key: StreamKey
    line: bytes


@dataclass(frozen=True, slots=True)
class StateLine:
    """A state; `line` is the whole message as it came, `key` its stream (None: all streams).

    `announced` is the number of records that the source has counted since the last such state, if it counts. `cleared`
    are the streams whose state is null, and `clears_all` says that the state of all of them is: that is how the
    platform's Clear begins. A state of {} clears only in the legacy form, where it is that of all streams; elsewhere it
    is what some sources send after a query without a result.
    """

    line: bytes
    key: StreamKey | None
    announced: int | None = None
    cleared: frozenset[StreamKey] = frozenset()
    clears_all: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The source reports how far a stream has come, or how it ended."""

    key: StreamKey
    status: StreamStatus


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that is not a message of the protocol."""


Parsed = Records | UnreadableRecord | StateLine | StatusLine | UnreadableLine

_LINES = msgspec.json.Decoder(_Line)
_STATES = msgspec.json.Decoder(_State)
_TRACES = msgspec.json.Decoder(_Trace)
# What decoding raises for a line that is no message; too deep nesting is a RecursionError.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SOURCE_STATS = msgspec.json.Decoder(_SourceStats)
_WORD = re.compile(r"[A-Z_]{1,60}")
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]|[^][{}:,"\s]+', re.DOTALL)
_UNREADABLE = UnreadableLine()


def parse_block(block: bytes, names: StreamNames) -> Iterator[Parsed]:
    """The messages of a block; the records between two other messages are grouped by stream, each in its order.

    Concurrent sources send lines of several streams in turns, and many records of one stream cost less than single
    ones. Records of one stream keep their order even if some name its namespace and some do not.
    """
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    records: dict[StreamKey, Records] = {}
    keys: dict[tuple[str | None, str], StreamKey] = {}
    for message, line in zip(_messages(block, lines), lines, strict=True):
        record = message.record if message is not None and message.type == "RECORD" else None
        if record is None:
            yield from _pop_records(records)
            if (parsed := _parse_other(message, line)) is not None:
                yield parsed
        else:
            named = record.namespace, record.stream
            if named not in keys:
                key = record.namespace or None, record.stream
                keys[named] = names.resolve(key) or key
            found = records.get(keys[named])
            if found is None:
                found = records[keys[named]] = Records(keys[named], [])
            found.data.append(record.data)
            if record.meta is not _NULL:
                found.changes.extend(changes_of(bytes(record.meta)))
    yield from _pop_records(records)


def _pop_records(records: dict[StreamKey, Records]) -> Iterator[Records]:
    yield from records.values()
    records.clear()


@lru_cache(1000)
def changes_of(meta: bytes) -> tuple[Change, ...]:
    """The changes that the `meta` of a record reports; none where it cannot be read."""
    if b"change" not in meta and b"\\" not in meta:
        return ()
    try:
        return tuple(map(_change, json.loads(meta).get("changes") or ()))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ()


def _change(reported: Mapping[str, Any]) -> Change:
    words = (str(reported.get(name)) for name in ("change", "reason"))
    change, reason = (each if _WORD.fullmatch(each) else "UNKNOWN" for each in words)
    return Change(str(reported.get("field")), change, reason)


def _messages(block: bytes, lines: list[bytes]) -> Sequence[_Line | None]:
    """The messages of the lines; None for a line that is not one."""
    try:
        messages = _LINES.decode_lines(block)
    except _UNDECODABLE:
        return [_message(line) for line in lines]
    # A line may contain several messages: the counts show which is which only if each line begins one.
    if len(messages) == len(lines) and all(line.startswith(b"{") for line in lines):
        return messages
    return [_message(line) for line in lines]


def _message(line: bytes) -> _Line | None:
    try:
        return _LINES.decode(line)
    except _UNDECODABLE:
        return None


def _parse_other(message: _Line | None, line: bytes) -> Parsed | None:
    """A line that is not a record; None if it is blank or a message that is not for destinations."""
    if message is None:
        return _parse_undecodable(line)
    try:
        match message.type:
            case "RECORD":
                return _UNREADABLE
            case "STATE":
                return _state(_STATES.decode(message.state), line)
            case "TRACE":
                return _status(_TRACES.decode(message.trace))
            case _:
                return None
    except _UNDECODABLE:
        return _UNREADABLE


def is_whole(line: bytes) -> bool:
    """Whether a last line without a line end is a complete message, or blank."""
    return not line.strip() or _message(line) is not None


def _parse_undecodable(line: bytes) -> Parsed | None:
    """A line that cannot be decoded; if it is a record, its envelope is read, because it must be counted."""
    if not line.strip():
        return None
    try:
        fields = _envelope(line)
    except ValueError:  # a text that is not one either
        return _UNREADABLE
    stream, namespace = fields.get(("record", "stream")), fields.get(("record", "namespace"))
    if fields.get(("type",)) == "RECORD" and isinstance(stream, str) and isinstance(namespace, str | None):
        return UnreadableRecord((namespace or None, stream), line)
    return _UNREADABLE


def _envelope(line: bytes) -> dict[tuple[str, ...], Any]:
    """The texts and nulls of a message's first two levels by their names; the rest may be nested to any depth.

    Of two members with one name the last counts. Raises ValueError for a text that JSON does not allow.
    """
    fields: dict[tuple[str, ...], Any] = {}
    names: list[str] = ["", ""]
    depth, before = 0, b""
    for token in _TOKENS.finditer(line):
        word = token.group()
        if before and depth == 0:
            return {}  # something follows the message
        if word == b":" and depth in {1, 2}:
            names[depth - 1] = json.loads(before)
        elif before == b":" and depth in {1, 2}:
            path = tuple(names[:depth])
            fields = {each: value for each, value in fields.items() if each[:depth] != path}
            fields[path] = json.loads(word) if word[:1] == b'"' or word == b"null" else word
        depth += (word in {b"{", b"["}) - (word in {b"}", b"]"})
        before = word
    return fields if depth == 0 else {}


def _state(state: _State, line: bytes) -> StateLine:
    announced = _announced(state.source_stats)
    if state.stream is not None:
        key = _key(state.stream.stream_descriptor)
        return StateLine(line, key, announced, _cleared([state.stream]))
    if state.all_streams is not None:
        return StateLine(line, None, announced, _cleared(state.all_streams.stream_states or ()))
    legacy = bytes(state.data).translate(None, b" \t\r\n")
    return StateLine(line, None, announced, clears_all=legacy in {b"null", b"{}"})


def _cleared(states: Sequence[_StreamState]) -> frozenset[StreamKey]:
    """The streams whose state is null; the platform leaves out what is null (protocol models, NON_NULL)."""
    return frozenset(_key(each.stream_descriptor) for each in states if bytes(each.stream_state).strip() == b"null")


def _announced(stats: msgspec.Raw) -> int | None:
    try:
        count = _SOURCE_STATS.decode(stats).record_count
        return None if count is None else int(count)
    except (*_UNDECODABLE, OverflowError):
        return None


def _status(trace: _Trace) -> StatusLine | None:
    status = trace.stream_status
    if status is None or status.status not in StreamStatus.__members__:
        return None
    return StatusLine(_key(status.stream_descriptor), StreamStatus(status.status))


def _key(descriptor: _Descriptor) -> StreamKey:
    return descriptor.namespace or None, descriptor.name
