"""A file has one row of each key, of the record that counts, and no record after a cut replaces one before it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from destination_pigment.config import DeletedRows, FileLimits, OnUnknown
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.latest import KeyMemory
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.catalog import CursorKind, DateKind, DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

DELETED_AT = "_ab_cdc_deleted_at"
STREAM = DestinationStream(
    None,
    "s",
    WriteMode.APPEND_DEDUP,
    (DELETED_AT, "c", "k", "n", "v"),
    primary_key=("k", "n"),
    number_columns=frozenset({"n"}),
    cursor="c",
)
LIMITS = FileLimits(10**9, 10**9, timedelta(minutes=10))
NOW = datetime(2026, 11, 21, tzinfo=UTC)

Record = dict[str, Any]


def raw(*records: Record) -> list[msgspec.Raw]:
    return [msgspec.Raw(json.dumps(each).encode()) for each in records]


def files_of(
    spool: Spool, stream: DestinationStream = STREAM, dialect: CsvDialect | None = None, **options: Any
) -> StreamFiles:
    check = CheckedColumn(stream, "v", frozenset({"a", "b", 'two\r\n"lines"'}), OnUnknown.SKIP)
    checks = [check] if "v" in stream.columns else []
    converter = RecordConverter(stream, checks, dialect or CsvDialect(), options.pop("library", LIBRARY))
    return StreamFiles(converter, spool, options.pop("limits", LIMITS), **options)


def rows_of(segment: FileSegment) -> list[dict[str, str]]:
    """The rows, without their blank cells."""
    if segment.file is None:
        assert segment.rows == 0
        return []
    assert segment.size_bytes == segment.file.path.stat().st_size
    rows = [
        {name: cell for name, cell in zip(segment.file.columns, row, strict=True) if cell is not None}
        for some in segment.file.read_rows()
        for row in some
    ]
    assert segment.rows == len(rows) > 0
    return rows


# The oracle ---------------------------------------------------------------------------------------------------------


def is_less(kind: CursorKind, one: Any, other: Any) -> bool:
    if one in {None, ""} or other in {None, ""}:
        return False
    try:
        match kind:
            case CursorKind.TEXT:
                return str(one) < str(other)
            case CursorKind.NUMBER:
                return Decimal(str(one)) < Decimal(str(other))
            case CursorKind.INSTANT:
                moments = [datetime.fromisoformat(each) for each in (one, other)]
                first, second = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in moments)
                return first < second
    except (ValueError, InvalidOperation):
        return False


def key_of(record: Record) -> tuple[str, Decimal | None]:
    number = record.get("n")
    return record.get("k") or "", None if number is None else Decimal(str(number))


@dataclass(eq=False)
class Item:
    """What became of a record in the file in which it is counted."""

    batch: int
    kind: str
    record: Record
    replaced_by: Item | None = None
    replaces: Item | None = None


@dataclass
class Model:
    """The records as a list; what a file must contain is computed from them when it leaves."""

    stream: DestinationStream
    handling: DeletedRows
    max_rows: int
    files: list[list[Item]] = field(default_factory=list)
    is_open: bool = False
    latest: dict[Any, Item] = field(default_factory=dict)
    batches: int = 0
    marked: int = -1

    def write(self, records: Sequence[Record]) -> None:
        self.batches += 1
        items = [Item(self.batches, self._kind(each), each) for each in records]
        for item in items:
            if item.kind not in {"row", "deleted"}:
                continue
            before = self.latest.get(key_of(item.record))
            if before is not None and is_less(self.stream.cursor_kind, item.record.get("c"), before.record.get("c")):
                item.kind = "superseded"
                continue
            self.latest[key_of(item.record)] = item
            if before is None or before.kind not in {"row", "deleted"}:
                continue
            old: Item | None = before
            if before.batch == self.batches:
                before.kind, old = "superseded", before.replaces
            if old is not None and old.kind == "row":
                old.replaced_by, item.replaces = item, old
        self._open()
        self.files[-1] += [each for each in items if each.kind != "row"]
        for item in (each for each in items if each.kind == "row"):
            self._open()
            self.files[-1].append(item)
            self.is_open = count(self.files[-1], "row") < self.max_rows

    def _open(self) -> None:
        if not self.is_open:
            self.files.append([])
            self.is_open = True

    def _kind(self, record: Record) -> str:
        is_deletion = bool(record.get(DELETED_AT)) and self.handling is not DeletedRows.MARK
        if is_deletion and (self.handling is DeletedRows.REPORT or self.stream.mode is WriteMode.REPLACE):
            return "deleted"
        if key_of(record) == ("", None) or (record.get("v") == "bad" and not is_deletion):
            return "rejected"
        return "row"

    def pop_confirmed(self) -> list[list[Item]]:
        before = [[each for each in file if each.batch <= self.marked] for file in self.files]
        after = [[each for each in file if each.batch > self.marked] for file in self.files]
        self.files = [each for each in after if each]
        self.is_open = self.is_open and bool(after and after[-1])
        return [each for each in before if each]

    def pop_full(self) -> list[list[Item]]:
        popped = []
        while self.files and all(each.batch <= self.marked for each in self.files[0]):
            if len(self.files) == 1 and (self.is_open or not self.files[0]):
                break
            popped.append(self.files.pop(0))
        return popped

    def rows(self, file: Sequence[Item]) -> list[dict[str, str]]:
        """The rows of a file that leaves: those that no other record of it replaces."""
        own = {id(each) for each in file}
        return [self._cells(each) for each in file if each.kind == "row" and id(each.replaced_by) not in own]

    def all_rows(self) -> list[dict[str, str]]:
        return [
            self._cells(each) for file in self.files for each in file if each.kind == "row" and not each.replaced_by
        ]

    def _cells(self, item: Item) -> dict[str, str]:
        is_blank = self.handling is DeletedRows.BLANK and item.record.get(DELETED_AT)
        kept = ("k", "n") if is_blank else tuple(item.record)
        return {name: str(item.record[name]) for name in kept if item.record.get(name) not in {None, ""}}


def count(file: Sequence[Item], kind: str) -> int:
    return sum(each.kind == kind for each in file)


# Random streams -----------------------------------------------------------------------------------------------------

CURSORS = {
    CursorKind.NUMBER: st.sampled_from([998, "1005", "1005.0", "12345678901234567890.1", "-3", "1e3", "x", "", None]),
    CursorKind.TEXT: st.sampled_from(["998", "1005", "a", "A", "é", "\U0001f600", "x" * 60, "", None]),
    CursorKind.INSTANT: st.sampled_from(
        [
            "2026-04-30",
            "2026-04-30T12:00:00Z",
            "2026-04-30T12:00:00.0Z",
            "2026-04-30T09:00:00.5",
            "2026-04-30T13:59:59.999999+02:00",
            "2026-04-30T11:59:59.9999+00:00",
            "2026-04-30 23:00:00-05:00",
            "soon",
            None,
        ]
    ),
}


def records_of(kind: CursorKind) -> st.SearchStrategy[Record]:
    return st.fixed_dictionaries(
        {"k": st.sampled_from(["E1", "E2", 'a,"b\r\n', None]), "c": CURSORS[kind]},
        optional={
            "n": st.sampled_from([1, 2, "1.0", "1.00", 10]),
            "v": st.sampled_from(["a", "b", 'two\r\n"lines"', "bad"]),
            DELETED_AT: st.sampled_from([None, "", "2026-04-30T12:00:00Z"]),
            "new": st.sampled_from(["1", None]),
            "newer": st.just("2"),
        },
    )


STEPS = st.sampled_from(list(CursorKind)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(
            st.one_of(st.lists(records_of(kind), min_size=1, max_size=6), st.sampled_from(["mark", "full", "marked"])),
            max_size=14,
        ),
    )
)


def converted_together(records: Sequence[Record], converter: RecordConverter) -> Iterator[list[Record]]:
    """The records in their order; one with new columns stands alone, because it is converted alone."""
    some: list[Record] = []
    known = set(converter.header)
    for each in records:
        if each.keys() <= known:
            some.append(each)
            continue
        known |= each.keys()
        yield from ([some] if some else [])
        yield [each]
        some = []
    yield from ([some] if some else [])


@given(
    STEPS,
    st.sampled_from([WriteMode.APPEND_DEDUP, WriteMode.REPLACE]),
    st.sampled_from(list(DeletedRows)),
    st.integers(1, 9),
    st.sampled_from([LIBRARY, None]),
)
@example(
    (CursorKind.TEXT, [[{"k": "A", "v": "a"}], "mark", [{"k": "A", "v": "b"}], "marked"]),
    WriteMode.APPEND_DEDUP,
    DeletedRows.REPORT,
    9,
    LIBRARY,
)
def test_files_contain_what_a_list_of_all_records_says(
    steps: tuple[CursorKind, list[Any]], mode: WriteMode, handling: DeletedRows, max_rows: int, library: Any
) -> None:
    stream = replace(STREAM, mode=mode, cursor_kind=steps[0])
    model = Model(stream, handling, max_rows)
    with Spool() as spool:
        limits = FileLimits(10**9, max_rows, timedelta(minutes=10))
        rejections = RejectionsOnDisk(spool, lambda: NOW)
        files = files_of(spool, stream, limits=limits, rejections=rejections, deleted_rows=handling, library=library)
        popped: list[FileSegment] = []
        written = 0
        for step in steps[1]:
            match step:
                case "mark":
                    files.raise_watermark()
                    model.marked = model.batches
                case "full" | "marked":
                    segments = files.pop_full() if step == "full" else files.pop_confirmed()
                    expected = model.pop_full() if step == "full" else model.pop_confirmed()
                    assert [rows_of(each) for each in segments] == [model.rows(each) for each in expected]
                    assert [each.records for each in segments] == [len(each) for each in expected]
                    assert [each.rejected for each in segments] == [count(each, "rejected") for each in expected]
                    if mode is not WriteMode.REPLACE:
                        assert [each.deleted for each in segments] == [count(each, "deleted") for each in expected]
                    popped += segments
                case records:
                    for some in converted_together(records, files.converter):
                        files.write_records(raw(*some))
                        model.write(some)
                    written += len(records)
            assert files.records + sum(each.records for each in popped) == written
        expected_rows = model.all_rows()
        segments = files.pop_all()
        popped += segments
        assert [row for each in segments for row in rows_of(each)] == expected_rows
        assert len({each.file.columns for each in segments if each.file is not None}) <= 1
        assert sum(each.records for each in popped) == written
        kept = [row for each in popped if each.rejected_rows is not None for row in each.rejected_rows.rows()]
        assert len(kept) == sum(each.rejected + each.deleted for each in popped)


# Single promises ----------------------------------------------------------------------------------------------------


def test_a_record_after_the_last_state_replaces_none_before_it() -> None:
    with Spool() as spool:
        files = files_of(spool)
        files.write_records(raw({"k": "A", "v": "a"}))
        files.raise_watermark()
        files.write_records(raw({"k": "A", "v": "b"}))
        (first,) = files.pop_confirmed()
        assert rows_of(first) == [{"k": "A", "v": "a"}]
        files.raise_watermark()
        (second,) = files.pop_confirmed()
        assert rows_of(second) == [{"k": "A", "v": "b"}]


def test_the_greater_cursor_counts_also_over_two_files() -> None:
    stream = replace(STREAM, cursor_kind=CursorKind.INSTANT)
    newer, older = (
        {"k": "E4", "v": "a", "c": "2026-04-30T12:00:00Z"},
        {"k": "E4", "v": "b", "c": "2026-04-30T09:00:00Z"},
    )
    with Spool() as spool:
        files = files_of(spool, stream)
        files.write_records(raw(newer))
        files.raise_watermark()
        (first,) = files.pop_confirmed()
        files.write_records(raw(older))
        files.raise_watermark()
        (second,) = files.pop_confirmed()

        assert rows_of(first) == [newer]
        assert (second.file, second.superseded) == (None, 1)


def test_of_equal_cursors_in_two_forms_the_last_to_arrive_counts() -> None:
    stream = replace(STREAM, cursor_kind=CursorKind.INSTANT)
    equal = ["2026-04-30T14:00:00+02:00", "2026-04-30T12:00:00Z", "2026-04-30T12:00:00.0Z"]
    with Spool() as spool:
        files = files_of(spool, stream)
        for cursor in equal:
            files.write_records(raw({"k": "A", "c": cursor}))
        assert [row["c"] for each in files.pop_all() for row in rows_of(each)] == equal[-1:]


def test_a_deletion_after_a_full_file_leaves_its_row_in_that_file() -> None:
    """A state between the two leaves when the file is stored, so the row must be in it."""
    with Spool() as spool:
        files = files_of(spool, limits=FileLimits(10**9, 1, timedelta(minutes=10)))
        files.write_records(raw({"k": "A", "v": "a"}))
        files.write_records(raw({"k": "A", DELETED_AT: "2026-04-30"}))
        files.raise_watermark()
        assert [(each.rows, each.deleted) for each in files.pop_confirmed()] == [(1, 0), (0, 1)]


def test_numbers_that_travel_as_texts_compare_as_numbers() -> None:
    stream = replace(STREAM, cursor_kind=CursorKind.NUMBER)
    with Spool() as spool:
        files = files_of(spool, stream, CsvDialect(decimal_separator=","))
        files.write_records(
            raw({"k": "A", "c": "1005"}, {"k": "A", "c": "998"}, {"k": "B", "c": 1.5}, {"k": "B", "c": 1.25})
        )
        assert [row["c"] for each in files.pop_all() for row in rows_of(each)] == ["1005", "1,5"]


def test_digits_after_a_second_compare_beyond_microseconds() -> None:
    stream = replace(STREAM, cursor_kind=CursorKind.INSTANT)
    first, second = "2026-04-30T12:00:00.1234567891Z", "2026-04-30T14:00:00.123456789+02:00"
    with Spool() as spool:
        files = files_of(spool, stream)
        files.write_records(raw({"k": "A", "c": first}, {"k": "A", "c": second}))
        assert [row["c"] for each in files.pop_all() for row in rows_of(each)] == [first]


@pytest.mark.parametrize("later", ["12:00:00.000001Z", "12:00:00.12Z", "12:00:00.5+00:00", "14:00:00.000000001+02:00"])
@pytest.mark.parametrize("kind", [CursorKind.TEXT, CursorKind.INSTANT])
def test_moments_that_differ_in_a_fraction_compare_as_moments_also_where_the_schema_says_text(
    kind: CursorKind, later: str
) -> None:
    """As texts, the earlier one would be greater: a "Z" is greater than a dot and any digit."""
    earlier = "2026-04-30T12:00:00.1Z" if later == "12:00:00.12Z" else "2026-04-30T12:00:00Z"
    for cursors in ([f"2026-04-30T{later}", earlier], [earlier, f"2026-04-30T{later}"]):
        with Spool() as spool:
            files = files_of(spool, replace(STREAM, cursor_kind=kind))
            files.write_records(raw(*({"k": "A", "c": each} for each in cursors)))
            assert [row["c"] for each in files.pop_all() for row in rows_of(each)] == [f"2026-04-30T{later}"]


def test_a_record_that_is_rejected_replaces_none() -> None:
    with Spool() as spool:
        files = files_of(spool)
        files.write_records(raw({"k": "A", "v": "a"}, {"k": "A", "v": "unknown"}))
        (segment,) = files.pop_all()
        assert (rows_of(segment), segment.rejected) == ([{"k": "A", "v": "a"}], 1)


def test_keys_that_become_one_date_stop_the_sync() -> None:
    stream = replace(STREAM, primary_key=("c", "k"), date_columns={"c": DateKind.MOMENT})
    morning, evening = {"k": "A", "c": "2026-04-30T08:00:00Z"}, {"k": "A", "c": "2026-04-30T17:00:00Z"}
    with Spool() as spool:
        dialect = CsvDialect(dates=parse_date_pattern("dd/MM/yyyy"))
        files = files_of(spool, stream, dialect)
        files.write_records(raw(morning, evening | {"k": "B"}))
        with pytest.raises(ConfigProblem, match='dates of the column "c"'):
            files.write_records(raw(evening))


def test_deletions_with_old_values_are_not_rejected_and_go_to_the_bucket() -> None:
    with Spool() as spool:
        files = files_of(spool, rejections=RejectionsOnDisk(spool, lambda: NOW))
        files.write_records(raw({"k": "A", "v": "a"}, {"k": "B", "v": "unknown", DELETED_AT: "2026-04-30"}))
        (segment,) = files.pop_all()
        assert (segment.rows, segment.rejected, segment.deleted) == (1, 0, 1)
        assert segment.rejected_rows is not None
        assert [each.reason for each in segment.rejected_rows.rows()] == ["deleted in the source"]


def test_deletions_are_reported_once_for_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    with Spool() as spool:
        files = files_of(spool)
        files.write_records(raw({"k": "A", DELETED_AT: "x"}, {"k": "B", DELETED_AT: "x"}))
        files.log_rejected()
    assert caplog.messages == [
        (
            '2 deletions of the stream "s" were not sent, so Pigment may still have the rows that were deleted in the '
            'source: set "Deleted rows" to "blank" or "mark", or reload the stream.'
        )
    ]


@pytest.mark.parametrize(
    "stream",
    [replace(STREAM, primary_key=()), replace(STREAM, primary_key=(), mode=WriteMode.APPEND)],
    ids=["no key", "append"],
)
def test_without_a_key_a_deletion_is_a_row_and_nothing_is_replaced(stream: DestinationStream) -> None:
    records = [{"k": "A"}, {"k": "A"}, {"k": "A", DELETED_AT: "x"}]
    with Spool() as spool:
        files = files_of(spool, stream)
        files.write_records(raw(*records))
        assert [row for each in files.pop_all() for row in rows_of(each)] == records


def test_what_is_forgotten_stands_twice_in_two_files_and_never_in_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with Spool() as spool:
        files = files_of(spool, memory=KeyMemory(most_bytes=0))
        files.write_records(raw({"k": "A", "v": "a"}, {"k": "A", "v": "b"}))
        for value in ("a", "b"):
            files.write_records(raw({"k": "A", "v": value}, {"k": "B", "v": value}, {"k": "B", "v": "b"}))
        found = [[(row["k"], row["v"]) for row in rows_of(each)] for each in files.pop_all()]
        assert found == [[("A", "b")], [("A", "a"), ("B", "b")], [("A", "b"), ("B", "b")]]
    assert len(caplog.messages) == 1


def test_a_file_in_which_nothing_stands_twice_leaves_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "rewritten", None)
    with Spool() as spool:
        files = files_of(spool)
        files.write_records(raw({"k": "A"}, {"k": "B"}))
        files.raise_watermark()
        assert [rows_of(each) for each in files.pop_confirmed()] == [[{"k": "A"}, {"k": "B"}]]


def test_where_memory_is_full_the_largest_stream_forgets_and_a_small_one_keeps_its_file() -> None:
    memory = KeyMemory(most_bytes=50_000)
    with Spool() as spool:
        large, small = files_of(spool, memory=memory), files_of(spool, memory=memory)
        for number in range(1000):
            large.write_records(raw({"k": f"L{number}"}))
            small.write_records(raw({"k": f"S{number % 3}"}))
        assert len(large.pop_all()) > 1
        assert [len(rows_of(each)) for each in small.pop_all()] == [3]
