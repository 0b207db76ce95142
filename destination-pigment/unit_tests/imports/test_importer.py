"""Waiting for imports: sooner at first, together no more often than the limit allows, and at once after a cancel."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from scripted_imports import (
    AT_ONCE,
    DONE,
    NO_COUNTS,
    RUNNING,
    Pigment,
    Time,
    append,
    filled,
    import_one,
    importer_for,
    ways_without_a_report,
)

from destination_pigment.files.spool import Spool
from destination_pigment.imports.verdicts import PartialWrite
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import WriteMode
from pigment_client.errors import (
    ImportFailed,
    ImportOutcomeUnknown,
    KeyRejected,
    NotFound,
    Unavailable,
)
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    UnreadableStatus,
)
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect


def test_questions_come_at_a_second_and_grow_to_thirty() -> None:
    time = Time()
    import_one(Pigment([RUNNING], [RUNNING] * 14 + [DONE]), time)
    assert time.waits[0] == 1.0
    assert time.waits == sorted(time.waits)
    assert time.waits[-1] == 30.0


def test_a_line_at_most_every_half_minute_shows_that_pigment_works(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(ImportOutcomeUnknown):
        import_one(Pigment([RUNNING], [RUNNING]), Time())
    logged = [each.message for each in caplog.records if "Pigment has worked on the import of" in each.message]
    assert 100 <= len(logged) <= 120
    assert re.search("for [0-9]+ s; the connector waits until [0-9]{2}:[0-9]{2} UTC at most", logged[0])


def test_many_running_imports_share_their_questions() -> None:
    time, pigment = Time(), Pigment([RUNNING], [RUNNING] * 8 + [DONE])
    with Spool() as spool:
        importer = importer_for(pigment, time)
        importer.polling._count = 99
        importer.import_file(filled(spool), "stream", "c", rows=3, repeatable=False)
    assert time.waits[:3] == [1.0, 1.5, 2.25]
    assert all(wait == 150.0 for wait in time.waits[3:])


def test_after_a_cancel_each_asks_for_itself_within_the_grace() -> None:
    time, cancel, running = Time(), Cancel(), [RUNNING]

    class Cancelling(Pigment):
        def push_csv(self, configuration_id: str, file: Path, options: Any) -> Import:
            cancel.request()
            return super().push_csv(configuration_id, file, options)

    with pytest.raises(ImportOutcomeUnknown, match="stopped while the import"):
        import_one(Cancelling(list(running)), time, cancel)
    assert time.waits[0] == 1.0
    assert time.now == pytest.approx(45)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([RUNNING], "has not ended within 60 minutes"),
        ([UnreadableStatus("import", completed=False)], "is not understood"),
        ([KeyRejected("import status")], "could not be asked"),
    ],
)
def test_an_import_of_which_nothing_is_known_is_in_doubt_in_time(asked: list[Any], words: str) -> None:
    time = Time()
    with pytest.raises(ImportOutcomeUnknown, match=words):
        import_one(Pigment([RUNNING], asked), time)
    assert time.now < 3700


def test_a_report_that_cannot_be_read_is_a_completed_import() -> None:
    done = import_one(Pigment([RUNNING], [UnreadableStatus("import", completed=True)]), Time())
    assert done.counts is None


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
def test_counts_that_contradict_the_file_are_reported(
    counts: ImportCounts, mode: WriteMode, is_error: bool, caplog: pytest.LogCaptureFixture
) -> None:
    done = CompletedImport("import", counts)
    if is_error:
        with pytest.raises(PartialWrite, match="contradict"):
            append(Pigment([RUNNING], [done]), mode)
    else:
        append(Pigment([RUNNING], [done]), mode)
        assert "has 3 rows, and Pigment reports" in caplog.text


@ways_without_a_report
@pytest.mark.parametrize("pushed", [AT_ONCE, NO_COUNTS], ids=["at once", "no counts"])
def test_deletions_that_are_not_reported_are_not_none(pushed: Import, asked: Import | Exception) -> None:
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
def test_an_unknown_status_is_asked_for_again(asked: Import) -> None:
    pigment = Pigment([UnreadableStatus("import", completed=False)], [asked])
    if isinstance(asked, FailedImport):
        with pytest.raises(ImportFailed):
            import_one(pigment, Time())
    else:
        assert import_one(pigment, Time()).deleted == 0


def test_a_failure_that_counts_accepted_rows_is_a_doubt() -> None:
    with pytest.raises(ImportOutcomeUnknown, match=r"as failed, and 5 rows as accepted"):
        import_one(Pigment([FailedImport("import", accepted=5)]), Time())


def test_questions_without_result_are_counted_in_a_row() -> None:
    unknown = NotFound("import status")
    assert import_one(Pigment([RUNNING], [*[unknown, RUNNING] * 8, DONE]), Time()).deleted == 0


@pytest.mark.parametrize("error", [MemoryError(), OSError("disk"), RecursionError(), ValueError()], ids=repr)
@pytest.mark.parametrize("pushed", [RUNNING, AT_ONCE], ids=["running", "at once"])
def test_whatever_goes_wrong_after_a_push_is_a_doubt(pushed: Import, error: Exception) -> None:
    with pytest.raises(PartialWrite, match=type(error).__name__):
        append(Pigment([pushed], [error]))


def test_a_dry_run_without_a_report_is_not_called_stored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert append(Pigment([AT_ONCE], [NotFound("import status")]), dry_run=True).is_provisional
    (line,) = [each.message for each in caplog.records if each.message.startswith("Checked the")]
    assert line.endswith("Pigment would accept 3 and skip 0.")
    assert not any(each.message.startswith("Imported the") for each in caplog.records)


def test_the_first_file_with_a_form_of_dates_shows_it_by_an_example(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for dates, logged in ((None, 0), ("dd/MM/yyyy", 1)):
        importer = importer_for(Pigment([DONE], [DONE]), Time())
        with Spool() as spool:
            dialect = CsvDialect(dates=None if dates is None else parse_date_pattern(dates))
            for _ in range(2):
                file = spool.new_file(["a"], dialect)
                file.finish()
                importer.import_file(file, "stream", "c", rows=3, repeatable=False)
        assert caplog.text.count("2024-12-01 is sent as 01/12/2024") == logged
