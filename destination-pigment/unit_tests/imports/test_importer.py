"""Waiting for imports: sooner at first, together no more often than the limit allows, and at once after a cancel."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from destination_pigment.config import parse_config
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import Cut
from destination_pigment.imports.append import AppendJob
from destination_pigment.imports.first_imports import FirstImports
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.replace_job import ReplaceJob
from destination_pigment.imports.report import Imported, MayBeStored, NotPushed
from destination_pigment.imports.running import InDoubt
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.errors import (
    ImportFailed,
    KeyRejected,
    NotFound,
    OutcomeUnknown,
    PigmentError,
    RequestRejected,
    ResponseNotUnderstood,
    Unavailable,
)
from pigment_client.http.clock import Clock
from pigment_client.models import (
    CompletedImport,
    FailedImport,
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
    """Takes pushes and questions, and gives the responses one after the other, the last one forever."""

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
DONE = CompletedImport("import", ImportCounts(1, deleted=0))


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


def test_the_log_hears_of_an_import_that_takes_long_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(InDoubt):
        import_one(Pigment([RUNNING], [RUNNING]), Time())
    said = [each.message for each in caplog.records if "Waiting for the import of the stream" in each.message]
    assert 5 <= len(said) <= 7
    assert "taken 1 minute so far" in said[0]


def test_many_running_imports_share_their_questions() -> None:
    time, pigment = Time(), Pigment([RUNNING], [RUNNING] * 8 + [DONE])
    with Spool(CsvDialect()) as spool:
        importer = importer_for(pigment, time)
        importer.running._count = 99
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


STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a",))
THREE = b"1\r\n2\r\n3\r\n"
REJECTED = RejectedRow(2, "a", "BAD", "2")


def append(
    pigment: Pigment,
    mode: WriteMode = WriteMode.APPEND,
    cancel: Cancel | None = None,
    *,
    rejected_on_arrival: int = 0,
    **config: Any,
) -> Imported:
    stream = DestinationStream(None, "s", mode, ("a",))
    with Spool(CsvDialect()) as spool:
        file = spool.new_file(["a"])
        file.write(THREE)
        file.finish()
        job = AppendJob(stream, "c", Cut(file, rows=3, rejected=rejected_on_arrival, is_open=False), spool)
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
    pigment = Pigment([first, CompletedImport("second", ImportCounts(1, deleted=0))], [first])
    assert append(pigment).rejected == 0
    assert pigment.pushes[1] == ("c", b"a\r\n2\r\n")


@pytest.mark.parametrize("error", [RequestRejected("push CSV"), KeyRejected("push CSV"), OutcomeUnknown("push CSV")])
def test_the_first_result_stands_whatever_becomes_of_the_second(error: PigmentError) -> None:
    first = with_rejected(REJECTED)
    assert append(Pigment([first, error], [first])).rejected == 1


def test_once_rows_were_deleted_nothing_is_sent_again() -> None:
    first = with_rejected(REJECTED, deleted=5)
    pigment = Pigment([first], [first])
    with pytest.raises(MayBeStored, match=r"5 rows that were there are gone"):
        append(pigment)
    assert len(pigment.pushes) == 1


def test_a_rejected_row_that_stops_the_sync_says_what_is_stored() -> None:
    first = with_rejected(REJECTED)
    with pytest.raises(ConfigProblem, match=r"and stored 2, which the next sync sends again"):
        append(Pigment([first, first], [first]), rejected_rows="fail")


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])
def test_a_row_that_was_rejected_before_its_file_went_stops_the_sync_there(mode: WriteMode) -> None:
    pigment = Pigment([])
    with pytest.raises(NotPushed, match=r"1 row of the .* nothing that came with it was sent"):
        append(pigment, mode, rejected_on_arrival=1, rejected_rows="fail")
    assert pigment.pushes == []


@pytest.mark.parametrize(
    ("counts", "mode", "is_error"),
    [
        (ImportCounts(0, deleted=0), WriteMode.APPEND, True),
        (ImportCounts(4, deleted=0), WriteMode.APPEND, True),
        (ImportCounts(2, 2, deleted=0), WriteMode.APPEND_DEDUP, True),
        (ImportCounts(0, deleted=0), WriteMode.APPEND_DEDUP, False),
        (ImportCounts(2, deleted=0), WriteMode.APPEND, False),
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
        assert "has 3 rows, and Pigment reports" in caplog.text


def replace(pigment: Pigment, files: int = 2, cancel: Cancel | None = None) -> Imported:
    stream = DestinationStream(None, "s", WriteMode.REPLACE, ("a",))
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
        replace(Pigment([RUNNING], [CompletedImport("import", ImportCounts(0, 1, deleted=0))]), files=1)


@pytest.mark.parametrize(("deleted", "warned"), [(0, True), (1, False)])
def test_a_result_that_comes_at_once_is_asked_for_deletions(
    deleted: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    at_once = CompletedImport("import", ImportCounts(1, 0, None))
    replace(Pigment([at_once], [CompletedImport("import", ImportCounts(1, 0, deleted))]), files=1)
    assert ("Nothing was deleted" in caplog.text) is warned


AT_ONCE = CompletedImport("import", ImportCounts(3, 0, None))
NO_COUNTS = CompletedImport("import")
KEPT = CompletedImport("import", ImportCounts(3, deleted=0))
NO_REPORT: list[Import | Exception] = [
    NotFound("import status"),
    Unavailable("import status"),
    ResponseNotUnderstood("import status"),
    KeyRejected("import status"),
    NO_COUNTS,
    UnknownImport("import", completed=True),
    AT_ONCE,
]
ways_without_a_report = pytest.mark.parametrize("asked", NO_REPORT, ids=repr)


@ways_without_a_report
@pytest.mark.parametrize("pushed", [AT_ONCE, NO_COUNTS], ids=["at once", "no counts"])
def test_deletions_that_nobody_reports_are_not_none(pushed: Import, asked: Import | Exception) -> None:
    time = Time()
    assert import_one(Pigment([pushed], [asked]), time).deleted is None
    assert time.now < 60


@pytest.mark.parametrize("lag", [NotFound("import status"), Unavailable("import status"), NO_COUNTS, RUNNING], ids=repr)
def test_a_report_that_comes_late_is_waited_for(lag: Import | Exception) -> None:
    done = import_one(Pigment([AT_ONCE], [lag, lag, CompletedImport("import", ImportCounts(3, 0, 7))]), Time())
    assert done.deleted == 7


def test_a_failure_that_is_reported_later_is_believed() -> None:
    with pytest.raises(ImportFailed):
        import_one(Pigment([AT_ONCE], [RUNNING, FailedImport("import", ("Broken",))]), Time())


@pytest.mark.parametrize("asked", [FailedImport("import"), DONE], ids=repr)
def test_a_word_that_nobody_knows_is_asked_for(asked: Import) -> None:
    pigment = Pigment([UnknownImport("import", completed=False)], [asked])
    if isinstance(asked, FailedImport):
        with pytest.raises(ImportFailed):
            import_one(pigment, Time())
    else:
        assert import_one(pigment, Time()).deleted == 0


def test_a_failure_that_counts_accepted_rows_is_a_doubt() -> None:
    with pytest.raises(InDoubt, match=r"as failed, and 5 rows as accepted"):
        import_one(Pigment([FailedImport("import", accepted=5)]), Time())


def test_questions_without_result_are_counted_in_a_row() -> None:
    unknown = NotFound("import status")
    assert import_one(Pigment([RUNNING], [*[unknown, RUNNING] * 8, DONE]), Time()).deleted == 0


@pytest.mark.parametrize("error", [MemoryError(), OSError("disk"), RecursionError(), ValueError()], ids=repr)
@pytest.mark.parametrize("pushed", [RUNNING, AT_ONCE], ids=["running", "at once"])
def test_whatever_goes_wrong_behind_a_push_is_a_doubt(pushed: Import, error: Exception) -> None:
    with pytest.raises(MayBeStored, match=type(error).__name__):
        append(Pigment([pushed], [error]))


class Appending:
    """Files that go one after the other through one import configuration."""

    def __init__(self, pigment: Pigment, mode: WriteMode = WriteMode.APPEND, **config: Any) -> None:
        self._stream = DestinationStream(None, "s", mode, ("a",))
        self._importer = importer_for(pigment, Time(), None, **config)
        self._first = FirstImports()

    def add(self, configuration_id: str = "c") -> int:
        """Import a file; how many results are certain after it."""
        with Spool(CsvDialect()) as spool:
            file = spool.new_file(["a"])
            file.write(THREE)
            file.finish()
            job = AppendJob(self._stream, configuration_id, Cut(file, rows=3, is_open=False), spool)
            return len(self._first.on_imported(job, job.run(self._importer)))


BOTH = pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])


@BOTH
@ways_without_a_report
def test_no_second_file_follows_one_whose_deletions_are_not_known(asked: Import | Exception, mode: WriteMode) -> None:
    pigment = Pigment([AT_ONCE], [asked])
    appending = Appending(pigment, mode)
    assert appending.add() == 0
    with pytest.raises(NotPushed, match="did not report whether"):
        appending.add()
    assert len(pigment.pushes) == 1
    appending.add("another")


@BOTH
def test_a_second_file_whose_deletions_are_not_known_may_have_deleted_the_first(mode: WriteMode) -> None:
    appending = Appending(Pigment([AT_ONCE], [KEPT, NotFound("import status")]), mode)
    assert appending.add() == 0
    with pytest.raises(MayBeStored, match="may have been deleted"):
        appending.add()


@BOTH
def test_once_a_second_file_deleted_nothing_the_configuration_adds(mode: WriteMode) -> None:
    appending = Appending(Pigment([AT_ONCE], [KEPT, KEPT, NotFound("import status")]), mode)
    assert [appending.add() for _ in range(4)] == [0, 2, 1, 1]


def test_a_first_file_that_stored_nothing_proves_nothing() -> None:
    nothing = CompletedImport("import", ImportCounts(0, 0, 0, 3))
    appending = Appending(Pigment([RUNNING], [nothing, KEPT, KEPT]))
    assert [appending.add() for _ in range(3)] == [0, 0, 3]


@BOTH
def test_a_second_import_that_fails_may_have_deleted_the_first(mode: WriteMode) -> None:
    appending = Appending(Pigment([RUNNING], [KEPT, FailedImport("import")]), mode)
    appending.add()
    with pytest.raises(MayBeStored, match="may have been deleted"):
        appending.add()


@pytest.mark.parametrize(
    "asked", [[FailedImport("import")], [KEPT, KEPT, FailedImport("import")]], ids=["first", "third"]
)
def test_a_failed_import_that_can_have_deleted_nothing_of_ours_is_just_failed(asked: list[Import | Exception]) -> None:
    appending = Appending(Pigment([RUNNING], asked))
    for _ in range(len(asked) - 1):
        appending.add()
    with pytest.raises(ImportFailed):
        appending.add()


@ways_without_a_report
def test_rejected_rows_are_not_sent_again_where_deletions_are_not_known(asked: Import | Exception) -> None:
    pigment = Pigment([CompletedImport("import", ImportCounts(2, 0, None, 1), (), (REJECTED,))], [asked])
    assert append(pigment).rejected == 1
    assert len(pigment.pushes) == 1


@pytest.mark.parametrize("deleted", [2, None])
def test_rejected_rows_that_may_have_deleted_the_others_end_the_sync(deleted: int | None) -> None:
    second = CompletedImport("import", ImportCounts(1, 0, deleted))
    with pytest.raises(MayBeStored):
        append(Pigment([with_rejected(REJECTED), second], [second]))


@pytest.mark.parametrize(
    ("second", "is_warned"),
    [(FailedImport("import"), True), (OutcomeUnknown("push CSV"), True), (RequestRejected("push CSV"), False)],
    ids=["failed", "lost", "not taken"],
)
def test_what_rejected_rows_sent_again_may_have_done_is_said(
    second: Import | Exception, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first = with_rejected(REJECTED)
    assert append(Pigment([first, second], [first])).rejected == 1
    assert "stay rejected" in caplog.text
    assert ("may have been deleted by it" in caplog.text) is is_warned


@pytest.mark.parametrize("error", [TransientProblem("disk full"), OSError("disk"), MemoryError()], ids=repr)
@pytest.mark.parametrize("where", ["selected", "read_rows", "remove"])
def test_the_first_result_stands_whatever_the_disk_does(
    where: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise error

    first = with_rejected(REJECTED)
    monkeypatch.setattr(Spool if where == "selected" else SpoolFile, where, broken)
    assert append(Pigment([first], [first])).rejected == 1


def test_a_dry_run_without_a_report_is_not_called_stored() -> None:
    assert append(Pigment([AT_ONCE], [NotFound("import status")]), dry_run=True).deleted is None
