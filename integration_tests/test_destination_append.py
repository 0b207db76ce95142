"""destination-pigment as a process: adding, within both limits."""

from __future__ import annotations

import csv
import io
import os
import time
from typing import Any

import pytest

from airbyte_platform.process import Message, as_lines
from connectors import Runner
from local_pigment.sample import CONSOLIDATION
from writing import (
    COLUMNS,
    LEDGER,
    catalog,
    entries,
    entry,
    imports,
    ledger,
    logged,
    many,
    names,
    received,
    record,
    rows,
    state,
    stream,
    write,
)


def test_append_goes_in_files_and_states_come_back_with_counts(destination: Runner) -> None:
    messages = [*many(25), state(1, records=25), *many(10, 26), state(2, records=10), *many(3, 36), state(3, records=3)]
    run = write(destination, messages, max_file_rows=10)

    assert run.exit_code == 0
    assert [each.data_rows for each in imports(destination)] == [10, 10, 10, 8]
    assert entries(destination) == names(38)
    assert [each["destinationStats"]["recordCount"] for each in run.states] == [25.0, 10.0, 3.0]
    assert len(logged(run, "inserted")) == 4


def test_files_are_cut_by_size(destination: Runner) -> None:
    messages = [*(record(entry(number, Memo="x" * 2000)) for number in range(1, 101)), state(1)]
    run = write(destination, messages, max_file_megabytes=1)
    sizes = [len(each) for each in received(destination)]
    assert run.exit_code == 0
    assert len(sizes) == 1
    messages = [*(record(entry(number, Memo="x" * 20_000)) for number in range(1, 101)), state(1)]
    write(destination, messages, max_file_megabytes=1)
    sizes = [len(each) for each in received(destination)][1:]
    assert len(sizes) >= 2
    assert max(sizes) <= 1024 * 1024


def test_two_appends_are_two_copies_and_an_upsert_is_one(destination: Runner) -> None:
    for _ in range(2):
        write(destination, [*many(5), state(1)])
    assert entries(destination) == names(5) * 2
    destination.pigment.workspace.block(LEDGER, CONSOLIDATION).items.clear()  # type: ignore[union-attr] # it is a list
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (by entry)")}]
    for _ in range(2):
        write(destination, [*many(5), state(1)], catalog(mode="append_dedup"), targets=keyed)
    assert entries(destination) == names(5)


@pytest.mark.long
def test_one_import_at_a_time_and_the_next_file_is_filled_meanwhile(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 2
    run = write(destination, [*many(30), state(1)], max_file_rows=10)
    operations = [
        each.operation for each in destination.pigment.requests if each.operation != "list_import_configurations"
    ]
    assert run.exit_code == 0
    assert "push_csv,push_csv" not in ",".join(operations)


def undeclared(destination: Runner) -> list[dict[str, Any]]:
    """A target that clears although it is not declared."""
    return [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (replace)")}]


def test_an_adding_import_that_deletes_stops_the_sync_before_a_second_file(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    run = write(destination, [*many(20, 6), state(1)], targets=undeclared(destination), max_file_rows=10)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "Clear items prior to import" in run.errors[0]["message"]
    assert not run.states
    assert len(imports(destination)) == 2


def test_a_block_that_was_empty_is_betrayed_by_the_second_file(destination: Runner) -> None:
    run = write(destination, [*many(30), state(1)], targets=undeclared(destination), max_file_rows=10)
    assert run.exit_code != 0
    assert not run.states
    assert len(imports(destination)) == 2


def test_a_state_leaves_after_the_flush_interval_although_the_source_goes_on(destination: Runner) -> None:
    """The first file's state only with the second: until then its configuration may clear."""
    process = destination.start("write", catalog=catalog(), flush_interval_minutes=0.01)
    os.write(process.stdin, as_lines([*many(3), state(1)]))
    while len(imports(destination)) < 1:
        time.sleep(0.02)
    os.write(process.stdin, as_lines([*many(2, 4), state(2), *many(2, 6)]))
    line = _read_until(process.stdout, b'"id":2')
    assert b'"STATE"' in line
    assert entries(destination) == names(5)
    process.feed(as_lines([state(3)]))
    run = process.finish()
    assert [each["id"] for each in run.states] == [3]
    assert run.exit_code == 0


def _read_until(descriptor: int, word: bytes) -> bytes:
    printed = b""
    while True:
        chunk = os.read(descriptor, 65536)
        assert chunk, printed
        printed += chunk
        for line in printed.split(b"\n"):
            if word in line:
                return line


@pytest.mark.long
def test_many_files_stay_within_both_limits(destination: Runner) -> None:
    run = write(destination, [*many(200), state(1)], max_file_rows=10)
    assert run.exit_code == 0
    assert destination.pigment.workspace.limits.max_requests_in_any_window() <= 450
    assert {each.status for each in destination.pigment.requests if "/configurations" not in each.target} == {200}
    assert entries(destination) == names(200)


def test_several_streams_go_side_by_side_each_in_order(destination: Runner) -> None:
    streams = [stream("Accounts", ("Account", "Label", "Statement")), stream()]
    messages: list[Message] = []
    for number in range(1, 41):
        messages += [
            record({"Account": f"{number:04d}", "Label": "x", "Statement": ""}, "Accounts"),
            record(entry(number)),
        ]
        if number % 10 == 0:
            messages += [state(number, "Accounts"), state(number)]
    run = write(destination, messages, catalog(*streams), max_file_rows=10)
    assert run.exit_code == 0
    assert entries(destination) == names(40)
    assert len(rows(destination, "Accounts")) == 40


def test_what_arrives_is_what_the_standard_library_reads(destination: Runner) -> None:
    write(destination, [*many(50), state(1)])
    parsed = list(csv.DictReader(io.StringIO(received(destination)[0].decode(), newline="")))
    assert [row["Entry"] for row in parsed] == names(50)
    assert set(parsed[0]) == set(COLUMNS)
