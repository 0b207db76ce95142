"""Waiting for imports: sooner at first, together no more often than the limit allows, and at once after a cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from destination_pigment.config import parse_config
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import Cut
from destination_pigment.imports.append import AppendJob
from destination_pigment.imports.importer import Importer, InDoubt
from destination_pigment.imports.replace import ReplaceJob
from destination_pigment.imports.report import Imported, MayBeStored
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.errors import KeyRejected, OutcomeUnknown, PigmentError, RequestRejected
from pigment_client.http.clock import Clock
from pigment_client.models import (
    CompletedImport,
    Import,
    ImportCounts,
    RejectedRow,
    RunningImport,
    UnknownImport,
)
from pigment_csv.dialect import CsvDialect


class Time:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.clock = Clock(monotonic=lambda: self.now, sleep=self.sleep, random=lambda: 1.0)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


class Pigment:
    """Takes pushes and questions, and gives the responses one after the other, the last one for ever."""

    def __init__(self, pushed: list[Import | Exception], asked: list[Import | Exception] | None = None) -> None:
        self.pushes: list[tuple[str, bytes]] = []
        self._pushed = pushed
        self._asked = asked or [RunningImport("import")]

    def push_csv(self, configuration_id: str, file: Path, _options: Any) -> Import:
        self.pushes.append((configuration_id, file.read_bytes()))
        return _next(self._pushed)

    def import_status(self, _import_id: str) -> Import:
        return _next(self._asked)


def _next(responses: list[Import | Exception]) -> Import:
    response = responses.pop(0) if len(responses) > 1 else responses[0]
    if isinstance(response, Exception):
        raise response
    return response


def importer_for(pigment: Pigment, time: Time, cancel: Cancel | None = None, **config: Any) -> Importer:
    return Importer(pigment, parse_config(config), cancel or Cancel(), time.clock)  # type: ignore[arg-type] # stands in


RUNNING = RunningImport("import")
DONE = CompletedImport("import", ImportCounts(1))


def import_one(pigment: Pigment, time: Time, cancel: Cancel | None = None) -> Imported:
    with Spool(CsvDialect()) as spool:
        file = spool.new_file(["a"])
        file.finish()
        return importer_for(pigment, time, cancel).import_file(file, "stream", "c", repeatable=False)


def test_questions_come_at_a_second_and_grow_to_thirty() -> None:
    time = Time()
    import_one(Pigment([RUNNING], [RUNNING] * 14 + [DONE]), time)
    assert time.waits[0] == 1.0
    assert time.waits == sorted(time.waits)
    assert time.waits[-1] == 30.0


def test_many_running_imports_share_their_questions() -> None:
    time, pigment = Time(), Pigment([RUNNING], [RUNNING] * 8 + [DONE])
    with Spool(CsvDialect()) as spool:
        importer = importer_for(pigment, time)
        importer._running = 99
        file = spool.new_file(["a"])
        file.finish()
        importer.import_file(file, "stream", "c", repeatable=False)
    assert time.waits[:3] == [1.0, 1.5, 2.25]
    assert all(wait == 150.0 for wait in time.waits[3:])


def test_after_a_cancel_each_asks_for_itself_within_the_grace() -> None:
    time, cancel, running = Time(), Cancel(), [RUNNING]

    class Cancelling(Pigment):
        def push_csv(self, configuration_id: str, file: Path, options: Any) -> Import:
            cancel.request()
            return super().push_csv(configuration_id, file, options)

    with pytest.raises(InDoubt, match="stopped while the import"):
        import_one(Cancelling(list(running)), time, cancel)
    assert time.waits[0] == 1.0
    assert 45 < time.now < 80


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([RUNNING], "has not ended within 60 minutes"),
        ([UnknownImport("import", completed=False)], "is not understood"),
        ([KeyRejected("import status")], "could not be asked"),
    ],
)
def test_an_import_of_which_nothing_is_known_is_in_doubt_in_time(asked: list[Any], words: str) -> None:
    time = Time()
    with pytest.raises(InDoubt, match=words):
        import_one(Pigment([RUNNING], asked), time)
    assert time.now < 3700


def test_a_report_that_cannot_be_read_is_a_completed_import() -> None:
    done = import_one(Pigment([RUNNING], [UnknownImport("import", completed=True)]), Time())
    assert done.counts is None


STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a",), frozenset())
THREE = b"1\r\n2\r\n3\r\n"
REJECTED = RejectedRow(2, "a", "BAD", "2")


def append(
    pigment: Pigment, mode: WriteMode = WriteMode.APPEND, cancel: Cancel | None = None, **config: Any
) -> Imported:
    stream = DestinationStream(None, "s", mode, ("a",), frozenset())
    with Spool(CsvDialect()) as spool:
        file = spool.new_file(["a"])
        file.write(THREE)
        file.finish()
        job = AppendJob(stream, "c", Cut(file, rows=3, is_open=False), spool)
        return job.run(importer_for(pigment, Time(), cancel, **config))


def with_rejected(*rows: RejectedRow, skipped: int = 1, deleted: int = 0) -> CompletedImport:
    return CompletedImport("import", ImportCounts(3 - skipped, 0, deleted, skipped), (), rows)


@pytest.mark.parametrize(
    ("first", "mode"),
    [
        (with_rejected(REJECTED), WriteMode.APPEND_DEDUP),
        (with_rejected(RejectedRow(0, "a")), WriteMode.APPEND),
        (with_rejected(RejectedRow(4, "a")), WriteMode.APPEND),
        (with_rejected(REJECTED, skipped=2), WriteMode.APPEND),
        (with_rejected(REJECTED, RejectedRow(3), skipped=1), WriteMode.APPEND),
        (with_rejected(RejectedRow(1, "a", "BAD", "2")), WriteMode.APPEND),
    ],
    ids=["dedup", "zero-based", "out of range", "too few", "too many", "another value"],
)
def test_rejected_rows_are_sent_again_only_where_it_is_certain_which(first: CompletedImport, mode: WriteMode) -> None:
    pigment = Pigment([first], [first])
    assert append(pigment, mode).rejected >= 1
    assert len(pigment.pushes) == 1


def test_rejected_rows_are_sent_once_more_in_one_file() -> None:
    first = with_rejected(REJECTED)
    pigment = Pigment([first, CompletedImport("second", ImportCounts(1))], [RUNNING])
    assert append(pigment).rejected == 0
    assert pigment.pushes[1] == ("c", b"a\r\n2\r\n")


@pytest.mark.parametrize("error", [RequestRejected("push CSV"), KeyRejected("push CSV"), OutcomeUnknown("push CSV")])
def test_the_first_result_stands_whatever_becomes_of_the_second(error: PigmentError) -> None:
    first = with_rejected(REJECTED)
    assert append(Pigment([first, error], [RUNNING])).rejected == 1


def test_once_rows_were_deleted_nothing_is_sent_again() -> None:
    first = with_rejected(REJECTED, deleted=5)
    pigment = Pigment([first], [first])
    with pytest.raises(MayBeStored, match=r"5 rows were deleted"):
        append(pigment)
    assert len(pigment.pushes) == 1


def test_a_rejected_row_that_stops_the_sync_says_what_is_stored() -> None:
    first = with_rejected(REJECTED)
    with pytest.raises(ConfigProblem, match=r"2 row\(s\) of the same import are stored"):
        append(Pigment([first, first], [first]), rejected_rows="fail")


@pytest.mark.parametrize(
    ("counts", "mode", "is_error"),
    [
        (ImportCounts(0), WriteMode.APPEND, True),
        (ImportCounts(4), WriteMode.APPEND, True),
        (ImportCounts(2, 2), WriteMode.APPEND_DEDUP, True),
        (ImportCounts(0), WriteMode.APPEND_DEDUP, False),
        (ImportCounts(2), WriteMode.APPEND, False),
    ],
)
def test_counts_that_contradict_the_file_are_said(
    counts: ImportCounts, mode: WriteMode, is_error: bool, caplog: pytest.LogCaptureFixture
) -> None:
    done = CompletedImport("import", counts)
    if is_error:
        with pytest.raises(MayBeStored, match="contradict"):
            append(Pigment([RUNNING], [done]), mode)
    else:
        append(Pigment([RUNNING], [done]), mode)
        assert "has 3 row(s), and Pigment reports" in caplog.text


def replace(pigment: Pigment, files: int = 2, cancel: Cancel | None = None) -> Imported:
    stream = DestinationStream(None, "s", WriteMode.REPLACE, ("a",), frozenset())
    with Spool(CsvDialect()) as spool:
        cuts = []
        for _ in range(files):
            file = spool.new_file(["a"])
            file.write(b"1\r\n")
            file.finish()
            cuts.append(Cut(file, rows=1, is_open=False))
        job = ReplaceJob(stream, Target("adding", "clearing"), tuple(cuts), restart_seconds=10.0)
        return job.run(importer_for(pigment, Time(), cancel))


CLEARED = CompletedImport("import", ImportCounts(1, 0, 1))


def test_a_replacement_that_is_cancelled_behind_its_first_file_says_that_only_a_part_is_there() -> None:
    cancel = Cancel()

    class Cancelling(Pigment):
        def import_status(self, import_id: str) -> Import:
            cancel.request()
            return super().import_status(import_id)

    with pytest.raises(TransientProblem, match="only a part"):
        replace(Cancelling([RUNNING], [CLEARED]), cancel=cancel)


def test_a_lost_response_repeats_all_files_after_a_wait() -> None:
    pigment = Pigment([RUNNING, OutcomeUnknown("push CSV"), RUNNING], [CLEARED, CLEARED, DONE])
    replace(pigment)
    assert [configuration for configuration, _ in pigment.pushes] == ["clearing", "adding", "clearing", "adding"]


def test_responses_that_stay_lost_end_in_a_transient_error() -> None:
    pigment = Pigment([RUNNING, OutcomeUnknown("push CSV")], [CLEARED])
    with pytest.raises(TransientProblem, match="only a part"):
        replace(pigment)


def test_a_configuration_that_updates_and_deletes_nothing_does_not_clear() -> None:
    with pytest.raises(ConfigProblem, match="does not clear its block"):
        replace(Pigment([RUNNING], [CompletedImport("import", ImportCounts(0, 1))]), files=1)


@pytest.mark.parametrize(("deleted", "warned"), [(0, True), (1, False)])
def test_a_result_that_comes_at_once_is_asked_for_deletions(
    deleted: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    at_once = CompletedImport("import", ImportCounts(1))
    replace(Pigment([at_once], [CompletedImport("import", ImportCounts(1, 0, deleted))]), files=1)
    assert ("Nothing was deleted" in caplog.text) is warned
