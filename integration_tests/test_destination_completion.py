"""destination-pigment as a process: whether the source succeeded, from what the platform does and says."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkedProcess
from airbyte_platform.process import Message, as_lines
from connectors import Runner
from local_pigment.sample import CONSOLIDATION
from local_pigment.workspace import new_id
from writing import (
    LEDGER,
    catalog,
    clearing,
    empty_state,
    entries,
    imports,
    logged,
    many,
    names,
    pair,
    record,
    state,
    status,
    stream,
    write,
)

pytestmark = pytest.mark.long

HALF_A_LINE = b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Entry":"GL'
GENERATIONS = {"generation_id": 2, "minimum_generation_id": 2}


def exit_code_after(process: ForkedProcess, lines: bytes, ending: str) -> int:
    """Feed a destination, and end it as the platform does; after a failure its output is no longer read."""
    process.feed(lines)
    if ending == "succeeded":
        return process.finish().exit_code
    if ending == "failed":
        time.sleep(0.7)
    os.close(process.stdout)
    return process.wait()


@pytest.mark.parametrize(
    ("messages", "rest", "ending"),
    [
        ([empty_state(1)], b"", "failed"),
        ([*many(3, 100), state(1)], HALF_A_LINE, "succeeded"),
        ([*many(3, 100)], b"", "succeeded"),
        ([], b"", "succeeded"),
    ],
    ids=["failed in a clear", "half a line", "no state", "nothing"],
)
def test_a_custom_image_replaces_nothing_unless_the_source_succeeded(
    destination: Runner, messages: list[Message], rest: bytes, ending: str
) -> None:
    write(destination, [*many(5), state(1)])
    destination.environment["PATIENCE_SECONDS"] = "3"
    process = destination.start("write", catalog=catalog(mode="overwrite"), targets=pair(destination))

    assert exit_code_after(process, as_lines(messages) + rest, ending) != 0
    assert entries(destination) == names(5)
    assert len(imports(destination)) == 1


@pytest.mark.parametrize("way", [{"mode": "append", **GENERATIONS}, {"mode": "append_dedup", **GENERATIONS}])
@pytest.mark.parametrize("word", [None, "STARTED", "RUNNING", "INCOMPLETE"])
def test_with_generation_ids_only_complete_replaces(destination: Runner, way: dict[str, Any], word: str | None) -> None:
    write(destination, [*many(5), state(1)])
    messages = [*many(3, 100), state(1), *([status(word)] if word else [])]
    run = write(destination, messages, catalog(**way), targets=clearing(destination))
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "transient_error"
    assert "did not finish" in run.errors[0]["message"]
    assert entries(destination) == names(5)


def test_records_after_complete_take_it_back(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    messages = [*many(3, 100), state(1), status("COMPLETE"), *many(1, 200)]
    assert write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination)).exit_code != 0
    assert entries(destination) == names(5)


def test_twenty_streams_wait_once(destination: Runner) -> None:
    workspace = destination.pigment.workspace
    clears = workspace.configuration(f"{LEDGER} (replace)")
    blocks = workspace.application(CONSOLIDATION).blocks
    streams = [stream(f"stream {number}") for number in range(20)]
    targets = []
    for each in streams:
        block: Any = replace(blocks[clears.block_id], id=new_id("block", each["name"]), name=each["name"])  # type: ignore[type-var] # it is a list
        block.items = []
        blocks[block.id] = block
        one = replace(clears, id=new_id(each["name"]), name=each["name"], block_id=block.id)
        workspace.configure(one)
        targets.append({"stream": each["name"], "import_configuration_id": one.id, "clears_before_import": True})
    destination.environment["PATIENCE_SECONDS"] = "4"
    messages = [line for each in streams for line in (record({"Entry": "1"}, each["name"]), state(1, each["name"]))]
    began = time.monotonic()
    run = destination.run(
        "write", stdin=as_lines(messages), catalog=catalog(*streams, mode="overwrite"), targets=targets
    )
    assert run.exit_code == 0
    assert len(imports(destination)) == 20
    assert time.monotonic() - began < 4 * 10
    assert len(logged(run, "does not say whether the source succeeded: waiting")) == 1


def test_nothing_waits_where_statuses_come(destination: Runner) -> None:
    destination.environment["PATIENCE_SECONDS"] = "100"
    messages = [*many(5), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert run.exit_code == 0
    assert not logged(run, "waiting")


def legacy_state(content: Any) -> Message:
    return {"type": "STATE", "state": {"type": "LEGACY", "id": 1, "data": content}}


def global_state(content: Any) -> Message:
    return {"type": "STATE", "state": {"type": "GLOBAL", "id": 1, "global": content}}


OF_ONE = {"stream_descriptor": {"name": LEDGER}}
FILLED = {"stream_states": [{**OF_ONE, "stream_state": {"x": 1}}]}


@pytest.mark.parametrize(
    ("said", "cleared"),
    [
        ([empty_state(1)], True),
        ([], True),
        ([global_state({"stream_states": [OF_ONE]})], True),
        ([global_state({"shared_state": {"x": 1}, "stream_states": [OF_ONE]})], True),
        ([legacy_state({})], True),
        ([state(1)], False),
        ([empty_state(1, without={})], False),
        ([empty_state(1), state(2)], False),
        ([global_state(FILLED)], False),
        ([global_state({"shared_state": {"x": 1}, "stream_states": []})], False),
        ([global_state({"stream_states": []})], False),
        ([legacy_state({LEDGER: 1})], False),
    ],
    ids=[
        "null",
        "missing",
        "null in global",
        "null in global of others",
        "legacy",
        "filled",
        "empty",
        "null before another",
        "filled in global",
        "shared",
        "global of none",
        "filled legacy",
    ],
)
def test_no_record_is_a_clear_only_where_the_platform_says_so(
    destination: Runner, said: list[Message], cleared: bool
) -> None:
    write(destination, [*many(5), state(1)])
    lines = as_lines([*said, status("COMPLETE")])
    configured = catalog(mode="append", **GENERATIONS)
    run = destination.run("write", stdin=lines, catalog=configured, targets=pair(destination))

    assert entries(destination) == ([] if cleared else names(5))
    if cleared:
        assert run.exit_code == 0
        assert len(run.states) == len(said)


def test_states_of_replaced_streams_leave_together(destination: Runner) -> None:
    """The second stream cannot be replaced, so a second attempt must begin with the first as well."""
    accounts = destination.pigment.workspace.configuration("Accounts (replace)").id
    targets = [
        *clearing(destination),
        {"stream": "Accounts", "import_configuration_id": accounts, "clears_before_import": True, "minimum_rows": 9},
    ]
    messages = [*many(5), state(1), status("COMPLETE"), record({"Account": "1"}, "Accounts"), state(2, "Accounts")]
    configured = catalog(stream(), stream("Accounts", ("Account",)), mode="overwrite")
    run = write(destination, [*messages, status("COMPLETE", "Accounts")], configured, targets=targets)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "has 1 row, fewer than the 9" in run.errors[0]["message"]
    assert not run.states
    assert not imports(destination)


@pytest.mark.parametrize(
    "later",
    [[record({"Account": "2"}, "Accounts")], [state(3, "Accounts", records=2)], [record({"a": 1}, "Nobody")]],
    ids=["not confirmed", "missing", "of no stream"],
)
def test_no_state_of_a_replaced_stream_leaves_where_anything_of_the_sync_failed(
    destination: Runner, later: list[Message]
) -> None:
    """Or a second attempt would begin after that state, without a record, and empty what is stored."""
    configured = catalog(stream(), stream("Accounts", ("Account",)), **GENERATIONS)
    configured["streams"][1] |= {"sync_mode": "incremental", "minimum_generation_id": 0}
    messages = [*many(5), state(1), status("COMPLETE"), record({"Account": "1"}, "Accounts"), state(2, "Accounts")]
    run = write(destination, [*messages, *later], configured, targets=clearing(destination))
    assert run.exit_code != 0
    assert entries(destination) == names(5)
    assert {each["stream"]["stream_descriptor"]["name"] for each in run.states} == {"Accounts"}


@pytest.mark.parametrize("how", ["records", "all", "state"])
def test_what_comes_without_a_namespace_belongs_to_the_only_stream_of_its_name(destination: Runner, how: str) -> None:
    configured = catalog(stream(namespace="Planning"), mode="overwrite")
    namespace = None if how == "state" else "Planning"
    messages = [*many(5), state(1, namespace=namespace if how == "records" else None), status("COMPLETE")]
    run = destination.run("write", stdin=as_lines(messages), catalog=configured, targets=clearing(destination))
    assert run.exit_code == 0
    assert entries(destination) == names(5)
    assert len(run.states) == 1


@pytest.mark.parametrize("kind", ["record", "state", "status"])
def test_a_message_for_no_stream_ends_in_an_error_after_everything_is_stored(destination: Runner, kind: str) -> None:
    stray = {
        "record": record({"x": 1}, "nobody", namespace="far"),
        "state": state(9, "nobody", namespace="far"),
        "status": status("COMPLETE", "nobody"),
    }[kind]
    run = destination.run("write", stdin=as_lines([stray, stray, *many(5), state(1)]), catalog=catalog())
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert 'stream "nobody"' in run.errors[0]["message"]
    assert "(2 " in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert [each["id"] for each in run.states] == [1]


@pytest.mark.parametrize(("readable", "pushed"), [(6, 0), (0, 0)])
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_state_that_counts_more_than_came_stays_and_nothing_after_it_is_stored(
    destination: Runner, mode: str, readable: int, pushed: int
) -> None:
    lines = as_lines(many(readable)) + b"no message\n" * (10 - readable)
    lines += as_lines([state(1, records=10), status("COMPLETE")])
    run = destination.run("write", stdin=lines, catalog=catalog(mode=mode), targets=pair(destination))
    assert run.exit_code != 0
    assert f"{10 - readable} records of the" in run.errors[0]["message"]
    assert len(imports(destination)) == pushed
    assert not run.states


def test_a_record_nested_a_thousand_deep_is_rejected_and_counted(destination: Runner) -> None:
    deep = b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Memo":'
    deep += b"[" * 1500 + b"]" * 1500 + b"}}}\n"
    run = destination.run("write", stdin=deep + as_lines([*many(2), state(1, records=3)]), catalog=catalog())
    assert run.exit_code == 0
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (2.0, 1.0)


def test_appending_goes_on_while_it_is_not_known_yet(destination: Runner) -> None:
    """A stream that appends does not wait for proof that only a replacement needs."""
    destination.environment["PATIENCE_SECONDS"] = "60"
    configured = catalog(stream(), stream("Accounts", ("Account",)))
    configured["streams"][0]["destination_sync_mode"] = "overwrite"
    process = destination.start("write", catalog=configured, targets=pair(destination))
    process.feed(as_lines([*many(3), state(1), record({"Account": "1"}, "Accounts"), state(2, "Accounts")]))
    until = time.monotonic() + 50
    while not imports(destination) and time.monotonic() < until:
        time.sleep(0.05)
    os.close(process.stdout)
    assert process.wait() != 0
    assert [each.data_rows for each in imports(destination)] == [1]
