"""Lines in and states back: what is not read is not changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from destination_pigment.input.catalog import StreamKey, StreamNames
from destination_pigment.input.messages import (
    Records,
    StateLine,
    StatusLine,
    StreamStatus,
    UnreadableLine,
    UnreadableRecord,
    is_whole,
    parse_block,
)
from destination_pigment.state_output import with_stats


def record(stream: str, data: Any, **more: Any) -> bytes:
    return json.dumps({"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 1, **more}}).encode()


def state(stream: str, number: int) -> bytes:
    content = {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": {"n": number}}}
    return json.dumps({"type": "STATE", "state": content}).encode()


LINES = st.one_of(
    st.builds(record, st.sampled_from(["a", "b"]), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)),
    st.builds(record, st.just("a"), st.none(), namespace=st.sampled_from([None, "", "ns"])),
    st.builds(state, st.sampled_from(["a", "b"]), st.integers(0, 9)),
    st.sampled_from(
        [
            b"",
            b"  ",
            b"no JSON",
            b"[]",
            b"7",
            b'{"type":"LOG","log":{}}',
            b'{"type":"RECORD"}',
            b'{"type":"RECORD","record":{"data":{}}}',
            b'{"type":"STATE"}',
            b'{"type":"STATE","state":{"stream":{}}}',
            b'{"no":"type"}',
            b'{"type":"RECORD","record":{"stream":"a","data":{"x":"\xff"}}}',
            b'{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"a"},"status":"COMPLETE"}}}',
            b'{"type":"TRACE","trace":{"type":"ESTIMATE"}}',
        ]
    ),
)


def flat(block: bytes, *keys: StreamKey) -> list[Any]:
    """The messages of a block, one record at a time, for a sync of these streams."""
    found: list[Any] = []
    for parsed in parse_block(block, StreamNames(keys)):
        if isinstance(parsed, Records):
            found += [(parsed.key, bytes(each)) for each in parsed.data]
        else:
            found.append(parsed)
    return found


@settings(max_examples=1000, deadline=None)
@given(lines=st.lists(LINES, max_size=12), ended=st.booleans())
def test_a_block_gives_what_its_lines_give_one_by_one(lines: list[bytes], ended: bool) -> None:
    block = b"\n".join(lines) + (b"\n" if ended else b"")
    assert by_stream(flat(block)) == by_stream([said for line in lines for said in flat(line + b"\n")])


def by_stream(said: list[Any]) -> list[Any]:
    """The same with the records between two other messages by stream, each stream's in their order."""
    found: list[Any] = [[]]
    for each in said:
        if isinstance(each, tuple):
            found[-1].append(each)
        else:
            found += [each, []]
    return [sorted(each, key=lambda record: str(record[0])) if isinstance(each, list) else each for each in found]


@given(namespaces=st.lists(st.sampled_from(["ns", "", None, "other"]), max_size=8))
def test_records_of_one_stream_keep_their_order_however_they_name_it(namespaces: list[str | None]) -> None:
    lines = [record("a", {"n": number}, namespace=each) for number, each in enumerate(namespaces)]
    expected = [b'{"n": %d}' % number for number, each in enumerate(namespaces) if each != "other"]
    assert [data for key, data in flat(b"\n".join(lines), ("ns", "a")) if key == ("ns", "a")] == expected


def test_each_kind_of_line() -> None:
    assert flat(record("a", {"x": 1}, namespace="ns")) == [(("ns", "a"), b'{"x": 1}')]
    assert flat(record("a", None)) == [((None, "a"), b"null")]
    line = state("a", 1)
    assert flat(line) == [StateLine(line, (None, "a"))]
    assert flat(b'{"type":"STATE","state":{"type":"GLOBAL","global":{}}}')[0].key is None
    status = (
        b'{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"a"},'
        b'"status":"%b"}}}'
    )
    assert flat(status % b"INCOMPLETE") == [StatusLine((None, "a"), StreamStatus.INCOMPLETE)]
    assert flat(status % b"RUNNING") == [StatusLine((None, "a"), StreamStatus.RUNNING)]
    assert flat(status % b"ODD") == []
    no_number = b'{"type":"RECORD","record":{"stream":"a","data":{"x":NaN}}}'
    assert flat(no_number) == [UnreadableRecord((None, "a"), no_number)]
    deep = b'{"type":"RECORD","record":{"stream":"a","namespace":"ns","data":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    assert flat(deep) == [UnreadableRecord(("ns", "a"), deep)]
    two = record("a", {}) + state("a", 1) + b"\n"
    assert flat(two + b" \n") == flat(two) == [UnreadableLine()]
    assert flat(b"nonsense") == [UnreadableLine()]


class Writer:
    """Writes a record that no decoder accepts in one of the ways in which JSON can write its envelope."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def text(self, text: str) -> str:
        """A text, with any of its characters escaped."""
        escaped = self._draw(st.sets(st.integers(0, 8), max_size=2))
        return '"' + "".join(f"\\u{ord(c):04x}" if at in escaped else c for at, c in enumerate(text)) + '"'

    def members(self, *pairs: tuple[str, str]) -> str:
        """An object with these members in any order, some of them twice."""
        chosen = [*pairs, *self._draw(st.lists(st.sampled_from(pairs), max_size=2))]
        inside = [
            self.blank() + self.text(name) + self.blank() + ":" + self.blank() + value + self.blank()
            for name, value in self._draw(st.permutations(chosen))
        ]
        return "{" + ",".join(inside) + "}"

    def blank(self) -> str:
        return self._draw(st.sampled_from(["", "", " ", "\t", " \r"]))

    def record(self) -> str:
        draw = self._draw
        broken = draw(st.sampled_from(["NaN", "-Infinity", "[" * 1100 + "]" * 1100]))
        like_envelope = '{"stream":"x","namespace":"x","data":null,"type":"STATE"}'
        values = st.sampled_from(["null", '""', "true", "[]", "7", '"x"', like_envelope, f"[{like_envelope}]"])
        fields = [("stream", self.text(draw(st.sampled_from(["a", "b"])))) for _ in range(draw(st.integers(1, 2)))]
        fields += [("namespace", draw(st.sampled_from(["null", '""', self.text("ns"), "null"]))) for _ in range(2)]
        fields = fields[: draw(st.integers(1, 4))]
        fields += [("data", f'{{"stream":"x","namespace":null,"x":{broken}}}'), ("meta", draw(values))]
        message = [("record", self.members(*fields)), ("type", self.text("RECORD")), ("x", draw(values))]
        return self.members(*message, *[("record", draw(st.sampled_from(["null", "{}"])))][: draw(st.integers(0, 1))])


@settings(max_examples=300)
@given(line=st.composite(lambda draw: Writer(draw).record())())
@example(line='{"type":"RECORD","record":{"namespace":null,"stream":"a","data":{"x":NaN}}}')
def test_a_record_that_cannot_be_decoded_belongs_to_its_stream_however_it_is_written(line: str) -> None:
    message = json.loads(line.replace("[" * 1100 + "]" * 1100, "1"))
    record = message["record"] or {}
    (found,) = flat(line.encode())

    if "stream" in record:
        key = record.get("namespace") or None, record["stream"]
        if isinstance(found, UnreadableRecord):
            assert (found.key, found.line) == (key, line.encode())
        else:  # of two members the one that counts can be decoded
            assert found[0] == key
    else:
        assert found == UnreadableLine()


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD","record":{"stream":"a","data":NaN}}{"type":"RECORD","record":{"stream":"b"}}',
        b'{"type":"RECORD","record":{"stream":"a","data":NaN}',
        b'{"type":"RECORD","record":{"stream":7,"data":NaN}}',
        b'{"type":"RECORD","record":{"stream":"a","namespace":7,"data":NaN}}',
        b'{"type":"RECORD","record":{"stream":"a","namespace":["ns"],"data":NaN}}',
        b'{"type":"RECORD","record":[{"stream":"a"}],"x":NaN}',
        b'{"type":"RECORD","record":{"str\\x":"a","data":NaN}}',
        b'{"type":"STATE","record":{"stream":"a"},"x":NaN}',
        b'{"type":{"type":"RECORD"},"record":{"stream":"a"},"x":NaN}',
    ],
)
def test_what_does_not_name_a_stream_is_no_record(line: bytes) -> None:
    assert flat(line) == [UnreadableLine()]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "STREAM", "id": 7, "stream": {"stream_descriptor": {"name": "a", "namespace": None}}},
        {"type": "GLOBAL", "global": {"x": [1]}, "sourceStats": {"recordCount": 3.0}, "unknown": {"deep": "é\u2028"}},
    ],
)
def test_a_state_goes_back_as_the_object_that_came(content: dict[str, Any]) -> None:
    line = json.dumps({"type": "STATE", "state": content}).encode()
    back = json.loads(with_stats(line, stored=5, rejected=1))

    stats = back["state"].pop("destinationStats")
    assert back == {"type": "STATE", "state": content}
    assert stats == {"recordCount": 5.0, "rejectedRecordCount": 1.0}
    assert b"5.0" in with_stats(line, stored=5, rejected=1)


def test_the_digits_of_a_state_stay() -> None:
    line = b'{"type":"STATE","state":{"id":12345678901234567890123,"x":1.10e5,"y":0.1000}}'
    back = with_stats(line, stored=0, rejected=0)
    assert b'"id":12345678901234567890123,"x":1.10e5,"y":0.1000' in back


STREAM = {"stream_descriptor": {"name": "a"}}


@pytest.mark.parametrize(
    ("content", "cleared", "clears_all"),
    [
        ({"type": "STREAM", "stream": STREAM}, True, False),
        ({"type": "STREAM", "stream": {**STREAM, "stream_state": None}}, True, False),
        ({"type": "STREAM", "stream": {**STREAM, "stream_state": {}}}, False, False),
        ({"type": "STREAM", "stream": {**STREAM, "stream_state": {"x": 1}}}, False, False),
        ({"type": "STREAM", "stream": {"stream_descriptor": {"name": "b"}}}, False, False),
        ({"type": "GLOBAL", "global": {"stream_states": []}}, False, False),
        ({"type": "GLOBAL", "global": {"shared_state": None}}, False, False),
        ({"type": "GLOBAL", "global": {"stream_states": [{**STREAM, "stream_state": None}]}}, True, False),
        ({"type": "GLOBAL", "global": {"shared_state": {"x": 1}, "stream_states": [STREAM]}}, True, False),
        ({"type": "GLOBAL", "global": {"stream_states": [{**STREAM, "stream_state": {}}]}}, False, False),
        ({"type": "LEGACY", "data": {}}, False, True),
        ({"type": "LEGACY", "data": None}, False, True),
        ({"data": {"a": 1}}, False, False),
    ],
)
def test_which_streams_a_state_clears(content: dict[str, Any], cleared: bool, clears_all: bool) -> None:
    found = flat(json.dumps({"type": "STATE", "state": content}).encode())[0]
    assert ((None, "a") in found.cleared, found.clears_all) == (cleared, clears_all)


@pytest.mark.parametrize(
    ("stats", "announced"),
    [
        ({"recordCount": 3.0}, 3),
        ({"recordCount": 0}, 0),
        ({}, None),
        (None, None),
        (7, None),
        ({"recordCount": "x"}, None),
    ],
)
def test_how_many_records_a_state_counts(stats: Any, announced: int | None) -> None:
    line = json.dumps({"type": "STATE", "state": {"data": {}, "sourceStats": stats}}).encode()
    assert flat(line)[0].announced == announced


@pytest.mark.parametrize(
    ("line", "whole"),
    [(b"", True), (b"  ", True), (state("a", 1), True), (state("a", 1)[:-1], False), (b'{"type":"REC', False)],
)
def test_a_last_line_is_whole_or_cut(line: bytes, whole: bool) -> None:
    assert is_whole(line) is whole


@pytest.mark.parametrize(
    ("meta", "changes"),
    [
        (b'{"changes":[{"field":"a","change":"NULLED","reason":"R"}]}', [("a", "NULLED", "R")]),
        (b'{"ch\\u0061nges":[{"field":"a","change":"NULLED","reason":"R"}]}', [("a", "NULLED", "R")]),
        (
            b'{"changes":[{"field":"a","change":"a cell","reason":7},{}]}',
            [("a", "UNKNOWN", "UNKNOWN"), ("None", *["UNKNOWN"] * 2)],
        ),
        (b'{"changes":[]}', []),
        (b'{"changes":null}', []),
        (b'{"changes":{"a":1}}', []),
        (b"null", []),
        (b'"changes"', []),
    ],
)
def test_what_was_done_to_values_is_read_from_each_record(meta: bytes, changes: list[tuple[str, str, str]]) -> None:
    line = b'{"type":"RECORD","record":{"stream":"a","data":{},"meta":%b}}\n' % meta
    (found,) = parse_block(line * 2, StreamNames([(None, "a")]))
    assert isinstance(found, Records)
    assert sorted(found.changes) == sorted(changes * 2)
