"""destination-pigment as a process under every ending of the platform: no block is touched without proof.

Written from the promises of the design, without a look at the connector's code.
"""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform import pyairbyte
from airbyte_platform.delivery import Cancelled, Ending, Killed, SourceFailed, Succeeded
from airbyte_platform.job import CUSTOM_IMAGE, REGISTRY, Job, Way
from airbyte_platform.process import Message, Run
from connectors import Runner
from local_pigment.sample import CONSOLIDATION
from writing import (
    FAILED,
    LEDGER,
    Attempt,
    clearing,
    empty_state,
    entries,
    entry,
    fill,
    imports,
    ledger,
    many,
    names,
    pair,
    record,
    state,
    stream,
)

pytestmark = pytest.mark.long

WAYS = pytest.mark.parametrize("way", [CUSTOM_IMAGE, REGISTRY], ids=["custom image", "registry"])
REPLACING = pytest.mark.parametrize("mode", ["overwrite", "overwrite_dedup"])
OLD = [f"OLD-{number}" for number in range(20)]
HALF = b'{"type":"RECORD","record":{"stream":"General Ledger","data":{"Entry":"GL-'


def final(records: int | None = None, name: str = LEDGER) -> Message:
    """The last state of a stock source, which it also sends for a stream that failed."""
    message = state(0, name, records=records)
    message["state"]["stream"]["stream_state"] = {"__ab_no_cursor_state_message": True}
    return message


TARGETS = pytest.mark.parametrize("targets", [pair, clearing], ids=["a pair", "one that clears"])


@pytest.fixture
def filled(fast_destination: Runner) -> Runner:
    """The block holds twenty old rows."""
    return fill(fast_destination, OLD)


def failure_types(run: Run) -> set[str]:
    return {each["failure_type"] for each in run.errors}


def overwrite(messages: list[Message], way: Way, mode: str = "overwrite", **more: Any) -> Attempt:
    return Attempt([stream()], mode, way, messages, **more)


UNPROVEN = {
    "a state after its records": ([*many(8), state(1, records=8)], b""),
    "the last state of a stock source": ([*many(8), final(8)], b""),
    "the last state and no record": ([final(0)], b""),
    "records without a state": (many(8), b""),
    "half a record": ([*many(8), final(8)], HALF),
    "nothing at all": ([], b""),
}
ENDINGS: dict[str, Ending] = {
    "failed": FAILED,
    "failed on an older platform": SourceFailed(grace_seconds=0),
    "failed without SIGTERM": SourceFailed(grace_seconds=1, signal=None),
    "cancelled": Cancelled(),
    "killed": Killed(),
}


@pytest.mark.parametrize(
    ("way", "ending"),
    [pytest.param(CUSTOM_IMAGE, each, id=name) for name, each in ENDINGS.items()]
    + [pytest.param(REGISTRY, FAILED, id="failed with generations")],
)
@pytest.mark.parametrize(("messages", "half"), UNPROVEN.values(), ids=UNPROVEN)
def test_a_block_stays_as_it_was_unless_the_source_succeeded(
    filled: Runner, way: Way, messages: list[Message], half: bytes, ending: Ending
) -> None:
    run = overwrite(messages, way, half=half).run(filled, ending, targets=pair(filled))

    assert entries(filled) == OLD
    assert not imports(filled)
    assert not run.states
    assert run.exit_code != 0
    # The platform repeats by itself what a source has failed at, unless the destination forbids it.
    assert "config_error" not in failure_types(run)


@TARGETS
@REPLACING
@WAYS
def test_a_source_that_failed_is_a_transient_error_while_the_platform_reads(
    filled: Runner, way: Way, mode: str, targets: Any
) -> None:
    ending = SourceFailed(grace_seconds=20) if way.statuses else Succeeded()
    attempt = overwrite([*many(8), final(8)], way, mode, half=b"" if way.statuses else HALF)
    run = attempt.run(filled, ending, targets=targets(filled))

    assert entries(filled) == OLD
    assert not run.states
    assert failure_types(run) == {"transient_error"}


@TARGETS
@REPLACING
@WAYS
def test_a_source_that_succeeded_replaces_the_block(filled: Runner, way: Way, mode: str, targets: Any) -> None:
    attempt = overwrite([*many(8), final(8)], way, mode)
    run = attempt.run(filled, Succeeded(), targets=targets(filled))

    assert run.exit_code == 0, run.everything
    assert entries(filled) == names(8)
    assert len(run.states) == 1


@WAYS
def test_no_record_clears_the_block_only_where_the_state_is_null(filled: Runner, way: Way) -> None:
    for content in ({"place": 5}, {}):
        last = empty_state(5, without=content)
        last["state"]["sourceStats"] = {"recordCount": 0.0}
        kept = overwrite([last], way).run(filled, Succeeded(), targets=pair(filled))
        assert failure_types(kept) == {"config_error"}
        assert entries(filled) == OLD

    cleared = overwrite([empty_state(5)], way).run(filled, Succeeded(), targets=pair(filled))
    assert cleared.exit_code == 0, cleared.everything
    assert entries(filled) == []


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
@pytest.mark.parametrize("sync_mode", ["incremental", "full_refresh"])
@WAYS
def test_where_rows_are_added_those_that_nothing_confirmed_wait_for_the_proof(
    filled: Runner, way: Way, mode: str, sync_mode: str
) -> None:
    """The last state of a full refresh confirms nothing, because a stock source that failed sends one, too."""
    messages = [*many(8), state(1, records=8), *many(3, 9)]
    attempt = Attempt([stream()], mode, way, messages, sync_mode=sync_mode)
    run = attempt.run(filled, SourceFailed(grace_seconds=20), targets=None)

    is_confirmed = sync_mode == "incremental"
    assert entries(filled) == OLD + (names(8) if is_confirmed else [])
    assert len(run.states) == is_confirmed
    assert failure_types(run) == {"transient_error"}
    assert any(("3" if is_confirmed else "11 records") in each["message"] for each in run.errors), run.errors


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
def test_where_rows_are_added_complete_is_the_proof_for_those_after_the_last_state(filled: Runner, mode: str) -> None:
    messages = [*many(8), state(1, records=8), *many(3, 9)]
    run = Attempt([stream()], mode, REGISTRY, messages).run(filled, Succeeded())

    assert run.exit_code == 0, run.everything
    assert entries(filled) == OLD + names(11)


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
@pytest.mark.parametrize("ending", [Cancelled(), Killed()], ids=["cancelled", "killed"])
@WAYS
def test_no_state_comes_out_beyond_what_is_stored(filled: Runner, way: Way, mode: str, ending: Ending) -> None:
    messages = [message for number in range(1, 40) for message in (record(entry(number)), state(number, records=1))]
    run = Attempt([stream()], mode, way, messages).run(filled, ending, max_file_rows=5)

    stored = len(entries(filled)) - len(OLD)
    assert len(run.states) <= stored
    assert set(entries(filled)) <= {*OLD, *names(39)}


@WAYS
def test_one_stream_without_its_counts_does_not_harm_another(filled: Runner, way: Way) -> None:
    other = stream("Departments", ("Department", "Parent"))
    messages = [
        *many(8),
        final(9),
        record({"Department": "New", "Parent": ""}, "Departments"),
        final(1, "Departments"),
    ]
    run = Attempt([stream(), other], "append", way, messages).run(filled, Succeeded())

    assert [each["stream"]["stream_descriptor"]["name"] for each in run.states] == ["Departments"]
    assert filled.pigment.workspace.rows("Departments", CONSOLIDATION) == [["New", "", "", ""]]
    assert run.exit_code != 0


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_pyairbytes_failed_source_replaces_nothing(filled: Runner, mode: str) -> None:
    delivery = filled.deliver(pyairbyte.catalog([stream()], mode), targets=pair(filled))
    delivery.send(*pyairbyte.lines(LEDGER, [entry(number) for number in range(1, 6)], complete=False))
    run = delivery.end(Succeeded())

    assert entries(filled) == (OLD if mode == "overwrite" else OLD + names(5))
    assert run.exit_code != 0 or mode == "append"


@pytest.mark.parametrize("resumable", [True, False], ids=["resumable", "not resumable"])
@pytest.mark.parametrize("mode", ["overwrite", "append_dedup"])
@WAYS
def test_attempts_that_fail_double_nothing(filled: Runner, way: Way, mode: str, resumable: bool) -> None:
    targets = pair(filled)
    if mode == "append_dedup":
        targets = [{"stream": LEDGER, "import_configuration_id": ledger(filled, " (by entry)")}]
    job = Job([stream(is_resumable=resumable)], mode, way)
    parts = [many(5), many(5, 6), many(5, 11)]
    for failing in (1, 2, 0):
        place = job.state[0]["stream"]["stream_state"]["place"] if job.state else 0
        messages = [
            message
            for number, part in enumerate(parts[place : len(parts) - failing], start=place + 1)
            for message in (*part, state(number, records=5))
        ]
        attempt = Attempt(
            job.streams, mode, way, messages, generation=job.catalog["streams"][0].get("generation_id", 1)
        )
        run = attempt.run(filled, FAILED if failing else Succeeded(), targets=targets)
        job.attempt_failed(run.states)
        if failing and mode == "overwrite":
            assert entries(filled) == OLD

    assert run.exit_code == 0, run.everything
    assert entries(filled) == ([] if mode == "overwrite" else OLD) + names(15)
