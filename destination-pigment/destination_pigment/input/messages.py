"""Airbyte's lines in and out, as bytes: nothing that we do not look at is changed.

A state goes back as the object that came, with `destinationStats` added; whatever else it carries (the platform's
`id`, numbers of any length) stays as it is, because it is never turned into anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from destination_pigment.input.catalog import StreamKey, StreamNames

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
    """How far the source is with a stream."""

    STARTED = "STARTED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one stream in their order; `data` is the JSON of each."""

    key: StreamKey
    data: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that no decoder takes: it holds NaN or Infinity, or is nested a thousand deep; `line` as it came."""

    key: StreamKey
    line: bytes


@dataclass(frozen=True, slots=True)
class StateLine:
    """A state; `line` is the whole message as it came, `key` its stream (None: all streams).

    `announced` is the number of records that the source counts since the last such state, if it counts. `filled` are
    the streams of which the state says more than null or {}; `fills_all` where it says so of all.
    """

    line: bytes
    key: StreamKey | None
    announced: int | None = None
    filled: frozenset[StreamKey] = frozenset()
    fills_all: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The source says how a stream ended."""

    key: StreamKey
    status: StreamStatus


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """Not a message of the protocol."""


@dataclass(frozen=True, slots=True)
class IgnoredLine:
    """A message that is not for destinations."""


Parsed = Records | UnreadableRecord | StateLine | StatusLine | UnreadableLine | IgnoredLine

_LINES = msgspec.json.Decoder(_Line)
_STATES = msgspec.json.Decoder(_State)
_TRACES = msgspec.json.Decoder(_Trace)
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Whatever a line can hold that is no message; nested a thousand deep is one such thing.
_NOT_READABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SOURCE_STATS = msgspec.json.Decoder(_SourceStats)
_EMPTY = (b"null", b"{}")
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:]', re.DOTALL)
_UNREADABLE, _IGNORED = UnreadableLine(), IgnoredLine()


def parse_block(block: bytes, names: StreamNames) -> Iterator[Parsed]:
    """What the lines of a block say; the records between two other lines gathered by stream, in the order of each.

    Concurrent sources send streams line by line in turns, and many records of one stream cost less than single ones.
    Records of one stream may name it with its namespace or without, and keep their order all the same.
    """
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    gathered: dict[StreamKey, list[msgspec.Raw]] = {}
    keys: dict[tuple[str | None, str], StreamKey] = {}
    for message, line in zip(_messages(block, lines), lines, strict=True):
        record = message.record if message is not None and message.type == "RECORD" else None
        if record is None:
            yield from _gathered(gathered)
            yield _parse(message, line)
        else:
            named = record.namespace, record.stream
            if named not in keys:
                key = record.namespace or None, record.stream
                keys[named] = names.resolve(key) or key
            gathered.setdefault(keys[named], []).append(record.data)
    yield from _gathered(gathered)


def _gathered(records: dict[StreamKey, list[msgspec.Raw]]) -> Iterator[Records]:
    yield from (Records(key, data) for key, data in records.items())
    records.clear()


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


def _parse(
    message: _Line | None, line: bytes
) -> UnreadableRecord | StateLine | StatusLine | UnreadableLine | IgnoredLine:
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


def is_whole(line: bytes) -> bool:
    """Whether a last line without a line end is all of a message, or nothing."""
    return not line.strip() or _message(line) is not None


def _no_message(line: bytes) -> UnreadableRecord | UnreadableLine | IgnoredLine:
    """A record of which only the envelope can be read must not go uncounted."""
    if not line.strip():
        return _IGNORED
    texts = _envelope(line)
    try:
        if json.loads(texts[b"type"]) == "RECORD":
            namespace = json.loads(texts.get(b"record.namespace", b"null"))
            return UnreadableRecord((namespace or None, json.loads(texts[b"record.stream"])), line)
    except (KeyError, ValueError):
        pass
    return _UNREADABLE


def _envelope(line: bytes) -> dict[bytes, bytes]:
    """The texts of a message's first two levels, by their dotted names; however deep the rest is nested."""
    texts: dict[bytes, bytes] = {}
    names = [b"", b"", b""]
    depth, last, before = 0, b"", b""
    for token in _TOKENS.finditer(line):
        word = token.group()
        if word in {b"{", b"["}:
            depth += 1
        elif word in {b"}", b"]"}:
            depth -= 1
        elif depth in {1, 2} and word == b":":
            names[depth] = last[1:-1]
        elif depth in {1, 2}:
            if before == b":":
                texts[b".".join(names[1 : depth + 1])] = word
            last = word
        before = word
    return texts if depth == 0 else {}


def _state(state: _State, line: bytes) -> StateLine:
    announced = _announced(state.source_stats)
    if state.stream is not None:
        key = _key(state.stream.stream_descriptor)
        return StateLine(line, key, announced, _filled([state.stream]))
    shared = state.all_streams.shared_state if state.all_streams is not None else state.data
    streams = state.all_streams.stream_states if state.all_streams is not None else None
    return StateLine(line, None, announced, _filled(streams or ()), fills_all=not _is_empty(shared))


def _filled(states: Sequence[_StreamState]) -> frozenset[StreamKey]:
    return frozenset(_key(each.stream_descriptor) for each in states if not _is_empty(each.stream_state))


def _is_empty(content: msgspec.Raw) -> bool:
    return bytes(content).translate(None, b" \t\r\n") in _EMPTY


def _announced(stats: msgspec.Raw) -> int | None:
    try:
        count = _SOURCE_STATS.decode(stats).record_count
        return None if count is None else int(count)
    except (*_NOT_READABLE, OverflowError):
        return None


def with_stats(line: bytes, *, stored: int, rejected: int) -> bytes:
    """The state message as it came, with `destinationStats`; ends in a line feed."""
    message = _OBJECTS.decode(line)
    state = _OBJECTS.decode(message["state"])
    stats = {"recordCount": float(stored), "rejectedRecordCount": float(rejected)}
    state["destinationStats"] = msgspec.Raw(msgspec.json.encode(stats))
    message["state"] = msgspec.Raw(msgspec.json.encode(state))
    return msgspec.json.encode(message) + b"\n"


def _status(trace: _Trace) -> StatusLine | IgnoredLine:
    status = trace.stream_status
    if status is None or status.status not in StreamStatus.__members__:
        return _IGNORED
    return StatusLine(_key(status.stream_descriptor), StreamStatus(status.status))


def _key(descriptor: _Descriptor) -> StreamKey:
    return descriptor.namespace or None, descriptor.name
