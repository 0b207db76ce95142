"""Rows that Pigment rejected: sent once more where it is certain which; the first result stands whatever follows."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_imports import (
    Pigment,
    append,
    ways_without_a_report,
)

from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.imports.verdicts import NotPushed, PartialWrite
from destination_pigment.input.catalog import WriteMode
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.errors import (
    ImportOutcomeUnknown,
    KeyRejected,
    PigmentError,
    RequestRejected,
)
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    RejectedRow,
)

REJECTED = RejectedRow(2, "a", "BAD", "2")


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


@pytest.mark.parametrize(
    "second",
    [
        CompletedImport("second", ImportCounts(0, deleted=0)),
        CompletedImport("second", ImportCounts(0, deleted=0, skipped=1)),
        CompletedImport("second", ImportCounts(1, deleted=0, skipped=1)),
        CompletedImport("second", ImportCounts(9, deleted=0)),
    ],
    ids=["nothing", "rejected again", "in part", "more than was sent"],
)
def test_a_second_push_settles_only_what_its_own_counts_say_was_written(second: CompletedImport) -> None:
    first = with_rejected(REJECTED)
    pigment = Pigment([first, second], [first])
    assert append(pigment).rejected == 1
    assert len(pigment.pushes) == 2


def test_a_second_push_of_two_rows_that_wrote_one_settles_one() -> None:
    first = with_rejected(REJECTED, RejectedRow(3, "a", "BAD", "3"), skipped=2)
    second = CompletedImport("second", ImportCounts(1, deleted=0, skipped=1))
    assert append(Pigment([first, second], [first])).rejected == 1


def test_a_row_of_a_pivoted_file_is_not_sent_again_because_it_may_be_stored_in_part() -> None:
    first = CompletedImport("import", ImportCounts(3, deleted=0, skipped=1), (), (REJECTED,))
    pigment = Pigment([first], [first])
    assert append(pigment).rejected == 1
    assert len(pigment.pushes) == 1


def test_a_second_push_that_deleted_names_its_own_rows() -> None:
    second = CompletedImport("second", ImportCounts(1, 0, 2))
    with pytest.raises(PartialWrite, match=r"2 rows that were there are gone.* 1 row of this file is stored"):
        append(Pigment([with_rejected(REJECTED), second], [second]))


@pytest.mark.parametrize(
    "error", [RequestRejected("push CSV"), KeyRejected("push CSV"), ImportOutcomeUnknown("push CSV")]
)
def test_the_first_result_stands_whatever_becomes_of_the_second(error: PigmentError) -> None:
    first = with_rejected(REJECTED)
    assert append(Pigment([first, error], [first])).rejected == 1


def test_once_rows_were_deleted_nothing_is_sent_again() -> None:
    first = with_rejected(REJECTED, deleted=5)
    pigment = Pigment([first], [first])
    with pytest.raises(PartialWrite, match=r"5 rows that were there are gone"):
        append(pigment)
    assert len(pigment.pushes) == 1


@pytest.mark.parametrize(("mode", "adds_again"), [(WriteMode.APPEND, True), (WriteMode.APPEND_DEDUP, False)])
def test_a_rejected_row_that_stops_the_sync_says_what_is_stored(mode: WriteMode, adds_again: bool) -> None:
    first = with_rejected(REJECTED)
    with pytest.raises(ConfigProblem, match=r"and stored 2, which the next sync sends again") as raised:
        append(Pigment([first, first], [first]), mode, rejected_rows="fail")
    assert ("Delete the stored rows" in str(raised.value)) is adds_again


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])
def test_a_row_that_was_rejected_before_its_file_went_stops_the_sync_there(mode: WriteMode) -> None:
    pigment = Pigment([])
    with pytest.raises(NotPushed, match=r"1 row of the .* Nothing that came with it was sent"):
        append(pigment, mode, rejected_on_arrival=1, rejected_rows="fail")
    assert pigment.pushes == []


@ways_without_a_report
def test_rejected_rows_are_not_sent_again_where_deletions_are_not_known(asked: Import | Exception) -> None:
    pigment = Pigment([CompletedImport("import", ImportCounts(2, 0, None, 1), (), (REJECTED,))], [asked])
    assert append(pigment).rejected == 1
    assert len(pigment.pushes) == 1


@pytest.mark.parametrize("deleted", [2, None])
def test_rejected_rows_that_may_have_deleted_the_others_end_the_sync(deleted: int | None) -> None:
    second = CompletedImport("import", ImportCounts(1, 0, deleted))
    with pytest.raises(PartialWrite):
        append(Pigment([with_rejected(REJECTED), second], [second]))


@pytest.mark.parametrize(
    ("second", "is_warned"),
    [(FailedImport("import"), True), (ImportOutcomeUnknown("push CSV"), True), (RequestRejected("push CSV"), False)],
    ids=["failed", "lost", "not taken"],
)
def test_what_rejected_rows_sent_again_may_have_done_is_said(
    second: Import | Exception, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first = with_rejected(REJECTED)
    assert append(Pigment([first, second], [first])).rejected == 1
    assert "again failed, so" in caplog.text
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
