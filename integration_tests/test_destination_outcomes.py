"""destination-pigment as a process: every outcome of a push and of its rows."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from local_pigment.faults import (
    FailImport,
    HoldImport,
    Misreport,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
)
from writing import (
    LEDGER,
    catalog,
    entries,
    entry,
    imports,
    ledger,
    logged,
    many,
    names,
    pair,
    record,
    rows,
    skip_unknown,
    state,
    status,
    stream,
    write,
)

pytestmark = pytest.mark.long


@pytest.mark.parametrize("fault", [RespondStatus(429), RespondStatus(429, retry_after="1")])
def test_what_certainly_did_not_arrive_is_sent_again(destination: Runner, fault: Any) -> None:
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert entries(destination) == names(5)


UNKNOWN = [
    ResetBeforeBody(),
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    RespondStatus(502),
    RespondStatus(503),
    RespondGarbage(),
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=str)
def test_an_append_whose_response_was_lost_stops_and_says_that_it_may_have_arrived(
    destination: Runner, fault: Any
) -> None:
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1), *many(5, 6), state(2)], max_file_rows=5)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "5 rows may be stored" in run.errors[0]["message"]
    assert not run.states
    assert len(imports(destination)) <= 1


def test_a_repeat_after_a_lost_response_is_harmless_where_rows_are_matched_by_a_key(destination: Runner) -> None:
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (by entry)")}]
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    run = write(destination, [*many(5), state(1)], catalog(mode="append_dedup"), targets=keyed)
    assert run.exit_code == 0
    assert entries(destination) == names(5)


@pytest.mark.parametrize(
    ("target", "fault", "times"),
    [
        ("", ResetBeforeResponse(carried_out=True), 2),
        (" (by entry)", ResetBeforeResponse(carried_out=False), 1),
        (" (by entry)", RespondStatus(502), 1),
    ],
    ids=str,
)
def test_rows_that_a_repeat_inserts_once_more_may_be_there_twice(
    destination: Runner, target: str, fault: Any, times: int
) -> None:
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, target)}]
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1)], catalog(mode="append_dedup"), targets=keyed)
    assert run.errors[0]["failure_type"] == "config_error"
    assert "may be in the block twice" in run.errors[0]["message"]
    assert not run.states
    assert sorted(entries(destination)) == sorted(names(5) * times)


@pytest.mark.parametrize("fault", UNKNOWN, ids=str)
def test_a_lost_response_is_harmless_where_all_is_replaced(destination: Runner, fault: Any) -> None:
    destination.pigment.faults.queue("push_csv", fault, after=1)
    messages = [*many(25, 100), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=pair(destination), max_file_rows=10)
    if not isinstance(fault, RespondGarbage):
        assert run.exit_code == 0
        assert entries(destination) == names(25, 100)


def test_a_limit_that_lasts_after_files_of_the_same_state_is_not_repeated_by_the_platform(
    fast_destination: Runner,
) -> None:
    fast_destination.pigment.faults.queue("push_csv", RespondStatus(429), times=1000, after=1)
    run = write(fast_destination, [*many(9), state(1)], max_file_rows=5)
    fast_destination.pigment.faults.forget()

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert run.errors[0]["message"].endswith(
        '5 rows of the stream "General Ledger" are stored and not yet covered by a state: look at the block before '
        "you run the sync again, which sends these rows once more."
    )
    assert not run.states
    assert entries(fast_destination) == names(5)


@pytest.mark.parametrize(
    ("code", "words"), [(400, "rejected the file"), (401, "API key"), (403, '"Import"'), (404, "not"), (413, "file")]
)
def test_a_push_that_is_rejected_is_not_repeated_and_says_what_to_do(
    destination: Runner, code: int, words: str
) -> None:
    destination.pigment.faults.queue("push_csv", RespondStatus(code))
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert words in run.errors[0]["message"], run.errors[0]["message"]
    assert len([each for each in destination.pigment.requests if each.operation == "push_csv"]) == 1


def test_an_import_that_fails_is_a_config_error_with_the_way_to_the_reason(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", FailImport())
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code != 0
    assert "Update history" in run.errors[0]["message"]
    assert not run.states


def test_an_import_that_never_ends_is_given_up_at_the_deadline(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", HoldImport())
    run = write(destination, [*many(5), state(1)], import_timeout_minutes=0.03)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "may still be running" in run.errors[0]["message"]
    assert not run.states


def test_polling_survives_what_happens_to_a_single_question(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 1
    destination.pigment.faults.queue("import_status", RespondStatus(404))
    destination.pigment.faults.queue("import_status", RespondStatus(503))
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert len(run.states) == 1


def test_a_result_may_come_at_once(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    # Asked once: a result that comes at once does not say whether rows were deleted.
    assert [each.operation for each in destination.pigment.requests].count("import_status") == 1
    assert logged(run, "5 inserted")


def test_rejected_rows_are_counted_and_reported_by_reason_and_column(destination: Runner) -> None:
    skip_unknown(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), record(entry(5, Amount="a secret")), state(1)]
    run = write(destination, messages)

    assert run.exit_code == 0
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (3.0, 2.0)
    said = " ".join(logged(run, "Skipped"))
    assert "1 row" in said
    assert '"Department"' in said
    assert '"Nobody"' in said
    assert "a secret" not in run.everything


def test_numbered_rejected_rows_are_pushed_once_more(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), *many(2, 5), state(1)]
    run = write(destination, messages)

    assert run.exit_code == 0
    assert [each.data_rows for each in imports(destination)] == [6, 1]
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (5.0, 1.0)


def test_rejected_rows_may_stop_the_sync(destination: Runner) -> None:
    skip_unknown(destination)
    run = write(destination, [*many(3), record(entry(4, Department="Nobody")), state(1)], rejected_rows="fail")
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "rejected 1 row of the" in run.errors[0]["message"]
    assert not run.states


def test_targets_by_id_need_no_listing(destination: Runner) -> None:
    destination.pigment.faults.queue("list_import_configurations", RespondStatus(403), times=2)
    targets = [{"stream": LEDGER, "import_configuration_id": ledger(destination)}]
    run = write(destination, [*many(3), state(1)], targets=targets)
    assert run.exit_code == 0
    assert logged(run, "no target depends on it")


def test_rows_that_we_reject_stop_the_sync_as_well_where_asked(destination: Runner) -> None:
    run = write(destination, [*many(3), record("no object"), state(1)], rejected_rows="fail")
    assert run.exit_code != 0
    assert "1 row " in run.errors[0]["message"]
    assert not run.states


def test_a_number_that_json_does_not_have_is_a_rejected_record(destination: Runner) -> None:
    nan = b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Amount":NaN}}}\n'
    run = destination.run("write", stdin=nan + as_lines([*many(2), state(1)]), catalog=catalog())
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (2.0, 1.0)


@pytest.mark.parametrize(("code", "times"), [(401, 1), (403, 1), (404, 6)])
def test_an_accepted_file_whose_fate_cannot_be_asked_may_be_there(destination: Runner, code: int, times: int) -> None:
    destination.pigment.faults.queue("import_status", RespondStatus(code), times=times)
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code != 0
    assert "was accepted" in run.errors[0]["message"]
    assert "Update history" in run.errors[0]["message"]
    assert not run.states


def test_no_state_leaves_for_what_came_after_a_failure(destination: Runner) -> None:
    """All in one block of input: the failure, another stream's record, and its state."""
    destination.pigment.faults.queue("push_csv", FailImport())
    messages = [*many(40), record({"Account": "1"}, "Accounts"), state(7, "Accounts")]
    configured = catalog(stream(), stream("Accounts", ("Account",)))
    run = write(destination, messages, configured, max_file_rows=10)
    assert run.exit_code != 0
    assert not run.states


def test_a_busy_stream_holds_up_no_other(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", HoldImport())
    configured = catalog(stream(), stream("Accounts", ("Account",)))
    process = destination.start(
        "write", catalog=configured, max_file_rows=10, flush_interval_minutes=0.03, import_timeout_minutes=0.2
    )
    process.feed(as_lines([record({"Account": "1"}, "Accounts"), state(7, "Accounts"), *many(60)]))
    time.sleep(6)
    assert "1" in [row[0] for row in rows(destination, "Accounts")]
    assert process.finish().exit_code != 0


def test_an_import_that_fails_without_a_name_is_understood(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", FailImport(named=False))
    run = write(destination, [*many(5), state(1)])
    assert run.errors[0]["failure_type"] == "config_error"
    assert "ended the import" in run.errors[0]["message"]
    assert not run.states


@pytest.mark.parametrize(
    "counts", [{"insertedCount": 0}, {"insertedCount": 1000}, {"insertedCount": 0, "updatedCount": 0}], ids=str
)
def test_counts_that_contradict_the_file_end_the_sync(destination: Runner, counts: dict[str, int]) -> None:
    destination.pigment.faults.queue("push_csv", Misreport(counts))
    run = write(destination, [*many(5), state(1)])
    assert run.errors[0]["failure_type"] == "config_error"
    assert "contradict each other" in run.errors[0]["message"]
    assert not run.states


def test_counts_that_fall_short_are_said(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", Misreport({"insertedCount": 3}))
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert logged(run, "has 5 rows, and Pigment reports 3 inserted")


def test_a_reload_of_a_list_by_its_key_is_stored_where_nothing_vanished(destination: Runner) -> None:
    keyed = ledger(destination, " (by entry)")
    targets = [{"stream": LEDGER, "import_configuration_id": keyed, "clears_before_import": True}]
    messages = [*many(5), state(1), status("COMPLETE")]
    write(destination, messages, catalog(mode="overwrite"), targets=targets)
    run = write(destination, messages, catalog(mode="overwrite"), targets=targets)
    assert run.exit_code == 0
    assert len(run.states) == 1
    assert logged(run, "updated 5 rows of the")


def test_a_result_at_once_is_not_warned_about_where_rows_were_deleted(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    messages = [*many(5), state(1), status("COMPLETE")]
    targets = pair(destination)
    write(destination, messages, catalog(mode="overwrite"), targets=targets)
    run = write(destination, messages, catalog(mode="overwrite"), targets=targets)
    assert run.exit_code == 0
    assert not logged(run, "No rows were deleted")
