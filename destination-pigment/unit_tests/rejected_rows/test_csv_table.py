"""Rejected rows keep their content: on the way over the disk, and in the table that people open."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.rejected_rows.csv_table import KeptRow, counts_of, from_line, table_of, to_line, values_of
from pigment_client.models import SkippedData

NOW = datetime(2026, 11, 21, 17, 5, 0, 123456, UTC)
STREAM = ("Finance", "P&L")
FIXED = ["rejected_reason", "rejected_field", "rejected_at", "stream", "namespace"]

# Half a surrogate pair included: it is one reason for a rejection.
TEXTS = st.text(st.characters(), max_size=8)
WHOLE_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.lists(WHOLE_TEXTS.filter(bool), unique=True, min_size=1, max_size=4)


@st.composite
def rows(draw: st.DrawFn, texts: st.SearchStrategy[str] = WHOLE_TEXTS) -> KeptRow:
    names = draw(NAMES)
    cells = draw(st.lists(st.none() | texts, min_size=len(names), max_size=len(names)))
    return KeptRow(draw(WHOLE_TEXTS), draw(st.none() | WHOLE_TEXTS), NOW, tuple(names), tuple(cells))


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@given(rows(TEXTS))
def test_a_row_comes_back_from_the_disk_as_it_was(row: KeptRow) -> None:
    line = to_line(row)

    assert line.count(b"\n") == 1
    assert from_line(line) == row


@given(st.lists(rows(), min_size=1, max_size=5))
def test_every_value_is_in_the_table_under_its_name(some: list[KeptRow]) -> None:
    header, *lines = read(table_of(some, STREAM))

    names = list(dict.fromkeys(name for row in some for name in row.names))
    assert header[:5] == FIXED
    assert len(set(header)) == len(header) == 5 + len(names)
    for row, line in zip(some, lines, strict=True):
        cells = dict(zip(row.names, row.cells, strict=True))
        assert line == [
            row.reason,
            row.field or "",
            "2026-11-21T17:05:00.123Z",
            "P&L",
            "Finance",
            *(cells.get(name) or "" for name in names),
        ]


@pytest.mark.parametrize("sign", ["\r", "\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_value_stays_whole_for_readers_that_split_lines_as_unicode_does(sign: str) -> None:
    row = KeptRow("why", None, NOW, ("a", f"b{sign}b", "c"), (f"{sign}", f"x{sign}y", "z"))
    content = table_of([row], STREAM).decode()

    header, line = csv.reader(content.splitlines(keepends=True))
    assert (header[5:], line[5:]) == (list(row.names), list(row.cells))


def test_null_and_an_empty_text_differ() -> None:
    content = table_of([KeptRow("why", None, NOW, ("a", "b", "c"), (None, "", "0012"))], (None, "s"))

    assert content.splitlines()[1] == b'why,,2026-11-21T17:05:00.123Z,s,,,"",0012'


def test_a_column_that_is_named_like_a_reason_is_kept_apart() -> None:
    row = KeptRow("why", None, NOW, ("stream", "stream_2", "x"), ("1", "2", "3"))

    assert read(table_of([row], STREAM))[0] == [*FIXED, "stream_3", "stream_2", "x"]


def test_half_a_surrogate_pair_is_written_as_its_escape() -> None:
    content = table_of([KeptRow("no text", None, NOW, ("a",), ("x\ud83d",))], STREAM)

    assert read(content)[1][5] == r"x\ud83d"


def test_what_is_only_counted_says_how_often_and_what_it_looked_like() -> None:
    skipped = [SkippedData("MissingModality", 3, "Department", ("Füße, 1", '"')), SkippedData("Other", 1)]

    assert read(counts_of(skipped, STREAM, NOW))[1:] == [
        ["MissingModality", "Department", "3", '["Füße, 1", "\\""]', "2026-11-21T17:05:00.123Z", "P&L", "Finance"],
        ["Other", "", "1", "", "2026-11-21T17:05:00.123Z", "P&L", "Finance"],
    ]


# Records that are no rows ----------------------------------------------------------------------------------------

NUMBERS = st.integers().map(str) | st.decimals(allow_nan=False, allow_infinity=False).map(lambda each: f"{each:f}")
VALUES = st.dictionaries(
    WHOLE_TEXTS,
    WHOLE_TEXTS.map(lambda text: (json.dumps(text), text))
    | NUMBERS.map(lambda digits: (digits, digits))
    | st.sampled_from([("null", None), ("true", "true"), ('{"a":1.10}', '{"a":1.10}'), ("[1, 2]", "[1, 2]")]),
    max_size=4,
)


@given(VALUES)
def test_a_record_gives_its_values_digit_for_digit(values: dict[str, tuple[str, str | None]]) -> None:
    record = "{" + ",".join(f"{json.dumps(name)}:{given}" for name, (given, _) in values.items()) + "}"

    assert values_of(record.encode()) == (tuple(values), tuple(wanted for _, wanted in values.values()))


@pytest.mark.parametrize("record", [b"7", b"null", b'"text"', b'[{"a":1}]', b"{", b"", b'{"a":"\xff"}'])
def test_what_is_no_object_is_one_value(record: bytes) -> None:
    assert values_of(record) == (("_airbyte_data",), (record.decode(errors="backslashreplace"),))


def test_a_line_that_only_python_can_decode_gives_its_values_too() -> None:
    line = b'{"type":"RECORD","record":{"stream":"s","data":{"a":NaN,"b":1.10,"c":"x","d":null,"e":true}}}'
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(line)

    assert values_of(line) == (("a", "b", "c", "d", "e"), ("NaN", "1.10", "x", None, "true"))


def test_a_line_that_no_decoder_reads_stays_whole() -> None:
    deep = b'{"type":"RECORD","record":{"stream":"s","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"

    assert values_of(deep) == (("_airbyte_data",), (deep.decode(),))


def test_half_a_surrogate_pair_stays_what_it_is() -> None:
    assert values_of(rb'{"a":"x\ud83d","n":1e999999}') == (("a", "n"), ("x\ud83d", "1e999999"))
