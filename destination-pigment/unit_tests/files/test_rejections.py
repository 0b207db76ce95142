"""Every record that does not become a row is handed over once, with its reason and what it held."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from destination_pigment.config import FileLimits, OnUnknown
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rows import Rejection, Rows
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a", "n"))


class Taken:
    """The files of a stream that holds back unknown items, and what was handed over."""

    def __init__(self, spool: Spool, library: ctypes.CDLL | None) -> None:
        self.rejections: list[Rejection] = []
        check = CheckedColumn(STREAM, "a", frozenset({"x"}), OnUnknown.SKIP)
        limits = FileLimits(10**6, 10**6, timedelta(minutes=10))
        self.files = StreamFiles(RecordConverter(STREAM, [check], CsvDialect(), library), spool, limits, self)

    def keep(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    def read_back(self, _count: int) -> None:
        """Nothing is written anywhere."""

    def rows(self) -> list[tuple[str, dict[str, str | None]]]:
        """The rejected rows by name."""
        return [
            (each.reason, dict(zip(each.rejected.header, cells, strict=True)))
            for each in self.rejections
            if isinstance(each.rejected, Rows)
            for cells in zip(*each.rejected.columns, strict=True)
        ]


@pytest.fixture(params=[LIBRARY, None], ids=["in bulk", "by row"])
def taken(request: pytest.FixtureRequest) -> Iterator[Taken]:
    with Spool() as spool:
        yield Taken(spool, request.param)


def raw(*records: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(each.encode()) for each in records]


def test_rows_with_an_unknown_item_are_handed_over_as_they_came(taken: Taken) -> None:
    taken.files.write_records(
        raw('{"a":"x","n":1}', '{"a":"y","n":2}', '{"a":null,"n":3}', '{"a":"z"}', '{"a":"é","n":""}')
    )

    assert taken.rows() == [
        ('the column "a" contains an unknown item of its dimension', {"a": "y", "n": "2"}),
        ('the column "a" contains an unknown item of its dimension', {"a": "z", "n": None}),
        ('the column "a" contains an unknown item of its dimension', {"a": "é", "n": ""}),
    ]
    assert [(each.rows, each.rejected) for each in taken.files.pop_all()] == [(2, 3)]


@pytest.mark.parametrize("record", ["7", '[{"a":"x"}]', '{"n":1e999999}', "null", '"x"'])
def test_a_record_that_is_no_row_is_handed_over_as_the_bytes_that_came(taken: Taken, record: str) -> None:
    taken.files.write_records(raw('{"a":"x","n":1}', record))

    assert [each.rejected for each in taken.rejections] == [record.encode()]
    assert [(each.rows, each.rejected) for each in taken.files.pop_all()] == [(1, 1)]


def test_a_row_that_cannot_be_written_is_handed_over_alone(taken: Taken) -> None:
    taken.files.write_columns([("x", "x", None), ("1", "\ud83d", "3")])

    assert taken.rows() == [("a text that is not valid Unicode", {"a": "x", "n": "\ud83d"})]
    assert [(each.rows, each.rejected) for each in taken.files.pop_all()] == [(2, 1)]


def test_what_is_rejected_is_counted_as_often_as_it_is_handed_over(taken: Taken) -> None:
    taken.files.write_records(raw(*(json.dumps({"a": "xy"[number % 2], "n": number}) for number in range(10)), "7"))
    taken.files.reject(Rejection("no JSON", b"{"))

    (cut,) = taken.files.pop_all()
    assert sum(each.count for each in taken.rejections) == cut.rejected == 7
