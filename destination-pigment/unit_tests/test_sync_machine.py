"""The sync holds its promises in every schedule, and each promise that is broken by hand is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sync_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pigment_in_memory import Nature, Outcome
from schedule_inputs import Batch, Settings
from sync_machine import Platform
from written_schedules import WRITTEN, run

from destination_pigment.checkpoints import Checkpoints, DueState
from destination_pigment.files import latest
from destination_pigment.files.deletions import Deletions
from destination_pigment.files.rejected import RejectedOnArrival
from destination_pigment.files.segments import ReplacedRows
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports import block_count, changes, doubts, reload, verdicts
from destination_pigment.imports.guards import Unfilled
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import JobDone
from destination_pigment.imports.verdicts import ClearingEvidence, Imported, Sent, Verdict
from destination_pigment.input.completion import Completion, Proof
from destination_pigment.loader import Loader
from destination_pigment.rejected_rows.store import RejectedRowStore
from destination_pigment.sync import Sync
from pigment_airbyte.failures import TransientProblem
from pigment_client.models import ImportCounts

SCHEDULES = int(os.environ.get("SCHEDULES", "150"))

Platform.TestCase.settings = settings(max_examples=SCHEDULES, stateful_step_count=40, deadline=None)
TestPlatform = Platform.TestCase

Break = Callable[[pytest.MonkeyPatch], None]

_with_counts, _import_file = Checkpoints._with_counts, Importer.import_file
_judge_adding = verdicts.judge_adding
_split, _judge_count = ReplacedRows.split, doubts.judge_count


def nothing(*_: Any, **__: Any) -> None:
    """Guard nothing."""


def put(owner: Any, name: str, value: Any) -> Break:
    return lambda patch: patch.setattr(owner, name, value)


def twice_rejected(self: Any, waiting: Any) -> DueState:
    released = _with_counts(self, waiting)
    return DueState(released.state, released.stored, released.rejected * 2)


def never_rejected(self: Any, waiting: Any) -> DueState:
    released = _with_counts(self, waiting)
    return DueState(released.state, released.stored + released.rejected, 0)


def always_repeatable(self: Any, file: Any, subject: str, configuration_id: str, *, rows: int, **_: Any) -> Any:
    return _import_file(self, file, subject, configuration_id, rows=rows, repeatable=True)


def nothing_is_provisional(rejected: int, is_provisional: bool = False, *more: Any, **others: Any) -> JobDone:
    del is_provisional
    return JobDone(rejected, False, *more, **others)


def split_without_watermarks(self: Any, row: int, _watermark: int) -> ReplacedRows:
    return _split(self, row, sys.maxsize)


def without_count_before(replacement: doubts.Replacement, rows_counted: int | None) -> doubts.Settlement:
    return _judge_count(replace(replacement, before=None), rows_counted)


def without_earlier_import(replacement: doubts.Replacement, rows_counted: int | None) -> doubts.Settlement:
    return _judge_count(replace(replacement, is_repeated=False), rows_counted)


def unreported_as_none(sent: Sent, name: str, done: Imported, stored: int, evidence: ClearingEvidence) -> Verdict:
    counts = done.counts or ImportCounts(sent.rows)
    known = replace(done, counts=replace(counts, deleted=counts.deleted or 0))
    return _judge_adding(sent, name, known, stored, evidence)


@pytest.mark.parametrize("seconds", [0.0, 30.0], ids=["at once", "later"])
def test_rows_of_a_second_push_without_a_response_are_not_added_again(seconds: float) -> None:
    """They may be stored, so a failure before their state has left must not be one that the platform retries."""
    first, second = Outcome("one rejected", is_immediate=True), Outcome(response="lost, arrived", seconds=seconds)
    records = [(0, [("good", 0, 0)] * 4, "named", True)]
    run(["added"], records, rows=1, outcomes=[first, second, Outcome(response="429")])


def test_a_state_waits_for_the_record_of_a_later_file_that_replaces_one_before_it() -> None:
    """In a later step nothing goes before the end, and then one record of each key."""
    records = [
        (0, [("good", 0, 0)], "named", True),
        (0, [("good", 1, 0), ("good", 2, 0), ("good", 0, 1)], "named", True),
    ]
    run(["matched", "added"], records, rows=1, chosen=Settings(later=0))


def test_a_later_step_waits_for_records_that_did_not_arrive() -> None:
    def lose_a_record(schedule: Platform) -> None:
        schedule.is_calm = False
        schedule.records([(0, [("unreadable", 0, 0)], "named", False)])

    records = [(0, [("good", 0, 0)], "named", True), (1, [("good", 0, 0)], "named", False)]
    run(["added", "beside"], records, rows=1, way="registry", chosen=Settings(later=1), then=lose_a_record)


def test_a_row_that_is_written_and_counted_as_left_out_is_not_added_again() -> None:
    """A response at once may count what it stored as blank, and without its report the reason is not known."""

    def fail_before_the_end(schedule: Platform) -> None:
        schedule.pigment.has_reports = False
        schedule.state_of_all("GLOBAL", None, {}, "right")
        schedule.an_import_ends(0)
        schedule.it_ends("the input ends", None)

    run(
        ["beside", "replaced"],
        [(0, [("good", 0, 0)], "named", False)],
        rows=1,
        way="PyAirbyte",
        nature=Nature(blanked_are_counted=True),
        outcomes=[Outcome("one stored with a blank", is_immediate=True)],
        then=fail_before_the_end,
    )


def test_a_stream_without_a_row_never_empties_a_block_that_another_one_fills_unnoticed() -> None:
    chosen = Settings(is_contested=True, minimum_rows=0)
    run(["beside", "replaced"], [(0, [("good", 0, 0)], "named", True)], way="registry", chosen=chosen)


BROKEN: dict[str, Break] = {
    "a state leaves before its records are stored": put(
        Checkpoints, "_may_leave", lambda _, waiting: not waiting.is_false
    ),
    "a state of all waits for one stream only": put(
        Checkpoints,
        "_may_leave",
        lambda self, waiting: (
            not waiting.is_false and all(self._confirmed[key] >= count for key, count in waiting.required[:1])
        ),
    ),
    "states of replaced streams leave before all are stored": put(Checkpoints, "withhold", nothing),
    "the source's count is ignored": put(Checkpoints, "_missing", lambda *_: 0),
    "rejected rows are reported twice": put(Checkpoints, "_with_counts", twice_rejected),
    "rejected rows are reported as stored": put(Checkpoints, "_with_counts", never_rejected),
    "an append in doubt is repeated by the platform": put(verdicts, "PartialWrite", TransientProblem),
    "an append in doubt is repeated by the client": put(Importer, "import_file", always_repeatable),
    "what is stored and in no state is repeated by the platform": put(Loader, "forbid_retry", nothing),
    "a first result is certain at once": put(changes, "JobDone", nothing_is_provisional),
    "a first result stands after a doubt": put(Loader, "_never_confirm", nothing),
    "deletions of an append are taken for granted": put(
        verdicts, "judge_adding", lambda _sent, _name, _done, _stored, evidence: Verdict(evidence, is_provisional=True)
    ),
    "a file follows one of which deletions are not known": put(changes, "require_known_deletions", nothing),
    "deletions that are not reported are taken for none": put(verdicts, "judge_adding", unreported_as_none),
    "rows rejected on arrival are not written": put(RejectedOnArrival, "rows", lambda _: iter(())),
    "rows that Pigment rejected are not written": put(RejectedRowStore, "write_imported", nothing),
    "rows are pushed that the source has not confirmed": put(StreamFiles, "pop_full", StreamFiles.pop_all),
    "a source that failed has succeeded": put(Completion, "proof", lambda *_: Proof.COMPLETE),
    "a stream without a record is always cleared": put(Completion, "asks_for_clear", lambda *_: True),
    "a stream without a record is never cleared": put(Completion, "asks_for_clear", lambda *_: False),
    "a source without a row is taken for a success": put(Sync, "_report_empty_sources", nothing),
    "a source without a row empties its block": put(reload, "decide_unfilled", lambda **_: Unfilled.EMPTIED),
    "a full refresh goes at its states": put(sync_machine, "goes_at_states", lambda _, is_first_step: is_first_step),
    "a later step goes at its states": put(
        sync_machine, "goes_at_states", lambda stream, is_first_step: not stream.waits_for_proof or not is_first_step
    ),
    "a later step follows whatever became of the steps before": put(Sync, "_is_held_back", lambda *_: False),
    "a key stands twice in a file": put(ReplacedRows, "mask", lambda _, rows, **__: bytearray(b"\1") * rows),
    "the last version to arrive counts, not the greatest": put(latest._Cursor, "is_before", lambda *_: False),
    "a record after the last state replaces one before it": put(ReplacedRows, "split", split_without_watermarks),
    "a deletion is sent as a row": put(Deletions, "separate", lambda _, sent: (sent, None)),
    "the first file of a scope lacks a value": put(
        reload, "lead_with_scope", lambda _s, _scope, files, *_: (files, {})
    ),
    "a replacement in doubt is confirmed": put(verdicts, "_may_be_doubled", lambda *_: False),
    "a count of the half that its owner sees proves all": put(block_count, "judge_count", without_count_before),
    "a count after an import whose result is not known proves all": put(
        block_count, "judge_count", without_earlier_import
    ),
    "a stream is imported into a block that another one replaces": put(Loader, "_check_blocks", nothing),
    "rows without the right to write them are only rejected": put(verdicts, "find_wrong_set_up", nothing),
    "rows stored with a blank are reported as rejected": put(
        verdicts, "count_left_out", lambda counts, _numbered, skipped: (counts.skipped if counts else 0) or len(skipped)
    ),
}


# Which schedules are drawn depends on what else a process has loaded. These take up to two thousand of them, so chance
# decides: `make soak` looks for them, with a bound that leaves hardly any chance.
RARE = {
    what
    for what in BROKEN
    if what.startswith(("a first result", "deletions", "a file follows", "rows that Pigment", "a source that failed"))
}
LOOKED_FOR = [what for what in BROKEN if what not in WRITTEN and (what not in RARE or SCHEDULES > 1000)]


@pytest.mark.parametrize("what", WRITTEN)
def test_a_broken_promise_is_found_in_the_schedule_that_was_written_for_it(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITTEN[what]()
    BROKEN[what](monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        WRITTEN[what]()


@pytest.mark.long
@pytest.mark.parametrize("what", LOOKED_FOR)
def test_a_broken_promise_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BROKEN[what](monkeypatch)
    found = settings(
        max_examples=20_000 if what in RARE else 4000,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Platform, settings=found)


def test_states_between_the_records_of_several_streams_cover_only_what_is_stored() -> None:
    """What a sync did that wrote the records of a block at once."""
    first: list[Batch] = [
        (0, [("good", 0, 0)], "named", False),
        (3, [("good", 0, 0)], "named", True),
        (3, [("good", 1, 0), ("good", 2, 0), ("good", 0, 0)], "named", True),
    ]

    run(
        ["cells", "misled", "beside"],
        first,
        rows=1,
        way="PyAirbyte",
        chosen=Settings(was_filled=True),
        then=lambda schedule: schedule.it_ends("every stream completes", None),
    )
