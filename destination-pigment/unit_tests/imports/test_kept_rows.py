"""Which rows reach the bucket, in which order, and what a job says where they do not."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from one_stream import UNCOUNTED

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.queue import Job, JobDone
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.verdicts import ClearingEvidence, Imported, PartialWrite
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.store import (
    Bucket,
    BucketFailed,
    ObjectNames,
    RejectedRowStore,
)
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.http.clock import Clock
from pigment_client.models import ImportCounts, RejectedRow, SkippedData
from pigment_csv.dialect import CsvDialect

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
DIALECT = CsvDialect()
FINAL = BucketFailed("it is gone", "make another")
PASSING = BucketFailed("it is slow", "wait", is_passing=True)


class World:
    """A bucket and a Pigment that note in which order they are used."""

    fail_on_rejected = is_dry_run = cancelled = False

    def __init__(self, *results: Imported, fails: dict[int, BucketFailed] | None = None) -> None:
        self.evidence: dict[str, ClearingEvidence] = defaultdict(lambda: ClearingEvidence.NOTHING)
        self.events: list[str] = []
        self.objects: list[tuple[str, bytes]] = []
        self._results = list(results)
        self._fails = fails or {}

    def open(self, _bucket: Bucket) -> World:
        return self

    def put(self, name: str, content: bytes) -> None:
        failure = self._fails.get(len(self.objects)) or self._fails.get(-1)
        if failure is not None:
            raise failure
        self.events.append("counts" if name.endswith("_counts.csv") else "rows")
        self.objects.append((name, content))

    def remove(self, _name: str) -> None:
        raise AssertionError("nothing is removed from a bucket")

    def import_file(self, *_: Any, **__: Any) -> Imported:
        self.events.append("push")
        return self._results.pop(0)

    def store(self) -> RejectedRowStore:
        clock = Clock(sleep=lambda _seconds: None, random=lambda: 0.0, now=lambda: NOW)
        bucket = Bucket("rows", "eu-west-1", "")
        return RejectedRowStore(bucket, ObjectNames("", "27", NOW, "t"), clock, self.open)

    def rows(self, event: str = "rows") -> list[dict[str, str]]:
        found = [content for kind, (_, content) in zip(self._puts(), self.objects, strict=True) if kind == event]
        return [row for content in found for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]

    def _puts(self) -> list[str]:
        return [each for each in self.events if each != "push"]


def job(spool: Spool, world: World, mode: WriteMode, records: list[str]) -> Job:
    stream = DestinationStream(None, "s", mode, ("a",))
    limits = FileLimits(10**6, 10**6, timedelta(minutes=10))
    files = StreamFiles(RecordConverter(stream, (), DIALECT), spool, limits, RejectionsOnDisk(spool, lambda: NOW))
    files.write_records([msgspec.Raw(each.encode()) for each in records])
    files.raise_watermark()
    if mode is WriteMode.REPLACE:
        (whole,) = Reload(stream, Target("c", "c"), files, 0.0, world.store(), UNCOUNTED).last_jobs(is_clear=False)
        return whole
    (only,) = Changes(stream, Target("c"), files, spool, world.store()).due_jobs(0.0)
    return only


def run(world: World, mode: WriteMode = WriteMode.APPEND, records: list[str] | None = None) -> JobDone:
    with Spool() as spool:
        given = ['{"a":"0"}', '{"a":"1"}', '{"a":"2"}'] if records is None else records
        return job(spool, world, mode, given).import_files(world)  # type: ignore[arg-type] # stands in


def imported(
    *numbered: RejectedRow, skipped: int = 0, reasons: tuple[SkippedData, ...] = (), rows: int = 3
) -> Imported:
    rejected = max(len({each.row for each in numbered}), skipped)
    return Imported(ImportCounts(rows - rejected, 0, 0, rejected), numbered, skipped=reasons)


ALL = imported()


def test_what_was_rejected_on_arrival_goes_before_the_push() -> None:
    world = World(ALL)
    run(world, records=['{"a":"0"}', "7", '{"a":"1"}', "8", '{"a":"2"}'])

    assert world.events == ["rows", "push"]
    assert [each["_airbyte_data"] for each in world.rows()] == ["7", "8"]


def test_a_file_of_nothing_but_rejected_rows_pushes_nothing() -> None:
    world = World()
    done = run(world, records=["7"])

    assert world.events == ["rows"]
    assert (done.rejected, done.problem) == (0, None)


@pytest.mark.parametrize("mode", WriteMode)
def test_where_they_cannot_be_written_nothing_is_pushed(mode: WriteMode) -> None:
    for failure, kind in ((FINAL, ConfigProblem), (PASSING, TransientProblem)):
        world = World(fails={-1: failure})
        with pytest.raises(kind, match="so nothing of the file that they came with was sent to Pigment"):
            run(world, mode, ['{"a":"0"}', "7"])
        assert world.events == []


@pytest.mark.parametrize("mode", WriteMode)
def test_once_cancelled_nothing_is_written_and_nothing_pushed(mode: WriteMode) -> None:
    world = World()
    world.cancelled = True
    with pytest.raises(Cancelled):
        run(world, mode, ['{"a":"0"}', "7"])
    assert world.events == []


@pytest.mark.parametrize("mode", [WriteMode.APPEND_DEDUP, WriteMode.REPLACE])
def test_numbered_rows_are_written_after_the_push(mode: WriteMode) -> None:
    world = World(imported(RejectedRow(2, "a", "BAD", "1"), RejectedRow(2, "b", "WORSE"), RejectedRow(3)))
    done = run(world, mode)

    assert world.events == ["push", "rows"]
    assert [(each["rejected_reason"], each["rejected_field"], each["a"]) for each in world.rows()] == [
        ("BAD; WORSE", "a; b", "1"),
        ("rejected by Pigment", "", "2"),
    ]
    assert done.problem is None


@pytest.mark.parametrize(
    ("second", "named", "events"),
    [
        (imported(rows=2), [], ["push", "push"]),
        (imported(RejectedRow(2, "a", "BAD", "2"), skipped=1, rows=2), ["2"], ["push", "push", "rows"]),
        (imported(skipped=2, rows=2), ["0", "2"], ["push", "push", "rows"]),
        (imported(skipped=1, rows=2), [], ["push", "push", "counts"]),
        (imported(RejectedRow(3), skipped=1, rows=2), [], ["push", "push", "counts"]),
    ],
    ids=["all taken", "one again", "all again, not numbered", "one of them, not numbered", "a number of no row"],
)
def test_what_is_rejected_twice_is_there_once(second: Imported, named: list[str], events: list[str]) -> None:
    first = imported(RejectedRow(1, "a", "BAD", "0"), RejectedRow(3, "a", "BAD", "2"))
    world = World(first, second)
    run(world)

    assert world.events == events
    assert [each["a"] for each in world.rows()] == named


@pytest.mark.parametrize(
    "numbered",
    [(RejectedRow(0),), (RejectedRow(4),), (RejectedRow(1, "a", "BAD", "other"),), ()],
    ids=["zero", "beyond", "another value", "none"],
)
def test_rows_that_are_not_known_are_counted(numbered: tuple[RejectedRow, ...]) -> None:
    reasons = (SkippedData("Missing", 1, "a", ("x",)),)
    world = World(imported(*numbered, skipped=1, reasons=reasons))
    run(world, WriteMode.APPEND_DEDUP)

    assert world.events == ["push", "counts"]
    (found,) = world.rows("counts")
    assert (found["rejected_reason"], found["rejected_field"], found["samples"]) == ("Missing", "a", '["x"]')


@pytest.mark.parametrize("mode", WriteMode)
def test_values_that_were_stored_as_blank_are_not_among_the_rejected(mode: WriteMode) -> None:
    reasons = SkippedData("MissingModalityUseDefaultOrNullModality", 2, "a"), SkippedData("ParsingError", 1, "a")
    world = World(imported(skipped=1, reasons=reasons))
    run(world, mode)

    assert [each["rejected_reason"] for each in world.rows("counts")] == ["ParsingError"]


def test_some_are_named_and_the_others_counted() -> None:
    world = World(imported(RejectedRow(2), skipped=3))
    run(world, WriteMode.APPEND_DEDUP)

    assert world.events == ["push", "rows", "counts"]
    assert [each["a"] for each in world.rows()] == ["1"]
    assert [each["rejected_times"] for each in world.rows("counts")] == ["2"]


REJECTING = imported(RejectedRow(2, "a", "BAD", "1"))


@pytest.mark.parametrize("failure", [FINAL, PASSING])
def test_an_append_after_which_the_bucket_fails_is_stored_and_not_retried(failure: BucketFailed) -> None:
    done = run(World(REJECTING, REJECTING, fails={-1: failure}), WriteMode.APPEND)

    assert isinstance(done.problem, PartialWrite)
    assert str(done.problem) == (
        f'Pigment stored 2 rows of the stream "s", and 1 row that it rejected could not be written to the bucket '
        f'"rows", because {failure.cause}: {failure.advice}, and look at the block before you run the sync again, '
        "which sends these rows once more."
    )


@pytest.mark.parametrize(("failure", "kind"), [(FINAL, ConfigProblem), (PASSING, TransientProblem)])
def test_where_repeating_is_harmless_the_sync_may_run_again(failure: BucketFailed, kind: type[Exception]) -> None:
    done = run(World(REJECTING, fails={-1: failure}), WriteMode.APPEND_DEDUP)
    assert type(done.problem) is kind
    assert str(done.problem).endswith("and run the sync again: rows that are matched by a key may be sent twice.")

    with pytest.raises(kind, match="and run the sync again, which replaces all of the block"):
        run(World(REJECTING, fails={-1: failure}), WriteMode.REPLACE)


def test_whatever_goes_wrong_after_an_append_does_not_make_the_platform_retry_it() -> None:
    world = World(REJECTING, REJECTING)
    world.put = lambda *_: 1 / 0  # type: ignore[method-assign, assignment] # any error at all
    done = run(world, WriteMode.APPEND)

    assert isinstance(done.problem, PartialWrite)
    assert "the connector met an error (ZeroDivisionError): report it with the log" in str(done.problem)
