"""A replacement that does not go as it should: when it restarts, when it must not, and what its error says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import scripted_imports
from scripted_imports import RUNNING, Time, importer_for, replace_all

from destination_pigment.imports.queue import JobDone
from destination_pigment.imports.verdicts import PartialWrite
from destination_pigment.input.cancel import Cancel
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.errors import ImportOutcomeUnknown, KeyRejected, NotFound, RequestRejected
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    PushOptions,
    RejectedRow,
    RunningImport,
    UnreadableStatus,
)

CLEARED = CompletedImport("", ImportCounts(1, 0, 1))
ADDED = CompletedImport("", ImportCounts(1, deleted=0))
FAILED = FailedImport("", ("NoSuchColumn",))
LOST = ImportOutcomeUnknown("push CSV")

Ask = Callable[[float], Import | Exception]


class Pigment:
    """Accepts files, each push under the next number; what is asked of an import depends on the time."""

    def __init__(self, *imports: Ask | Exception) -> None:
        self.pushes: list[str] = []
        self.repeatable: list[bool] = []
        self.time = Time()
        self._imports = list(imports)

    def push_csv(self, configuration_id: str, _file: Path, options: PushOptions) -> Import:
        self.pushes.append(configuration_id)
        self.repeatable.append(options.repeatable)
        pushed = self._imports[len(self.pushes) - 1]
        if isinstance(pushed, Exception):
            raise pushed
        return RunningImport(str(len(self.pushes) - 1))

    def import_status(self, import_id: str) -> Import:
        ask = self._imports[int(import_id)]
        assert not isinstance(ask, Exception)
        response = ask(self.time.now)
        if isinstance(response, Exception):
            raise response
        return replace(response, id=import_id)


def at_once(response: Import | Exception) -> Ask:
    return lambda _now: response


def after(seconds: float, response: Import, before: Import | Exception = RUNNING) -> Ask:
    return lambda now: response if now > seconds else before


def replaced(pigment: Pigment, files: int = 2, *, rejected_on_arrival: int = 0, **config: Any) -> JobDone:
    importer = importer_for(pigment, pigment.time, **config)
    return replace_all(importer, files, rejected_on_arrival=rejected_on_arrival)


HOUR = 3600.0


@pytest.mark.parametrize(
    "end",
    [CLEARED, FAILED, FailedImport("", accepted=1), UnreadableStatus("", completed=True)],
    ids=["done", "failed", "failed in part", "unread"],
)
@pytest.mark.parametrize("files", [1, 2])
def test_an_import_that_takes_too_long_has_ended_before_all_files_are_sent_again(files: int, end: Import) -> None:
    slow = after(1.5 * HOUR, end)
    first, again = ([], [at_once(CLEARED)]) if files == 1 else ([at_once(CLEARED)], [at_once(CLEARED), at_once(ADDED)])
    pigment = Pigment(*first, slow, *again)
    replaced(pigment, files)
    assert pigment.pushes == (["clearing"] * 2 if files == 1 else ["clearing", "adding"] * 2)
    assert pigment.time.now > 1.5 * HOUR


@pytest.mark.parametrize(
    "asked",
    [
        RUNNING,
        RecursionError(),
        NotFound("import status"),
        KeyRejected("import status"),
        UnreadableStatus("", completed=False),
    ],
    ids=["runs on", "unexpected", "not known", "may not be asked", "not understood"],
)
@pytest.mark.parametrize("position", [0, 1])
def test_nothing_is_sent_again_while_an_import_may_run(position: int, asked: Import | Exception) -> None:
    pigment = Pigment(*[at_once(CLEARED)] * position, at_once(asked))
    with pytest.raises(ConfigProblem, match=r"may still run.*may be empty or contain only a part now"):
        replaced(pigment)
    assert len(pigment.pushes) == position + 1


@pytest.mark.parametrize("files", [1, 2])
def test_no_file_of_a_replacement_is_repeated_by_itself(files: int) -> None:
    pigment = Pigment(at_once(CLEARED), at_once(ADDED))
    replaced(pigment, files)
    assert pigment.repeatable == [False] * files


def test_a_lost_response_repeats_all_files_after_a_wait() -> None:
    pigment = Pigment(LOST, at_once(CLEARED), LOST, at_once(CLEARED), at_once(ADDED))
    replaced(pigment)
    assert pigment.pushes == ["clearing", "clearing", "adding", "clearing", "adding"]


@pytest.mark.parametrize(("files", "least", "most"), [(1, 10, 60), (2, 120, 300)])
def test_a_lost_push_of_several_files_is_given_time_to_arrive(files: int, least: float, most: float) -> None:
    pigment = Pigment(LOST, at_once(CLEARED), at_once(ADDED))
    replaced(pigment, files)
    assert least <= pigment.time.now <= most


EMPTY, PART = "may be empty or contain only a part now", "contains only a part now"
ONE_REJECTED = CompletedImport("", ImportCounts(0, 0, 1, 1), (), (RejectedRow(1, "a", "BAD"),))


@pytest.mark.parametrize(
    ("imports", "files", "said"),
    [
        ([at_once(FAILED)], 1, EMPTY),
        ([at_once(FAILED)], 2, EMPTY),
        ([LOST, at_once(FAILED)], 1, EMPTY),
        ([LOST, RequestRejected("push CSV")], 1, EMPTY),
        ([LOST, LOST, LOST], 1, EMPTY),
        ([at_once(CLEARED), at_once(FAILED)], 2, PART),
        ([at_once(CLEARED), RequestRejected("push CSV")], 2, PART),
        ([at_once(CompletedImport("", ImportCounts(5, deleted=0)))], 1, EMPTY),
        ([RequestRejected("push CSV")], 1, None),
        ([RequestRejected("push CSV")], 2, None),
        ([at_once(ONE_REJECTED)], 1, EMPTY),
        ([at_once(CLEARED), at_once(CompletedImport("", ImportCounts(1, 0, 0, 1)))], 2, None),
    ],
)
def test_an_error_says_what_the_block_may_contain(imports: list[Ask | Exception], files: int, said: str | None) -> None:
    with pytest.raises((ConfigProblem, TransientProblem, RequestRejected)) as raised:
        replaced(Pigment(*imports), files, rejected_rows="fail")
    assert [each for each in (EMPTY, PART) if each in str(raised.value)] == ([said] if said else [])


def test_a_row_that_was_rejected_before_anything_went_leaves_the_block_where_it_stops_the_sync() -> None:
    pigment = Pigment()
    with pytest.raises(ConfigProblem, match=r"2 rows of the .* Nothing that came with it was sent") as raised:
        replaced(pigment, rejected_on_arrival=1, rejected_rows="fail")
    assert pigment.pushes == []
    assert "hold" not in str(raised.value)


def test_an_adding_configuration_that_clears_is_named_and_what_it_left() -> None:
    with pytest.raises(ConfigProblem, match=r"cannot add the later files") as raised:
        replaced(Pigment(at_once(CLEARED), at_once(CLEARED)))
    assert PART in str(raised.value)


@pytest.mark.parametrize("counts", [None, ImportCounts(1, 0, None)], ids=["no report", "no deletions in it"])
def test_a_later_file_whose_deletions_are_not_reported_is_in_doubt(counts: ImportCounts | None) -> None:
    pigment = Pigment(at_once(CLEARED), at_once(CompletedImport("", counts)), at_once(ADDED))
    with pytest.raises(PartialWrite, match="may contain only a part now"):
        replaced(pigment, files=3)
    assert len(pigment.pushes) == 2


def test_a_first_file_whose_deletions_are_not_reported_is_not_accused() -> None:
    replaced(Pigment(at_once(CompletedImport("", ImportCounts(0, 1, None)))), files=1)


def test_a_replacement_that_is_cancelled_after_its_first_file_says_that_only_a_part_is_there() -> None:
    cancel = Cancel()

    def cleared(_now: float) -> Import:
        cancel.request()
        return CLEARED

    pigment = Pigment(cleared)
    with pytest.raises(TransientProblem, match="only a part"):
        replace_all(importer_for(pigment, pigment.time, cancel))


def test_responses_that_stay_lost_end_in_a_transient_error() -> None:
    with pytest.raises(TransientProblem, match="only a part"):
        replaced(Pigment(*[at_once(CLEARED), LOST] * 3))


@pytest.mark.parametrize("counts", [ImportCounts(0, 1, deleted=0), ImportCounts(0, 0, deleted=0)], ids=str)
def test_a_reload_of_a_list_from_which_nothing_vanished_is_stored(counts: ImportCounts) -> None:
    assert replaced(Pigment(at_once(CompletedImport("", counts))), files=1).to_count is None


@pytest.mark.parametrize(("deleted", "is_in_doubt"), [(0, True), (1, False)])
def test_a_result_that_comes_at_once_is_asked_for_deletions(deleted: int, is_in_doubt: bool) -> None:
    pushed = CompletedImport("import", ImportCounts(1, 0, None))
    pigment = scripted_imports.Pigment([pushed], [CompletedImport("import", ImportCounts(1, 0, deleted))])
    assert (replace_all(importer_for(pigment, Time()), files=1).to_count is not None) is is_in_doubt
