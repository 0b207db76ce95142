"""destination-pigment as a process: replacing, and leaving alone what must not be replaced."""

from __future__ import annotations

import signal
import time
from functools import partial
from typing import Any

import pytest

from airbyte_platform.delivery import Cancelled, Ending, Killed
from airbyte_platform.job import REGISTRY, catalog_for, refreshed
from airbyte_platform.process import Message, as_lines
from connectors import Runner
from local_pigment.faults import FailImport, RespondStatus
from local_pigment.sample import CONSOLIDATION, LEDGER
from small_blocks import follower, started
from writing import (
    catalog,
    clearing,
    empty_state,
    entries,
    entry,
    fill,
    imports,
    ledger,
    logged,
    many,
    names,
    pair,
    received,
    record,
    rows,
    skip_unknown,
    state,
    status,
    stream,
    write,
)

WAYS = [
    {"mode": "overwrite"},
    {"mode": "append", "generation_id": 3, "minimum_generation_id": 3},
    {"mode": "append_dedup", "generation_id": 3, "minimum_generation_id": 3},
]


@pytest.mark.parametrize("way", WAYS, ids=["overwrite", "generations", "generations and dedup"])
def test_replacing_leaves_only_what_the_source_sent(destination: Runner, way: dict[str, Any]) -> None:
    for start in (1, 100):
        messages = [status("STARTED"), *many(5, start), state(1), status("COMPLETE")]
        assert write(destination, messages, catalog(**way), targets=clearing(destination)).exit_code == 0
    assert entries(destination) == names(5, 100)


def ticked(destination: Runner) -> list[dict[str, Any]]:
    """A target that is declared as clearing, and adds."""
    return [{"stream": LEDGER, "import_configuration_id": ledger(destination), "clears_before_import": True}]


def test_a_first_load_is_counted_because_an_empty_block_has_nothing_to_delete(destination: Runner) -> None:
    messages = [*many(5), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert logged(run, "counted in Pigment: 5 rows, as many as were written")
    assert len(run.states) == 1
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert not logged(run, "counted in Pigment")
    assert len(run.states) == 1


def test_a_configuration_that_is_ticked_as_clearing_and_adds_doubles_a_block_once(destination: Runner) -> None:
    messages = [*many(5), state(1), status("COMPLETE")]
    write(destination, messages, catalog(mode="overwrite"), targets=ticked(destination))
    run = write(destination, messages, catalog(mode="overwrite"), targets=ticked(destination))
    assert run.errors[0]["failure_type"] == "config_error"
    assert "its block has 10 rows, and this sync wrote 5" in run.errors[0]["message"]
    assert not run.states


def test_where_blocks_cannot_be_counted_a_first_load_ends_in_an_error_that_says_what_to_look_at(
    destination: Runner,
) -> None:
    key = destination.pigment.workspace.secret("import")
    keys = {"auth_type": "separate_keys", "import_api_key": key}
    messages = [*many(5), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination), credentials=keys)
    assert run.errors[0]["failure_type"] == "config_error"
    assert "If it has 5 rows, nothing is there twice: make sure that" in run.errors[0]["message"]
    assert not run.states
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination), credentials=keys)
    assert run.exit_code == 0
    assert len(run.states) == 1


def test_where_blocks_are_never_counted_the_tick_is_believed(destination: Runner) -> None:
    messages = [*many(5), state(1), status("COMPLETE")]
    configured = catalog(mode="overwrite")
    run = write(destination, messages, configured, targets=clearing(destination), count_blocks="never")
    assert run.exit_code == 0
    assert logged(run, "No rows were deleted before")
    assert not [each for each in destination.pigment.requests if each.operation.startswith("export")]


def test_where_blocks_are_always_counted_old_rows_beside_a_reload_are_found(destination: Runner) -> None:
    fill(destination, ["OLD"])
    deletes_nothing = {"count_blocks": "always", "targets": ticked(destination)}
    messages = [*many(5), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), **deletes_nothing)
    assert "its block has 6 rows, and this sync wrote 5" in run.errors[0]["message"]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination), count_blocks="always")
    assert run.exit_code == 0
    assert logged(run, "counted in Pigment: 5 rows, as many as were written")


@pytest.mark.parametrize(("old", "pushed"), [(6, 1), (7, 0)])
def test_a_reload_with_too_small_a_share_of_the_rows_before_is_not_pushed(
    destination: Runner, old: int, pushed: int
) -> None:
    fill(destination, [f"OLD-{number}" for number in range(old)])
    block_id = destination.pigment.workspace.block(LEDGER, CONSOLIDATION).id
    targets = [{**clearing(destination)[0], "block_id": block_id, "minimum_percent": 50}]
    run = write(destination, [*many(3), state(1), status("COMPLETE")], catalog(mode="overwrite"), targets=targets)
    assert len(imports(destination)) == pushed
    if not pushed:
        assert "has 3 rows, its block in Pigment has 7" in run.errors[0]["message"]
        assert run.errors[0]["failure_type"] == "config_error"


@pytest.mark.parametrize(
    ("generation", "minimum"), [(3, 0), (3, 2), (0, 0)], ids=["not refreshing", "older ones stay", "no generations"]
)
def test_generations_that_differ_append(destination: Runner, generation: int, minimum: int) -> None:
    configured = catalog(generation_id=generation, minimum_generation_id=minimum)
    for start in (1, 6):
        write(destination, [*many(5, start), state(1)], configured)
    assert entries(destination) == names(10)


@pytest.mark.parametrize("sync_id", [{"sync_id": 1}, {"sync_id": None}, {}], ids=["1", "null", "none"])
def test_the_equal_generations_of_pyairbyte_append(destination: Runner, sync_id: dict[str, Any]) -> None:
    """PyAirbyte writes 1 for all ids, whatever the stream."""
    configured = catalog(generation_id=1, minimum_generation_id=1, **sync_id)
    configured["streams"][0]["sync_mode"] = "incremental"
    for start in (1, 6):
        write(destination, [*many(5, start), state(1)], configured)
    assert entries(destination) == names(10)


@pytest.mark.parametrize(("mode", "generation"), [("append", 0), ("append_dedup", 6)])
def test_a_refresh_that_removes_records_replaces_an_incremental_stream(
    destination: Runner, mode: str, generation: int
) -> None:
    """The first refresh of a stream has the generation 1, and everything afterwards appends again."""
    incremental = partial(catalog_for, [stream()], mode, REGISTRY, sync_mode="incremental")
    usual = incremental(generations={0: generation}, sync_id=41)
    refresh = refreshed(incremental(generations={0: generation}, sync_id=42))
    later = incremental(generations={0: generation + 1}, sync_id=43)
    for start, configured in ((1, usual), (1, refresh), (6, later)):
        messages = [*many(5, start), state(1), status("COMPLETE")]
        assert write(destination, messages, configured, targets=pair(destination)).exit_code == 0
    assert entries(destination) == names(10)
    (removed,) = (each for each in imports(destination) if each.configuration_id == ledger(destination, " (replace)"))
    assert removed.received.count(b"\r\n") == 6


def test_a_refresh_that_the_source_did_not_finish_removes_nothing(destination: Runner) -> None:
    usual = catalog_for([stream()], "append", REGISTRY, sync_id=41, sync_mode="incremental")
    write(destination, [*many(5), state(1), status("COMPLETE")], usual, targets=pair(destination))
    run = write(destination, [*many(5, 100), state(1)], refreshed(usual), targets=pair(destination))
    assert run.exit_code != 0
    assert entries(destination) == names(5)
    assert not run.states


@pytest.mark.long
@pytest.mark.parametrize("ending", [Killed(), Cancelled(signal.SIGTERM)], ids=["killed", "stopped"])
def test_a_second_attempt_of_a_refresh_never_begins_after_a_first_that_did_not_end(
    destination: Runner, ending: Ending
) -> None:
    """All of it was stored and a copy ran; rows of the second attempt alone would replace the whole block."""
    refresh = refreshed(catalog_for([stream()], "append", REGISTRY, sync_id=41, sync_mode="incremental"))
    destination.pigment.workspace.variants.polls_until_done = 2
    config = {"targets": pair(destination), "then_run": [follower(destination)]}
    first = destination.deliver(refresh, **config)
    first.send_messages(*many(5), state(1), status("COMPLETE"))
    first.finish_input()
    while not started(destination):
        time.sleep(0.02)
    assert not first.end(ending).states
    assert entries(destination) == names(5)
    again = write(destination, [*many(6), state(2), status("COMPLETE")], refresh, **config)
    assert len(again.states) == 1
    assert entries(destination) == names(6)


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
def test_a_stream_that_appends_never_goes_to_a_configuration_that_is_said_to_clear(
    destination: Runner, mode: str
) -> None:
    write(
        destination, [*many(5), state(1), status("COMPLETE")], catalog(mode="overwrite"), targets=clearing(destination)
    )
    run = write(destination, [*many(5, 100), state(1)], catalog(mode=mode), targets=clearing(destination))
    assert run.errors[0]["failure_type"] == "config_error"
    assert '"Clears before import" is ticked' in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert len(imports(destination)) == 1
    assert not run.states


@pytest.mark.parametrize("end", [[], [status("INCOMPLETE")], [state(1), *many(1, 9)]], ids=["nothing", "no", "later"])
def test_a_source_that_did_not_finish_leaves_pigment_untouched(destination: Runner, end: list[Message]) -> None:
    write(destination, [*many(5), state(1)])
    run = write(destination, [*many(5, 100), *end], catalog(mode="overwrite"), targets=clearing(destination))

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "transient_error"
    assert entries(destination) == names(5)
    assert len(imports(destination)) == 1
    assert not run.states


def test_a_state_after_the_last_record_is_enough_where_statuses_are_missing(destination: Runner) -> None:
    """The way of a custom image: nothing else comes."""
    run = write(destination, [*many(5), state(1)], catalog(mode="overwrite"), targets=clearing(destination))
    assert run.exit_code == 0
    assert entries(destination) == names(5)


def test_where_statuses_come_only_complete_counts(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    checkpoint = [status("STARTED"), status("RUNNING"), *many(3, 100), state(1)]
    other = [record({"Account": "1"}, "Accounts"), status("COMPLETE", "Accounts"), *many(3, 100), state(1)]
    accounts = stream("Accounts", ("Account",))
    for messages, configured in ((checkpoint, catalog(mode="overwrite")), (other, catalog(stream(), accounts))):
        for each in configured["streams"]:
            each["destination_sync_mode"] = "overwrite"
        run = write(destination, messages, configured, targets=clearing(destination))
        assert run.exit_code != 0
        assert entries(destination) == names(5)


def test_a_global_state_says_nothing_of_a_stream_that_never_began(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    configured = catalog(stream(), stream("Accounts", ("Account",)), mode="overwrite")
    all_streams = {"type": "STATE", "state": {"type": "GLOBAL", "id": 9, "global": {"stream_states": []}}}
    lines = as_lines([record({"Account": "1"}, "Accounts"), all_streams])
    destination.run("write", stdin=lines, catalog=configured, targets=pair(destination))
    assert entries(destination) == names(5)


def test_a_cancel_after_a_checkpoint_replaces_nothing(destination: Runner) -> None:
    """The platform closes standard input, and sends the signal a moment later."""
    destination.environment["PATIENCE_SECONDS"] = "10"
    write(destination, [*many(5), state(1)])
    process = destination.start("write", catalog=catalog(mode="overwrite"), targets=clearing(destination))
    process.feed(as_lines([*many(3, 100), state(1)]))
    time.sleep(0.7)
    process.send_signal(signal.SIGTERM)
    run = process.finish()
    assert run.exit_code != 0
    assert entries(destination) == names(5)
    assert not run.states


def test_rejected_rows_of_a_replacement_are_not_sent_again(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    skip_unknown(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), *many(20, 5), state(1), status("COMPLETE")]
    for targets, pushes in ((clearing(destination), 1), (pair(destination), 3)):
        before = len(imports(destination))
        run = write(destination, messages, catalog(mode="overwrite"), targets=targets, max_file_rows=24 // pushes + 2)
        assert run.exit_code == 0
        assert sorted(entries(destination)) == [name for name in names(24) if name != "GL-0000004"]
        stats = run.states[0]["destinationStats"]
        assert (stats["recordCount"], stats["rejectedRecordCount"]) == (23.0, 1.0)
        assert len(imports(destination)) - before == pushes


REJECTED = {"Department": "Nobody"}


@pytest.mark.parametrize(
    ("good", "minimum", "words", "files", "at_once"),
    [
        (0, 0, "Pigment wrote 0 of the 24 rows", 1, False),
        (0, 0, "Pigment wrote 0 of the 24 rows", 3, True),
        (3, 4, "fewer than the 4 that its target must have", 1, True),
        (3, 4, "fewer than the 4 that its target must have", 3, False),
    ],
    ids=["nothing, asked", "nothing, in files, at once", "too few, at once", "too few, in files, asked"],
)
def test_a_replacement_of_which_too_little_was_written_is_an_error(
    destination: Runner, good: int, minimum: int, words: str, files: int, at_once: bool
) -> None:
    destination.pigment.workspace.variants.immediate_results = at_once
    skip_unknown(destination)
    targets = [{**each, "minimum_rows": minimum} for each in (clearing if files == 1 else pair)(destination)]
    write(destination, [*many(5), state(1), status("COMPLETE")], catalog(mode="overwrite"), targets=targets)
    rejected = [record(entry(number, **REJECTED)) for number in range(100, 124 - good)]
    messages = [*many(good), *rejected, state(1), status("COMPLETE")]
    rows_in_file = 24 // files + 1
    run = write(destination, messages, catalog(mode="overwrite"), targets=targets, max_file_rows=rows_in_file)
    assert run.errors[0]["failure_type"] == "config_error"
    assert words in run.errors[0]["message"]
    assert "may be empty or contain only a part" in run.errors[0]["message"]
    assert not run.states


def test_a_replacement_never_goes_with_a_mode_that_adds_nothing(destination: Runner) -> None:
    messages = [*many(5), state(1), status("COMPLETE")]
    for mode, count in (("", 1), ("update", 1), ("create", 2), ("upsert", 3)):
        run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination), import_mode=mode)
        assert len(imports(destination)) == count
        assert entries(destination) == names(5)
        assert (run.exit_code == 0) is (mode != "update")
        if mode == "update":
            assert run.errors[0]["failure_type"] == "config_error"
            assert '"Import mode" set to update' in run.errors[0]["message"]
            assert not run.states


def test_records_that_are_all_rejected_clear_nothing(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    messages = [record("no object"), record(None), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=pair(destination))
    assert run.exit_code != 0
    assert "was rejected (2 in all)" in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert not run.states


def test_the_state_of_a_clear_waits_for_the_clear(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    destination.pigment.faults.queue("push_csv", RespondStatus(403))
    run = write(destination, [empty_state(1), status("COMPLETE")], catalog(mode="overwrite"), targets=pair(destination))
    assert run.exit_code != 0
    assert not run.states


def test_a_failure_after_the_first_file_says_that_only_a_part_is_there(destination: Runner) -> None:
    destination.pigment.faults.queue("push_csv", FailImport(), after=1)
    messages = [*many(25), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=pair(destination), max_file_rows=10)
    assert run.exit_code != 0
    assert "ended the import" in run.errors[0]["message"]
    assert "contains only a part now" in run.errors[0]["message"]


def test_more_than_one_file_goes_through_the_pair(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    messages = [*many(25, 100), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=pair(destination), max_file_rows=10)

    assert run.exit_code == 0
    assert entries(destination) == names(25, 100)
    assert [each.configuration_id for each in imports(destination)[1:]] == [
        ledger(destination, " (replace)"),
        ledger(destination),
        ledger(destination),
    ]


def test_more_than_one_file_without_the_pair_stops_before_anything_is_pushed(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    messages = [*many(25, 100), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination), max_file_rows=10)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert entries(destination) == names(5)
    assert not run.states


@pytest.mark.parametrize("mode", ["overwrite", "clear"])
def test_no_record_at_all_clears(destination: Runner, mode: str) -> None:
    write(destination, [*many(5), state(1)])
    configured = catalog(mode="overwrite") if mode == "overwrite" else catalog(generation_id=2, minimum_generation_id=2)
    run = write(destination, [empty_state(1), status("COMPLETE")], configured, targets=pair(destination))

    assert run.exit_code == 0
    assert entries(destination) == []
    assert received(destination)[1] == b"Account,Amount,Department,Entry,Memo,Posted,Reversed\r\n"
    assert len(run.states) == 1


def test_an_attempt_after_a_finished_stream_empties_nothing(destination: Runner) -> None:
    """It begins after the final state of the stream, so no record comes, as from a source that is empty."""
    by_generation = catalog(generation_id=2, minimum_generation_id=2)
    final = state(1)
    final["state"]["stream"]["stream_state"] = {"__ab_full_refresh_sync_complete": True}
    write(destination, [*many(5), final, status("COMPLETE")], by_generation, targets=pair(destination))
    run = write(destination, [final, status("COMPLETE")], by_generation, targets=pair(destination))

    assert run.errors[0]["failure_type"] == "config_error"
    assert '"Fewest rows" of its target to 0' in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert len(run.states) == 1


@pytest.mark.parametrize("mode", ["overwrite", "overwrite_dedup"])
def test_a_target_that_is_not_said_to_clear_stops_before_anything_is_pushed(destination: Runner, mode: str) -> None:
    write(destination, [*many(5), state(1)])
    run = write(destination, [*many(5, 100), state(1), status("COMPLETE")], catalog(mode=mode))
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert 'tick "Clears before import"' in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert not run.states


def test_a_wider_header_while_replacing_is_still_one_file(destination: Runner) -> None:
    narrow = catalog(stream(columns=("Entry", "Amount")), mode="overwrite")
    messages = [record({"Entry": "a", "Amount": 1}), record(entry(2)), state(1), status("COMPLETE")]
    run = write(destination, messages, narrow, targets=clearing(destination))
    assert run.exit_code == 0
    assert len(imports(destination)) == 1
    assert [row[0] for row in rows(destination)] == ["a", "GL-0000002"]


def test_a_wider_header_keeps_every_file_within_its_limit(destination: Runner) -> None:
    narrow = catalog(stream(columns=("Entry",)), mode="overwrite")
    wider = [record({"Entry": "wide", **{f"new {number}": "" for number in range(50)}})]
    messages = [*(record({"Entry": "x" * 20}) for _ in range(300)), *wider, state(1), status("COMPLETE")]
    run = write(destination, messages, narrow, targets=pair(destination), max_file_megabytes=0.008)
    assert run.exit_code == 0
    assert len(rows(destination)) == 301
    assert max(len(each) for each in received(destination)) <= 8000
    assert len({each.split(b"\r\n")[0] for each in received(destination)}) == 1
