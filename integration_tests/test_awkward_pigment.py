"""destination-pigment as a process against a Pigment that is as awkward as it may be, from the promises alone."""

from __future__ import annotations

import pytest

from airbyte_platform.delivery import Succeeded
from airbyte_platform.job import REGISTRY
from airbyte_platform.process import Message, Run
from connectors import Runner
from local_pigment.faults import Misreport, RespondStatus, RespondWith
from local_pigment.workspace import ImportsOfABlock
from writing import (
    LEDGER,
    Attempt,
    entries,
    entry,
    fill,
    imports,
    ledger,
    logged,
    many,
    names,
    pair,
    record,
    state,
    stream,
)

pytestmark = pytest.mark.long

OLD = ["OLD-0", "OLD-1"]


@pytest.fixture
def filled(fast_destination: Runner) -> Runner:
    """The block holds two old rows."""
    return fill(fast_destination, OLD)


def write(destination: Runner, mode: str, messages: list[Message], **config: object) -> Run:
    run = Attempt([stream()], mode, REGISTRY, messages).run(destination, Succeeded(), **config)
    destination.pigment.workspace.settle()
    return run


def words(run: Run) -> str:
    """What a person sees: warnings and errors."""
    logs = [each["message"] for each in run.of("LOG") if each["level"] in {"WARN", "ERROR"}]
    return "\n".join(logs + [each["message"] for each in run.errors])


def failure_types(run: Run) -> set[str]:
    return {each["failure_type"] for each in run.errors}


TWO_FILES = [*many(4), state(1, records=4), *many(4, 5), state(2, records=4)]


@pytest.mark.parametrize("fault", [Misreport(status="Sideways", detailed=False), Misreport(status="Sideways")])
def test_an_unknown_status_word_is_an_unknown_outcome(filled: Runner, fault: Misreport) -> None:
    filled.pigment.faults.queue("push_csv", fault)
    appended = write(filled, "append", [*many(8), state(1, records=8)])
    assert failure_types(appended) == {"config_error"}
    assert "is not understood" in words(appended)
    assert "8 rows may be stored" in words(appended)
    assert not appended.states
    assert len(imports(filled)) == 1

    filled.pigment.faults.queue("push_csv", fault)
    replaced = write(filled, "overwrite", [*many(8), state(1, records=8)], targets=pair(filled))
    # Such an import may still run: to clear and load once more beside it could double the rows.
    assert failure_types(replaced) == {"config_error"}, words(replaced)
    assert not replaced.states
    assert len(imports(filled)) == 2


def test_rows_rejected_under_numbers_outside_the_file_are_not_pushed_again(filled: Runner) -> None:
    filled.pigment.workspace.variants.immediate_results = True
    for first_row in (0, 1000):
        filled.pigment.faults.queue("push_csv", Misreport(first_row=first_row))
    for start in (1, 11):
        # The first row of each file cannot be read: number 0 or 1,000 lies outside the file.
        messages = [record(entry(start, Amount="x")), *many(3, start + 1), state(1, records=4)]
        run = write(filled, "append", messages)
        assert run.states[-1]["destinationStats"] == {"recordCount": 3.0, "rejectedRecordCount": 1.0}

    assert len(imports(filled)) == 2
    assert entries(filled) == [*OLD, *names(3, 2), *names(3, 12)]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_the_first_result_stands_whatever_becomes_of_the_second_push(filled: Runner, status: int) -> None:
    filled.pigment.workspace.variants.immediate_results = True
    filled.pigment.faults.queue("push_csv", RespondStatus(status), after=1)
    run = write(filled, "append", [*many(3), record(entry(4, Amount="x")), state(1, records=4)], max_retries=0)

    assert [each["destinationStats"] for each in run.states] == [{"recordCount": 3.0, "rejectedRecordCount": 1.0}]
    assert status == 429 or logged(run, "again failed, so")
    assert entries(filled) == OLD + names(3)


@pytest.mark.parametrize("kind", ImportsOfABlock)
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_several_files_of_a_block_are_never_imported_at_the_same_time(
    filled: Runner, mode: str, kind: ImportsOfABlock
) -> None:
    variants = filled.pigment.workspace.variants
    variants.import_seconds, variants.imports_of_a_block = 0.3, kind
    messages = [*TWO_FILES, *many(4, 9), state(3, records=4)]
    run = write(filled, mode, messages, targets=pair(filled), max_file_rows=4)

    assert run.exit_code == 0, words(run)
    assert entries(filled) == ([] if mode == "overwrite" else OLD) + names(12)


def test_others_that_have_spent_the_budget_of_the_address_are_waited_for(filled: Runner) -> None:
    limits, clock = filled.pigment.workspace.limits, filled.pigment.workspace.clock
    limits.window_seconds = 4
    limits.spend("127.0.0.1", limits.requests, clock())
    run = write(filled, "append", [*many(8), state(1, records=8)])

    assert run.exit_code == 0, words(run)
    assert entries(filled) == OLD + names(8)


@pytest.fixture
def reports_nothing(fast_destination: Runner) -> Runner:
    """Results come at once and their reports cannot be fetched: it is never known whether an import deleted rows."""
    fast_destination.pigment.workspace.variants.immediate_results = True
    fast_destination.pigment.faults.queue("import_status", RespondStatus(404), times=5)
    return fast_destination


def undeclared(destination: Runner) -> list[dict[str, str]]:
    return [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (replace)")}]


def test_one_file_a_sync_is_appended_although_deletions_are_not_reported(reports_nothing: Runner) -> None:
    run = write(reports_nothing, "append", [*many(8), state(1, records=8)])

    assert run.exit_code == 0, words(run)
    assert len(run.states) == 1
    assert entries(reports_nothing) == names(8)
    assert "it is unknown whether existing rows were deleted" in words(run)


def test_no_second_file_deletes_the_first_unseen(reports_nothing: Runner) -> None:
    messages = [*TWO_FILES, *many(4, 9), state(3, records=4)]
    run = write(reports_nothing, "append", messages, targets=undeclared(reports_nothing), max_file_rows=4)

    assert failure_types(run) == {"config_error"}
    assert entries(reports_nothing) == names(4)
    assert len(run.states) == 1


def test_no_second_push_of_rejected_rows_deletes_the_first_unseen(reports_nothing: Runner) -> None:
    messages = [*many(3), record(entry(4, Amount="x")), state(1, records=4)]
    run = write(reports_nothing, "append", messages, targets=undeclared(reports_nothing))

    assert entries(reports_nothing) == names(3)
    assert [each["destinationStats"] for each in run.states] == [{"recordCount": 3.0, "rejectedRecordCount": 1.0}]


def test_a_dry_run_that_is_respected_and_not_reported_on_is_no_lie(reports_nothing: Runner) -> None:
    reports_nothing.pigment.workspace.variants.richer_metadata = True
    run = write(reports_nothing, "append", [*many(8), state(1, records=8)], dry_run=True)

    assert run.exit_code == 0, words(run)
    assert not entries(reports_nothing)


def test_a_response_nested_too_deeply_is_a_doubt(filled: Runner) -> None:
    filled.pigment.faults.queue("push_csv", RespondWith("[" * 100_000))
    run = write(filled, "append", [*many(8), state(1, records=8)])

    assert failure_types(run) == {"config_error"}
    assert not run.states
