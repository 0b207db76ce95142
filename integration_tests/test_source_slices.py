"""source-pigment as a process: blocks in parts, which an interrupted sync goes on with."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import pytest

from airbyte_platform.process import Run
from connectors import Runner, sliced_by_department
from local_pigment.blocks import ListBlock
from local_pigment.faults import Late, RespondStatus
from local_pigment.sample import PLANNING
from reading import as_multiset, data_of, held_to_the_rules

KILLS = int(os.environ.get("KILLS", "12"))


def test_slices_together_are_the_export_with_a_state_after_each(source: Runner) -> None:
    config = sliced_by_department(source.pigment, 4)
    catalog = source.catalog("General Ledger")
    run = source.run("read", catalog=catalog, **config)

    rules = held_to_the_rules(run, catalog)
    assert rules.streams[None, "General Ledger"].states == 4
    whole = source.run("read", catalog=catalog)
    assert as_multiset(data_of(run, "General Ledger")) == as_multiset(data_of(whole, "General Ledger"))


def test_an_interrupted_sync_resumes_at_the_first_slice_not_finished(source: Runner) -> None:
    source.environment["WORKER_JOB_ID"] = "7"
    config = {"num_workers": 1, **sliced_by_department(source.pigment, 4)}
    catalog = source.catalog("General Ledger")
    whole = source.run("read", catalog=catalog, **config)
    for finished, state in enumerate(whole.states, start=1):
        resumed = source.run("read", catalog=catalog, state=[state], **config)
        before = _records_until(whole, finished)
        assert resumed.exit_code == 0
        held_to_the_rules(resumed, catalog)
        assert before + data_of(resumed, "General Ledger") == data_of(whole, "General Ledger")
        assert resumed.statuses[-1] == ("General Ledger", "COMPLETE")


def _records_until(run: Run, states: int) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for message in run.messages:
        if message["type"] == "RECORD":
            records.append(message["record"]["data"])
        states -= message["type"] == "STATE"
        if not states:
            return records
    raise AssertionError("there are fewer states than that")


def test_a_state_of_other_slices_begins_again(source: Runner) -> None:
    catalog = source.catalog("General Ledger")
    state = source.run("read", catalog=catalog, **sliced_by_department(source.pigment, 4)).states[0]
    run = source.run("read", catalog=catalog, state=[state], **sliced_by_department(source.pigment, 3))
    assert len(run.records) == 50


def test_an_interrupted_sync_is_not_resumed_by_another_job(source: Runner) -> None:
    """The destination replaces everything with what the other job reads, so that must be everything."""
    config = {"num_workers": 1, **sliced_by_department(source.pigment, 4)}
    catalog = source.catalog("General Ledger")
    source.environment["WORKER_JOB_ID"] = "7"
    interrupted = source.run("read", catalog=catalog, **config).states[1]
    source.environment["WORKER_JOB_ID"] = "8"
    run = source.run("read", catalog=catalog, state=[interrupted], **config)
    assert len(run.records) == 50


def test_a_state_of_another_block_in_the_same_parts_begins_again(source: Runner) -> None:
    source.environment["WORKER_JOB_ID"] = "7"
    config = {"block_requests": [{"block": name, "slices": "[{}, {}]"} for name in ("Months", "Accounts")]}
    catalog = source.catalog("Months", **config)
    (state, _) = source.run("read", catalog=source.catalog("Accounts", **config), **config).states
    state["stream"]["stream_descriptor"]["name"] = "Months"
    run = source.run("read", catalog=catalog, state=[state], **config)
    assert len(run.states) == 2
    assert len(run.records) == len(source.run("read", catalog=catalog, **config).records)


def test_a_slice_that_breaks_keeps_the_states_before_it(source: Runner) -> None:
    config = sliced_by_department(source.pigment, 4)
    catalog = source.catalog("General Ledger")
    source.pigment.faults.queue("export_list", RespondStatus(404), after=2)
    run = source.run("read", catalog=catalog, num_workers=1, **config)

    assert run.exit_code != 0
    assert len(run.states) == 2
    resumed = source.run("read", catalog=catalog, state=[run.states[-1]], **config)
    read = _records_until(run, 2) + data_of(resumed, "General Ledger")
    whole = source.run("read", catalog=catalog)
    assert as_multiset(read) == as_multiset(data_of(whole, "General Ledger"))


def test_slices_leave_in_the_order_in_which_they_finish(source: Runner) -> None:
    config = sliced_by_department(source.pigment, 4)
    catalog = source.catalog("General Ledger")
    alone = source.run("read", catalog=catalog, num_workers=1, **config)
    source.pigment.faults.queue("export_list", Late(seconds=1))
    together = source.run("read", catalog=catalog, num_workers=4, **config)

    held_to_the_rules(together, catalog)
    assert as_multiset(data_of(together, "General Ledger")) == as_multiset(data_of(alone, "General Ledger"))
    finished = [state["stream"]["stream_state"]["finished_slices"] for state in together.states]
    assert [len(each) for each in finished] == [1, 2, 3, 4]
    assert len(set(finished[2]) - set(finished[1])) == 1


@pytest.mark.long
@pytest.mark.parametrize("pigment", [False], indirect=True, ids=["HTTP/1.1"])
def test_a_kill_at_any_moment_loses_and_doubles_nothing(source: Runner) -> None:
    """The platform keeps what came before the last state it got, and drops the rest."""
    chance = random.Random(7)
    source.environment["WORKER_JOB_ID"] = "7"
    source.pigment.workspace.limits.requests = 100_000
    config = sliced_by_department(source.pigment, 6)
    ledger = source.pigment.workspace.block("General Ledger", PLANNING)
    assert isinstance(ledger, ListBlock)
    for number in range(4000):
        ledger.add(*ledger.items[number % 50].values[:4], str(number), *ledger.items[number % 50].values[5:])
    catalog = source.catalog("General Ledger")
    whole = source.run("read", catalog=catalog, **config)
    began = time.monotonic()
    source.run("read", catalog=catalog, **config)
    usual = time.monotonic() - began
    finished_first = 0
    for _ in range(KILLS):
        process = source.start("read", catalog=catalog, num_workers=2, **config)
        os.close(process.stdin)
        time.sleep(chance.uniform(0.2, 1) * usual)
        process.send_signal(signal.SIGKILL)
        killed = process.finish()
        states = killed.states
        finished_first += killed.exit_code == 0
        kept = _records_until(killed, len(states)) if states else []
        resumed = source.run("read", catalog=catalog, state=states[-1:], **config)
        assert resumed.exit_code == 0
        assert as_multiset(kept + data_of(resumed, "General Ledger")) == as_multiset(data_of(whole, "General Ledger"))
        assert len(resumed.states) == max(6 - len(states), 1)
    assert finished_first < KILLS
