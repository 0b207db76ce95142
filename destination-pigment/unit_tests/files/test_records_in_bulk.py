"""Records that the library takes become the cells that the conversion by row gives; what that rejects, it leaves."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_records import COLUMNS, ODD, Writer

from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejected import Rows
from destination_pigment.files.rows import NewColumns, Rejection, RowConverter
from destination_pigment.input.catalog import DestinationStream, StreamKey, StreamNames, WriteMode
from destination_pigment.input.messages import Records, parse_block
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import Row
from pigment_native.cells import CellReader, RecordInput, Table
from pigment_native.library import LIBRARY

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="without the conversions in C; make native builds them")

STREAM = ("ns", "s")
OPENING = b'{"type":"RECORD","record":{"namespace":"ns","stream":"s","emitted_at":1,"data":'


def library() -> ctypes.CDLL:
    assert LIBRARY is not None
    return LIBRARY


def read(
    content: bytes, columns: Sequence[str] = COLUMNS, separator: str = ".", stream: StreamKey | None = None
) -> tuple[list[Row], bytes]:
    """The rows that the library reads from some lines, and what it leaves."""
    lines, rows = RecordInput(content), list[Row]()
    reader = CellReader(library(), columns, separator, stream)
    while cells := reader.read_cells(lines):
        rows += map(list, zip(*cells, strict=True))
    return rows, content[lines.position :]


def by_row(
    line: bytes, columns: Sequence[str] = COLUMNS, separator: str = ".", stream: StreamKey | None = None
) -> Row | NewColumns | Rejection | None:
    """What the conversion by row gives for a line; None where it is no record of the stream."""
    data = msgspec.Raw(line)
    if stream is not None:
        (parsed,) = parse_block(line + b"\n", StreamNames([stream, (None, "t")]))
        if not isinstance(parsed, Records) or parsed.key != stream:
            return None
        (data,) = parsed.data
    return RowConverter(columns, CsvDialect(decimal_separator=separator)).convert(data)


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0), count=st.integers(1, 6), separator=st.sampled_from([".", ","]))
def test_plain_records_are_read_as_by_row(seed: int, count: int, separator: str) -> None:
    writer = Writer(seed)
    lines = [writer.record().encode() for _ in range(count)]

    assert read(b"\n".join(lines), separator=separator) == ([by_row(each, separator=separator) for each in lines], b"")


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0), count=st.integers(1, 6), separator=st.sampled_from([".", ","]))
def test_of_odd_records_only_those_are_read_that_are_the_same_by_row(seed: int, count: int, separator: str) -> None:
    writer = Writer(seed, odd=True)
    lines = [writer.record().replace("\n", " ").encode() for _ in range(count)]
    rows, left = read(b"\n".join(lines), separator=separator)

    assert rows == [by_row(each, separator=separator) for each in lines[: len(rows)]]
    assert left == b"\n".join(lines[len(rows) :])


@pytest.mark.parametrize(
    "line",
    [
        '{"a":1,"a":2}',
        '{"a":1,"a":null}',
        "{}x",
        "",
        " ",
        "null",
        "7",
        "[]",
        '"x"',
        '{"\\u0061":1}',
        '\ufeff{"a":1}',
        "{}{}",
    ],
)
def test_a_record_that_is_not_plain_is_left(line: str) -> None:
    assert read(b"{}\n" + line.encode()) == ([[None] * len(COLUMNS)], line.encode())


@settings(max_examples=300, deadline=None)
@given(
    number=st.from_regex(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    separator=st.sampled_from([".", ","]),
)
@example(number="1e9999", separator=".")
@example(number="1." + "0" * 4999 + "e-5000", separator=",")
@example(number="1." + "0" * 5000 + "e-5000", separator=",")
def test_a_number_with_an_exponent_is_written_out_as_by_row(number: str, separator: str) -> None:
    line = f'{{"a":{number},"_airbyte_x":"{"x" * 10_000}"}}'.encode()
    expected = by_row(line, separator=separator)

    assert read(line, separator=separator) == (([expected], b"") if isinstance(expected, list) else ([], line))


def test_what_is_longer_written_out_than_its_record_goes_by_row_and_the_rest_does_not() -> None:
    short = b'{"a":1e3}\n'
    for long in (b'{"a":1e30}\n', b'{"a":1e9000}\n'):
        assert read(short + long + short) == ([[None, "1000", *[None] * 5]], long + short)


@pytest.mark.parametrize("value", ODD)
def test_a_value_that_is_not_plain_is_left_unless_it_is_only_nested(value: str) -> None:
    line = f'{{"a":{value}}}'.encode()

    assert read(line) == (([[None, value, *[None] * 5]], b"") if value == "[" * 32 + "]" * 32 else ([], line))


# Each byte of a line, changed -------------------------------------------------------------------------------------

DATA = (
    b'{"a":"x\\u00e9\\ud83d\\ude00\\n/","ab" : -10.5,"b":{"k": [1, true,"\\/"]},"_airbyte_x":{},"":null,'
    b'"\xc3\xbc":"\xc3\xbc"}'
)
BYTES = [bytes([each]) for each in b'\0\x01\t\n\r "\\/,:;{}[]019.-+eEuntfadDNI\x7f\xc3\xbc\xed\xff']


def changed(line: bytes, begin: int = 0) -> Iterator[bytes]:
    """The line with one byte more, less or other at each place, and cut there."""
    for at in range(begin, len(line) + 1):
        yield line[:at]
        yield line[:at] + line[at + 1 :]
        for byte in BYTES:
            yield line[:at] + byte + line[at:]
            yield line[:at] + byte + line[at + 1 :]


@pytest.mark.parametrize("stream", [None, STREAM], ids=["data", "message"])
def test_a_line_with_any_byte_changed_is_left_or_read_as_by_row(stream: StreamKey | None) -> None:
    line = DATA if stream is None else OPENING + DATA + b"}}"
    reader = CellReader(library(), COLUMNS, ".", stream)
    count = 0
    for other in changed(line):
        cells = reader.read_cells(RecordInput(other))
        if cells is not None and b"\n" not in other:
            assert [list(row) for row in zip(*cells, strict=True)] == [by_row(other, stream=stream)], other
            count += 1
    assert count > len(line) * 5


@settings(max_examples=600, deadline=None)
@given(seed=st.integers(0), is_message=st.booleans())
def test_a_line_with_several_bytes_changed_is_left_or_read_as_by_row(seed: int, is_message: bool) -> None:
    chance, data = Random(seed), Writer(seed).record().encode()
    stream = STREAM if is_message else None
    other = OPENING + data + b"}}" if is_message else data
    for _ in range(chance.randrange(1, 4)):
        begin = chance.randrange(len(other) + 1)
        end = chance.randrange(begin, min(begin + 6, len(other)) + 1)
        other = other[:begin] + chance.choice([*BYTES, other[begin:end] * 2]) + other[end:]
    rows, _ = read(other, stream=stream)

    assert rows == [by_row(each, stream=stream) for each in other.split(b"\n")[: len(rows)]]


# Messages ---------------------------------------------------------------------------------------------------------


def message(record: object = None, **more: Any) -> bytes:
    return json.dumps({"type": "RECORD", "record": record, **more}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("stream", "record", "is_read"),
    [
        ((None, "s"), {"stream": "s"}, True),
        ((None, "s"), {"stream": "s", "namespace": None}, True),
        ((None, "s"), {"stream": "s", "namespace": ""}, True),
        ((None, "s"), {"stream": "s", "namespace": "ns"}, False),
        ((None, "s"), {"stream": "s", "namespace": 7}, False),
        ((None, "s"), {"stream": "t"}, False),
        ((None, "s"), {"stream": "ss"}, False),
        ((None, "s"), {"stream": None}, False),
        ((None, "s"), {}, False),
        (("ns", "s"), {"stream": "s", "namespace": "ns"}, True),
        (("ns", "s"), {"stream": "s", "namespace": None}, False),
        (("ns", "s"), {"stream": "s", "namespace": ""}, False),
        (("ns", "s"), {"stream": "s"}, False),
        ((None, 'ü "x"'), {"stream": 'ü "x"'}, True),
    ],
)
def test_only_records_of_the_stream_are_read(stream: StreamKey, record: dict[str, Any], is_read: bool) -> None:
    line = message({**record, "data": {"a": 1}, "emitted_at": 1, "meta": {"changes": []}}, other=[{"x": None}])

    assert read(line, ["a"], stream=stream) == (([["1"]], b"") if is_read else ([], line))


@pytest.mark.parametrize(
    "line",
    [
        b'{"record":{"data":{"a":1},"stream":"s"},"type":"RECORD"}',
        b' {"type" : "RECORD", "record" : {"stream" : "s", "data" : {"a" : 1}}} \r',
        b'{"\\u0074ype":"RECORD","record":{"str\\u0065am":"s","data":{"a":1}}}',
        b'{"type":"RECORD","record":{"stream":"s","emitted_at":17,"data":{"a":1},"meta":{"changes":[]}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1},"emitted_at": 17},"emitted_at":1}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}},"state":{"x":[1e5]},"x":1,"x":2}',
    ],
)
def test_a_message_may_be_written_in_any_way(line: bytes) -> None:
    assert read(line + b"\n" + line, ["a"], stream=(None, "s")) == ([["1"], ["1"]], b"")


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"STATE","record":{"stream":"s","data":{"a":1}}}',
        b'{"type":"RECORD","type":"STATE","record":{"stream":"s","data":{"a":1}}}',
        b'{"type":"RECORD","type":"RECORD","record":{"stream":"s","data":{"a":1}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}},"record":null}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1},"data":{"a":2}}}',
        b'{"type":"RECORD","record":{"stream":"s","stream":"t","data":{"a":1}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1},"namespace":"","namespace":"x"}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1},"n\\u0061mespace":"x"}}',
        b'{"type":"RECORD","record":{"stream":"s"}}',
        b'{"type":"RECORD","record":null}',
        b'{"type":"RECORD"}',
        b'{"record":{"stream":"s","data":{"a":1}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":null}}',
        b'{"type":"RECORD","record":{"stream":"s","data":[]}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}},"x":01}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}},"x":"\\ud83d"}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}}}{}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}}}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}}',
        b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}',
        b'[{"type":"RECORD","record":{"stream":"s","data":{"a":1}}}]',
        b"{}",
        b"null",
        b"",
        b" ",
    ],
)
def test_any_other_line_is_left_and_so_is_what_follows_it(line: bytes) -> None:
    good = b'{"type":"RECORD","record":{"stream":"s","data":{"a":1}}}\n'

    assert read(good + line + b"\n" + good, ["a"], stream=(None, "s")) == ([["1"]], line + b"\n" + good)


# Headers and room ---------------------------------------------------------------------------------------------------


def test_two_thousand_columns_keep_their_places_whatever_the_order_of_the_keys() -> None:
    columns = [f"c{number}" for number in range(2000)]
    every_third = {name: number for number, name in enumerate(columns) if number % 3}
    records = [dict(reversed(every_third.items())), every_third, {}, {"c1999": 1}]
    expected = [[None if (value := each.get(name)) is None else str(value) for name in columns] for each in records]

    assert read(b"\n".join(json.dumps(each).encode() for each in records), columns) == (expected, b"")


def test_nearly_empty_records_of_many_columns_take_bounded_memory() -> None:
    lines, columns = RecordInput(b'{"c7":1}\n' * 5000), [f"c{number}" for number in range(2000)]
    reader, counts = CellReader(library(), columns, "."), list[int]()
    while cells := reader.read_cells(lines):
        counts.append(len(cells[7]))
        assert set(cells[7]) == {"1"}

    assert sum(counts) == 5000
    assert max(counts) * 2000 * 8 <= 4 << 20


@pytest.mark.parametrize("columns", [["a"], ["b", "a"], ["a\0", "a", "a b", "aa", "", "A"]])
def test_names_that_begin_alike_are_distinguished_in_any_order_of_the_header(columns: list[str]) -> None:
    record = {name: f"<{name}>" for name in columns}
    lines = [json.dumps(dict(pairs)).encode() for pairs in (record.items(), reversed(record.items()))]

    assert read(b"\n".join(lines), columns) == ([list(record.values())] * 2, b"")
    assert read(b'{"aaa":1}', columns) == ([], b'{"aaa":1}')


def test_a_column_may_have_a_name_as_airbyte_gives_them() -> None:
    assert read(b'{"_airbyte_x":1,"_airbyte_y":2}', ["_airbyte_x"]) == ([["1"]], b"")


def test_what_is_not_utf8_is_left() -> None:
    for content in (b'{"a":"\xff"}', b'{"a":1}\n{"_airbyte_x":"\xc3"}', b'{"a":"\xed\xa0\x80"}'):
        assert read(content) == ([], content)


def test_nothing_is_read_from_nothing() -> None:
    assert read(b"") == ([], b"")
    assert read(b"\n") == ([], b"\n")


def test_records_left_here_and_there_do_not_cost_the_whole_block_each_time() -> None:
    content = b"".join(b'{"a":%b}\n' % (b"1e99999" if n % 2 else b"1.5") for n in range(20_000))
    reader, lines, tables = CellReader(library(), COLUMNS, "."), RecordInput(content), list[Table]()
    while lines.position < len(content):
        columns = reader.read_cells(lines)
        if columns is None:
            lines.position = content.index(b"\n", lines.position) + 1
        else:
            tables += [columns[0].table] * (columns[0].table not in tables)

    assert len(tables) == 1


@pytest.mark.parametrize("odd", [1, 2, 3, 5, 6, 17, 40])
def test_odd_records_among_others_keep_their_order(odd: int) -> None:
    records = [msgspec.Raw(b'{"a":%d%b}' % (n, b"" if n % odd else b',"a":1')) for n in range(1, 301)]
    stream = DestinationStream(None, "s", WriteMode.APPEND, ("a",))
    made = RecordConverter(stream, (), CsvDialect(), library()).convert(records)

    cells = [cell for rows in made if isinstance(rows, Rows) for cell in rows.columns[0]]
    assert cells == [str(n) if n % odd else "1" for n in range(1, 301)]


def test_few_odd_records_among_others_do_not_divide_them() -> None:
    odd = {20: b'{"a":1,"a":2}', 40: b'{"a":1e300}', 60: b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 80: b'{"a":1e99999}'}
    records = [msgspec.Raw(odd.get(n, b'{"a":%d}' % n)) for n in range(100)]
    stream = DestinationStream(None, "s", WriteMode.APPEND, ("a",))
    made = list(RecordConverter(stream, (), CsvDialect(), library()).convert(records))

    cells = {20: "2", 40: "1" + "0" * 300, 60: "[" * 40 + "]" * 40}
    expected = [cells.get(n, str(n)) for n in range(100)]
    assert [isinstance(each, Rows) for each in made] == [True, False, True]
    assert [list(each.columns[0]) for each in made if isinstance(each, Rows)] == [expected[:80], expected[81:]]


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0), share=st.sampled_from([0.02, 0.1, 0.3]), separator=st.sampled_from([".", ","]))
def test_odd_records_among_plain_ones_are_read_as_by_row(seed: int, share: float, separator: str) -> None:
    chance, odd, plain = Random(seed), Writer(seed, odd=True), Writer(seed)
    lines = [(odd if chance.random() < share else plain).record().replace("\n", " ").encode() for _ in range(60)]
    expected = [by_row(line, separator=separator) for line in lines]
    reader, look, number = CellReader(library(), COLUMNS, separator), RecordInput(b"\n".join(lines)), 0

    def row(record: bytes) -> Row | None:
        converted = by_row(record, separator=separator)
        return converted if isinstance(converted, list) else None

    while number < len(lines):
        columns = reader.read_cells(look, row)
        if columns is None:
            look.position += len(lines[number]) + 1
            number += 1
        else:
            found = list(map(list, zip(*columns, strict=True)))
            assert found == expected[number : number + len(found)]
            number += len(found)
