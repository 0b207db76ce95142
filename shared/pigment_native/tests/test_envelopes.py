"""What is learned from one line is true of every line that has the same parts."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_native.envelopes import Envelope, StreamKey, envelope_of

STREAM = ("ns", 'a{}"emitted_at":1')
DATA = {"emitted_at": 7, "data": {}, "x": '"data":{}'}


class Record(msgspec.Struct):
    data: msgspec.Raw


class Message(msgspec.Struct):
    record: Record


def written(stream: StreamKey, data: Any, seed: int, emitted_at: int = 1700000000000) -> bytes:
    """A message, its fields in any order, with others beside them, in one of the ways of writing."""
    chance = Random(seed)
    record: dict[str, Any] = {"stream": stream[1], "data": data, "emitted_at": emitted_at}
    if stream[0] is not None or chance.random() < 0.3:
        record["namespace"] = stream[0] or chance.choice([None, ""])
    for name in ("meta", "Data", "x"):
        if chance.random() < 0.3:
            record[name] = chance.choice([{}, {"data": {}}, {"emitted_at": 5}, [data], "{}", stream[1], 1.5e300])
    message = {"type": "RECORD", "record": _shuffled(record, chance)}
    if chance.random() < 0.3:
        message["emitted_at"] = emitted_at
    separators = chance.choice([(",", ":"), (", ", ": "), None])
    message = _shuffled(message, chance)
    return json.dumps(message, ensure_ascii=chance.random() < 0.5, separators=separators).encode()


def _shuffled(fields: dict[str, Any], chance: Random) -> dict[str, Any]:
    return dict(chance.sample(sorted(fields.items()), len(fields)))


def read(line: bytes) -> tuple[Any, ...]:
    """What a line says of its stream and its data, by the standard library."""
    message = json.loads(line)
    return (
        message["type"],
        message["record"].get("namespace") or None,
        message["record"]["stream"],
        message["record"]["data"],
    )


def filled(envelope: Envelope, data: bytes, number: bytes) -> bytes:
    after = envelope.data_part + 1
    return number.join(envelope.parts[:after]) + data + number.join(envelope.parts[after:])


@settings(max_examples=500, deadline=None)
@given(
    stream=st.tuples(st.none() | st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=8)) | st.just(STREAM),
    data=st.sampled_from([{}, {"a": 1}, DATA, {"a": {}}]),
    seed=st.integers(0, 1 << 32),
)
@example(stream=(None, "{}"), data={}, seed=1)
def test_a_line_with_the_same_parts_is_a_record_of_the_stream(stream: StreamKey, data: Any, seed: int) -> None:
    line = written(stream, data, seed)
    envelope = envelope_of(line, stream)

    if envelope is None:
        # Data that also stand elsewhere in the line are looked for in four places only; such a line goes by row.
        assert line.count(msgspec.json.decode(line, type=Message).record.data) > 4
        return
    for other in (b"{}", b'{"a": [1, {"data": {}}]}', json.dumps(DATA).encode()):
        for number in (b"0", b"1", b"-1.5e-7", b"99999999999999999999"):
            assert read(filled(envelope, other, number)) == ("RECORD", *stream, json.loads(other))


@settings(max_examples=200, deadline=None)
@given(data=st.sampled_from([{}, {"a": 1}, DATA]), seed=st.integers(0, 1 << 32), at=st.integers(0, 1 << 60))
def test_only_data_and_time_of_emission_differ_from_line_to_line(data: Any, seed: int, at: int) -> None:
    lines = [written(STREAM, data, seed), written(STREAM, data, seed, emitted_at=at)]

    assert envelope_of(lines[0], STREAM) == envelope_of(lines[1], STREAM)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b'{"type":"STATE","record":{"stream":"s","data":{}}}',
        b'{"type":"RECORD","record":{"stream":"t","data":{}}}',
        b'{"type":"RECORD","record":{"stream":"s","namespace":"n","data":{}}}',
        b'{"type":"RECORD","record":{"stream":"s"}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{}}}{}',
        b'{"type":"RECORD","record":{"stream":"s","data":{}},"type":"STATE"}',
        b'{"type":"RECORD","record":{"stream":"s","data":{},"meta":{"changes":[{"field":"a","change":"NULLED"}]}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{},"meta":{"ch\\u0061nges":[1]}}}',
    ],
)
def test_nothing_is_learned_from_any_other_line(line: bytes) -> None:
    assert envelope_of(line, (None, "s")) is None


@pytest.mark.parametrize("data", [b'{"":[0]}', b'{"":[1]}', b"{}"])
@pytest.mark.parametrize("beside", [b'"meta":{"copy":%b},"data":%b', b'"data":%b,"meta":{"copy":%b}'])
def test_a_copy_of_the_data_is_not_taken_for_them(data: bytes, beside: bytes) -> None:
    line = b'{"type":"RECORD","record":{"stream":"s",' + beside % (data, data) + b"}}"
    envelope = envelope_of(line, (None, "s"))

    assert envelope is not None
    assert read(filled(envelope, b'{"a":1}', b"1"))[3] == {"a": 1}


def test_of_data_that_come_twice_the_last_are_meant() -> None:
    envelope = envelope_of(b'{"type":"RECORD","record":{"stream":"s","data":{},"data":{}}}', (None, "s"))

    assert envelope is not None
    assert envelope.data_part == 0
    assert envelope.parts[0].count(b"{}") == 1


@given(number=st.sampled_from([b"1.5", b"-1", b"1e5", b"170E0", b"0", b"12"]))
def test_a_number_is_taken_whole_or_stays(number: bytes) -> None:
    line = b'{"type":"RECORD","record":{"stream":"s","data":{},"emitted_at":' + number + b"}}"
    envelope = envelope_of(line, (None, "s"))

    assert envelope is not None
    assert len(envelope.parts) == (3 if number.isdigit() else 2)
    assert msgspec.json.decode(filled(envelope, b"{}", b"5"))["type"] == "RECORD"
