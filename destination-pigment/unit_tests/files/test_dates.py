"""Date columns: both record paths write the same; what is no date is rejected once, as it came."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_pigment.config import OnUnknown
from destination_pigment.files import dates as module
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dates import DateColumns, masked
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rows import Rejection, RowConverter, Rows
from destination_pigment.input.catalog import DateKind, DestinationStream, WriteMode, parse_catalog
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect

DAY = {"type": ["null", "string"], "format": "date"}
MOMENT = {"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"}
FRENCH = CsvDialect(dates=parse_date_pattern("dd/MM/yyyy"))


def stream_of(**properties: Any) -> DestinationStream:
    schema = {"properties": properties}
    (stream,) = parse_catalog({"streams": [{"stream": {"name": "s", "json_schema": schema}}]})
    return stream


STREAM = stream_of(day=DAY, moment=MOMENT, text={"type": "string"}, other={"type": ["null", "number"]})

VALUES = st.one_of(
    st.dates().map(lambda day: day.isoformat()),
    st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))])).map(str),
    st.sampled_from(["", " ", "no date", "2026-02-30", "2026-04-30T00:00:00Z", "\u2028", "2026-04-30T24:00:00"]),
)
JSON_VALUES = st.one_of(
    VALUES.map(json.dumps), st.sampled_from(["null", "20260430", "1e9", "true", "{}", '["2026-04-30"]'])
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("day", "moment", "other"), JSON_VALUES) | {"text": VALUES.map(json.dumps)}
    ),
    min_size=1,
    max_size=6,
)


def converted(found: Iterable[Rows | Rejection]) -> tuple[list[Any], list[Any]]:
    """The rows as they are written, and the rejected ones with their reasons."""
    rows: list[Any] = []
    rejected: list[Any] = []
    for each in found:
        match each:
            case Rows():
                rows += [[cell or "" for cell in row] for row in zip(*each.columns, strict=True)]
            case Rejection(reason=reason, rejected=Rows(columns=columns)):
                rejected += [(reason, [cell or "" for cell in row]) for row in zip(*columns, strict=True)]
            case _:
                raise AssertionError(each)
    return rows, rejected


def checked(converter: RecordConverter, sent: Rows) -> list[Rows | Rejection]:
    rows, rejections = converter.checked(sent)
    return [*rejections, rows]


def written(converter: RecordConverter, records: Sequence[msgspec.Raw]) -> Iterator[Rows | Rejection]:
    """The rows of records, checked and with their dates written."""
    for each in converter.convert(records):
        yield from checked(converter, each) if isinstance(each, Rows) else [each]


@settings(max_examples=100, deadline=None)
@given(records=RECORDS, pattern=st.sampled_from(["dd/MM/yyyy", "yyyy-MM-dd HH:mm:ss", "MMM yy"]))
def test_both_record_paths_write_the_same(records: list[dict[str, str]], pattern: str) -> None:
    texts = ["{" + ",".join(f'"{name}":{value}' for name, value in each.items()) + "}" for each in records]
    dialect = CsvDialect(dates=parse_date_pattern(pattern))
    converter = RecordConverter(STREAM, (), dialect)
    rows, rejected = converted(written(converter, [msgspec.Raw(each.encode()) for each in texts]))

    one_by_one: list[Any] = []
    by_row = RowConverter(STREAM.columns, dialect)
    for text in texts:
        cells = by_row.convert(msgspec.Raw(text.encode()))
        assert isinstance(cells, list)
        one_by_one.append(
            converted(checked(RecordConverter(STREAM, (), dialect), Rows(STREAM.columns, [[cell] for cell in cells])))
        )
    assert rows == [row for found, _ in one_by_one for row in found]
    assert sorted(rejected) == sorted(row for _, found in one_by_one for row in found)
    assert len(rows) + len(rejected) == len(texts)


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_random_columns_against_pythons_calendar(seed: int) -> None:
    """A hundred columns for each seed, of all widths, zones and patterns."""
    chance = random.Random(seed)
    for _ in range(100):
        kind = chance.choice(list(DateKind))
        pattern, write = chance.choice(ORACLES)
        stream = DestinationStream(None, "s", WriteMode.APPEND, ("d",), date_columns={"d": kind})
        values = [random_value(chance, kind) for _ in range(chance.choice([1, 3, 60]))]
        (column,), rejected = DateColumns(stream, parse_date_pattern(pattern)).write(
            ("d",), [[each for each, _ in values]]
        )
        for position, ((value, moment), cell) in enumerate(zip(values, column, strict=True)):
            expected = write(moment) if moment is not None else None
            assert cell == expected, (value, pattern)
            assert (position in rejected) is (moment is None and bool(value)), (value, pattern)


def random_value(chance: random.Random, kind: DateKind) -> tuple[str | None, datetime | None]:
    """A value and the moment that it is, None for a blank and for what is none."""
    day = date.fromordinal(chance.randrange(2, date.max.toordinal() - 1))
    match chance.randrange(10):
        case 0:
            return chance.choice([None, ""]), None
        case 1:
            return chance.choice(
                [f"{day:%d/%m/%Y}", f"{day.year:04d}-02-30", f"{day}T24:00:00", "1777550400", "x"]
            ), None
        case 2 | 3 | 4 if kind is DateKind.MOMENT:
            zone = timezone(timedelta(minutes=chance.randrange(-14 * 60, 14 * 60 + 1)))
            moment = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(
                microseconds=chance.randrange(86_400 * 10**6)
            )
            return moment.isoformat(sep=chance.choice("Tt ")), moment.astimezone(UTC)
        case 5 | 6 if kind is DateKind.MOMENT:
            naive = datetime(day.year, day.month, day.day, chance.randrange(24), chance.randrange(60), tzinfo=UTC)
            return naive.strftime(f"{day}T%H:%M:%S") + chance.choice(["", "Z", "+0000"]), naive
        case _:
            return day.isoformat(), datetime(day.year, day.month, day.day, tzinfo=UTC)


ORACLES = [
    ("dd/MM/yyyy", lambda moment: f"{moment:%d/%m}/{moment.year:04d}"),
    ("MM/dd/yyyy", lambda moment: f"{moment:%m/%d}/{moment.year:04d}"),
    ("yyyy-MM-dd", lambda moment: moment.date().isoformat()),
    ("yyyy-MM-dd HH:mm:ss", lambda moment: moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")),
    (
        "d MMM yyyy h:mm tt",
        lambda moment: f"{moment.day} {moment:%b} {moment.year:04d} {moment.hour % 12 or 12}:{moment:%M %p}",
    ),
]


def test_a_row_without_a_date_is_rejected_once_by_its_first_such_column_as_it_was_sent() -> None:
    rows, rejected = converted(
        written(
            RecordConverter(STREAM, (), FRENCH),
            [
                msgspec.Raw(json.dumps(each).encode())
                for each in (
                    {"day": "2026-04-30", "moment": "2026-04-30T23:30:00-02:00", "text": "2026-04-30", "other": 1},
                    {"day": "30/04/2026", "moment": "soon", "text": "a", "other": 2},
                    {"day": "2026-05-01", "moment": "never", "text": "b", "other": 3},
                    {"day": "2026-05-01T10:00:00", "moment": None, "text": "c", "other": 4},
                    {"day": None, "moment": " ", "text": "", "other": None},
                )
            ],
        )
    )
    assert rows == [["30/04/2026", "01/05/2026", "1", "2026-04-30"], ["", "", "", ""]]
    assert rejected == [
        (
            'the column "day" contains a time of day, which its schema does not have',
            ["2026-05-01T10:00:00", "", "4", "c"],
        ),
        ('the column "day" contains no date', ["30/04/2026", "soon", "2", "a"]),
        ('the column "moment" contains no date', ["2026-05-01", "never", "3", "b"]),
    ]


def test_a_dimension_check_looks_at_dates_as_they_are_written() -> None:
    check = CheckedColumn(STREAM, "day", frozenset({"Apr 26"}), OnUnknown.SKIP)
    converter = RecordConverter(STREAM, [check], CsvDialect(dates=parse_date_pattern("MMM yy")))
    rows, rejected = converted(
        checked(
            converter,
            Rows(STREAM.columns, [["2026-04-01", "2026-05-01", "x"], ["", "", ""], ["1", "2", "3"], ["", "", ""]]),
        )
    )

    assert [row[0] for row in rows] == ["Apr 26"]
    assert [(reason, row[0]) for reason, row in rejected] == [
        ('the column "day" contains no date', "x"),
        ('the column "day" contains an unknown item of its dimension', "2026-05-01"),
    ]
    assert check.unknown == {"May 26": 1}


def test_a_wider_header_keeps_its_dates() -> None:
    converter = RecordConverter(stream_of(d=DAY), (), FRENCH)
    rows, _ = converted(written(converter, [msgspec.Raw(b'{"a":"2026-04-30","d":"2026-04-30"}')]))
    assert rows == [["30/04/2026", "2026-04-30"]]


@pytest.mark.parametrize(("dialect", "lines"), [(FRENCH, 1), (CsvDialect(), 0)])
def test_a_stream_without_dates_says_that_the_pattern_changes_nothing(
    dialect: CsvDialect, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    RecordConverter(stream_of(d={"type": "string"}), (), dialect)
    assert (
        caplog.messages
        == ['The schema of the stream "s" calls no column a date, so "Dates" changes nothing in it.'] * lines
    )


def test_without_a_pattern_dates_go_as_they_come() -> None:
    columns = [["30/04/2026"], ["soon"], ["1"], ["x"]]
    assert converted(checked(RecordConverter(STREAM, (), CsvDialect()), Rows(STREAM.columns, columns))) == (
        [["30/04/2026", "soon", "1", "x"]],
        [],
    )


def test_the_log_says_each_column_once_and_shows_no_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    converter = RecordConverter(STREAM, (), FRENCH)
    for _ in range(3):
        converted(
            checked(
                converter, Rows(STREAM.columns, [["31/12/2025", "2025-12-31"], ["Soon 7", None], ["1", "2"], ["", ""]])
            )
        )
    converter.log_findings()

    assert [each.message.partition(" (")[0] for each in caplog.records] == [
        'The column "day" of the stream "s" contains 3 values that cannot be written as dates, such as "99/99/9999"',
        'The column "moment" of the stream "s" contains 3 values that cannot be written as dates, such as "xxxx 9"',
    ]


@pytest.mark.parametrize(
    ("value", "shape"), [("31 déc. 2025", "99 xxx. 9999"), ('{"a": 1}', '{"x": 9}'), ("9" * 50, "9" * 40 + "…")]
)
def test_a_sample_shows_the_form_and_nothing_else(value: str, shape: str) -> None:
    assert masked(value) == shape


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (DAY, DateKind.DAY),
        (MOMENT, DateKind.MOMENT),
        ({"type": "string", "format": "date-time"}, DateKind.MOMENT),
        ({"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"}, DateKind.MOMENT),
        ({"type": "string", "airbyte_type": "timestamp_with_timezone"}, DateKind.MOMENT),
        ({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}, DateKind.DAY),
        ({"anyOf": [{"type": ["null"]}, {"type": "string", "format": "date-time"}]}, DateKind.MOMENT),
        ({"oneOf": [{"oneOf": [DAY]}, MOMENT]}, DateKind.MOMENT),
        ({"oneOf": [{"type": "null"}, {"type": "string"}], "format": "date"}, DateKind.DAY),
        ({"type": ["null", "string", "integer"], "format": "date-time"}, DateKind.MOMENT),
        ({"type": ["null", "integer"], "format": "date-time"}, None),
        ({"type": "number", "airbyte_type": "timestamp_with_timezone"}, None),
        ({"format": "date"}, DateKind.DAY),
        ({"oneOf": [DAY, {"type": "string"}]}, None),
        ({"oneOf": [DAY, {"type": "integer"}]}, None),
        ({"type": "string", "format": "time", "airbyte_type": "time_with_timezone"}, None),
        ({"type": "string", "format": "time", "airbyte_type": "time_without_timezone"}, None),
        ({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}], "type": ["null", "string"]}, DateKind.DAY),
        ({"type": "string"}, None),
        ({"type": "string", "format": ["date"]}, None),
        ({"type": "null"}, None),
        ({}, None),
        (True, None),
        ({"oneOf": []}, None),
    ],
)
def test_which_columns_contain_dates(schema: Any, kind: DateKind | None) -> None:
    assert stream_of(d=schema).date_columns == ({} if kind is None else {"d": kind})


def test_many_columns_of_different_moments_keep_little(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[module._Written] = []
    column = module._Written.column
    monkeypatch.setattr(module._Written, "column", lambda self, cells: (made.append(self), column(self, cells))[1])
    names = [f"c{number:03d}" for number in range(150)]
    columns = DateColumns(stream_of(**dict.fromkeys(names, MOMENT)), parse_date_pattern("dd/MM/yyyy"))
    for block in range(2):
        values = [f"2026-04-{1 + block:02d}T{number // 60:02d}:{number % 60:02d}:00Z" for number in range(1000)]
        written, rejected = columns.write(names, [values] * 150)
        assert written == [[f"{1 + block:02d}/04/2026"] * 1000] * 150
        assert not rejected
    assert sum(len(each) for each in made[-150:]) <= 20_000
