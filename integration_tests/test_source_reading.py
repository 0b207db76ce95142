"""source-pigment as a process: read, under good conditions and bad ones."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run
from airbyte_platform.rules import SourceRules
from connectors import Runner, running, source_config
from local_pigment.blocks import Application, ListBlock, Property
from local_pigment.faults import CutAfter, Late, ResetBeforeResponse, RespondGarbage, RespondStatus, StallAfter
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from slicing import sliced_by_department

KILLS = int(os.environ.get("KILLS", "12"))


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=50), tls=request.param) as started:
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    with running(source_fork_server, pigment, source_config(pigment)) as runner:
        yield runner


def planning(source: Runner) -> Application:
    return source.pigment.workspace.application(PLANNING)


def add_raw(source: Runner, name: str, *chunks: bytes, is_dimension: bool = False) -> ListBlock:
    block = ListBlock(new_id("raw", name), name, [Property("x")], is_dimension)
    block.stream = lambda: iter(chunks)
    planning(source).put(block)
    return block


def held_to_the_rules(run: Run, catalog: dict[str, Any], *, strict: bool = True) -> SourceRules:
    rules = SourceRules(catalog, strict_schemas=strict)
    for line, message in zip(run.lines, run.messages, strict=True):
        rules.see(message, len(line.decode()))
    rules.end(run.exit_code)
    return rules


def data_of(run: Run, stream: str) -> list[dict[str, Any]]:
    return [record["data"] for record in run.records if record["stream"] == stream]


def logged(run: Run, words: str) -> list[str]:
    return [each["message"] for each in run.of("LOG") if words in each["message"]]


def split_by_department(source: Runner, slices: int = 4) -> dict[str, Any]:
    return sliced_by_department(source.pigment, slices)


def as_multiset(rows: list[list[str]] | list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


# what is read --------------------------------------------------------------------------------------------------


def test_every_cell_of_every_kind_of_block_arrives(source: Runner) -> None:
    catalog = source.catalog(block_types=["list", "table", "metric"])
    run = source.run("read", catalog=catalog, block_types=["list", "table", "metric"])

    assert run.exit_code == 0
    held_to_the_rules(run, catalog)
    for block in planning(source).blocks.values():
        if block.type == "Table":
            continue
        rows = source.pigment.workspace.rows(block.name, PLANNING)
        texts = [[_as_text(value) for value in record.values()] for record in data_of(run, block.name)]
        names = list(data_of(run, block.name)[0])
        order = _order(block, names)
        assert [[text[position] for position in order] for text in texts] == rows, block.name


def _order(block: Any, names: list[str]) -> list[int]:
    if isinstance(block, ListBlock):
        return [names.index(each.name) for each in block.properties]
    return list(range(len(names)))


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return getattr(value, "text", None) or str(value)


def test_a_table_has_all_its_metrics_side_by_side(source: Runner) -> None:
    run = source.run("read", catalog=source.catalog("P&L"))
    rows = {(row["Departments"], row["Months"]): row for row in data_of(run, "P&L")}
    for department, month, value in source.pigment.workspace.rows("Salary cost", PLANNING):
        assert _as_text(rows[department, month]["Salary cost"]) == value


def test_scenarios_are_told_apart(source: Runner) -> None:
    scenarios = list(planning(source).scenarios)
    config = {
        "block_types": ["metric"],
        "block_requests": [{"block": "Headcount", "request": json.dumps({"scenarios": scenarios})}],
    }
    run = source.run("read", catalog=source.catalog("Headcount", **config), **config)
    assert {row["Scenario"] for row in data_of(run, "Headcount")} == {"Actual", "Budget 27"}


def test_a_view_is_read_under_its_name(source: Runner) -> None:
    view = next(view for view in planning(source).views.values() if view.name == "Ledger for the API")
    config = {"views": [{"view_id": view.id, "name": "Ledger view"}]}
    catalog = source.catalog("Ledger view", **config)
    run = source.run("read", catalog=catalog, **config)

    held_to_the_rules(run, catalog)
    assert len(data_of(run, "Ledger view")) == 50


def test_awkward_bytes_come_as_they_are(source: Runner) -> None:
    cell = "x\u2028y\u0085z\r\nline\n\"quoted\"; 'it' \ud83d\ude80".encode("utf-16", "surrogatepass").decode("utf-16")
    large = "0123456789\n" * 300_000
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([["a", "a", ""], [cell, "0012", ""], [large, "1", " "]])
    add_raw(source, "Awkward", "\ufeff".encode() + text.getvalue().encode())
    catalog = source.catalog("Awkward")
    run = source.run("read", catalog=catalog)

    held_to_the_rules(run, catalog)
    assert data_of(run, "Awkward") == [
        {"a": cell, "a_2": "0012", "column_3": None},
        {"a": large, "a_2": "1", "column_3": " "},
    ]


@pytest.mark.parametrize("body", [b"a;b", b"a;b\r\n", b"\xef\xbb\xbfa;b\n"])
def test_a_header_without_rows_is_a_whole_export(source: Runner, body: bytes) -> None:
    add_raw(source, "Empty", body)
    catalog = source.catalog("Empty")
    run = source.run("read", catalog=catalog)

    held_to_the_rules(run, catalog)
    assert run.statuses == [("Empty", "STARTED"), ("Empty", "COMPLETE")]
    assert [state["sourceStats"]["recordCount"] for state in run.states] == [0.0]


def test_a_value_that_does_not_fit_is_sent_as_it_is_and_counted_once(source: Runner) -> None:
    block = add_raw(source, "Fits", b"a;n\r\n" + b"x;1\r\n" * 3)
    catalog = source.catalog("Fits")
    block.stream = lambda: iter([b"a;n\r\n" + b"x;1\r\n" * 3 + b"x;1,5\r\n" * 7])
    run = source.run("read", catalog=catalog)

    assert [row["n"] for row in data_of(run, "Fits")][2:4] == [1, "1,5"]
    assert len(logged(run, 'The column "n" of the stream "Fits" has 7 values')) == 1


def test_row_metadata_has_the_documented_recipe(source: Runner) -> None:
    catalog = source.catalog("Departments", row_metadata=True)
    rows = data_of(source.run("read", catalog=catalog, row_metadata=True), "Departments")
    stored = {row[0]: row for row in source.pigment.workspace.rows("Departments", PLANNING)}
    assert len(rows) == len(stored)
    block = source.pigment.workspace.block("Departments", PLANNING)
    assert isinstance(block, ListBlock)
    position = {each.name: place for place, each in enumerate(block.properties)}
    for row in rows:
        assert row["_pigment_record_id"] == row["Department"]
        cells = [stored[row["Department"]][position[name]].encode() for name in row if not name.startswith("_pigment")]
        told = b"".join(b"%d:%b," % (len(cell), cell) for cell in cells)
        assert row["_pigment_content_hash"] == hashlib.sha256(told).hexdigest()


def test_two_full_refreshes_are_alike(source: Runner) -> None:
    catalog = source.catalog()
    first, second = (source.run("read", catalog=catalog) for _ in range(2))
    for name in {each["stream"]["name"] for each in catalog["streams"]}:
        assert data_of(first, name) == data_of(second, name)


def test_a_stream_is_read_although_pigment_renamed_nothing_but_added_a_column(source: Runner) -> None:
    block = add_raw(source, "Grown", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Grown")
    block.stream = lambda: iter([b"a;new;b\r\n1;x;2\r\n"])
    run = source.run("read", catalog=catalog)

    assert data_of(run, "Grown") == [{"a": "1", "new": "x", "b": 2}]
    assert len(logged(run, "left out: new")) == 1


def test_a_column_that_is_gone_stops_the_stream(source: Runner) -> None:
    block = add_raw(source, "Shrunk", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Shrunk", "Months")
    block.stream = lambda: iter([b"a;renamed\r\n1;2\r\n"])
    run = source.run("read", catalog=catalog)

    assert run.exit_code != 0
    assert ("Shrunk", "INCOMPLETE") in run.statuses
    assert ("Months", "COMPLETE") in run.statuses
    assert "no longer has the column b" in run.errors[0]["message"]
    assert run.errors[0]["failure_type"] == "config_error"


def test_a_stream_that_is_gone_is_named_and_the_others_are_read(source: Runner) -> None:
    catalog = source.catalog("Months", "Accounts")
    del planning(source).blocks[source.pigment.workspace.block("Accounts", PLANNING).id]
    run = source.run("read", catalog=catalog)

    assert run.exit_code != 0
    assert 'The stream "Accounts" is not in Pigment any more' in run.errors[0]["message"]
    assert ("Months", "COMPLETE") in run.statuses
    assert ("Accounts", "INCOMPLETE") in run.statuses


def test_the_number_of_requests_is_told(source: Runner) -> None:
    run = source.run("read", catalog=source.catalog("Months"))
    assert logged(run, "2 requests were made")


# breaks --------------------------------------------------------------------------------------------------------

LARGE = b"a;b\r\n" + b"0123456789;abcdefghij\r\n" * 100_000


def test_a_break_before_the_first_record_is_repeated(source: Runner) -> None:
    catalog = source.catalog("General Ledger")
    source.pigment.faults.queue("export_list", CutAfter(3))
    source.pigment.faults.queue("export_list", ResetBeforeResponse(carried_out=True))
    source.pigment.faults.queue("export_list", RespondStatus(503))
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    held_to_the_rules(run, catalog)
    assert len(run.records) == 50


@pytest.mark.long
def test_a_break_in_the_middle_is_repeated(source: Runner) -> None:
    add_raw(source, "Large", *(LARGE[start : start + 65536] for start in range(0, len(LARGE), 65536)))
    catalog = source.catalog("Large")
    source.pigment.workspace.variants.gzip = False
    source.pigment.faults.queue("export_list", CutAfter(len(LARGE) // 2), times=2)
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    held_to_the_rules(run, catalog)
    assert len(run.records) == 100_000


def test_an_export_that_goes_on_breaking_sends_nothing_and_leaves_the_others_unharmed(source: Runner) -> None:
    source.pigment.workspace.variants.gzip = False
    add_raw(source, "Large", *(LARGE[start : start + 65536] for start in range(0, len(LARGE), 65536)))
    catalog = source.catalog("Large", "P&L")
    source.pigment.faults.queue("export_list", CutAfter(len(LARGE) // 2), times=2)
    run = source.run("read", catalog=catalog, max_retries=1)

    assert run.exit_code != 0
    held_to_the_rules(run, catalog)
    assert ("Large", "INCOMPLETE") in run.statuses
    assert ("P&L", "COMPLETE") in run.statuses
    assert not data_of(run, "Large")
    assert {state["stream"]["stream_descriptor"]["name"] for state in run.states} == {"P&L"}
    assert {error["failure_type"] for error in run.errors} == {"transient_error"}
    assert "broke off" in run.errors[0]["message"]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_no_cut_ever_completes(source: Runner, share: float) -> None:
    """A cut at a record's end included."""
    add_raw(source, "Small", b"a;b\r\n", *([b"0123456789;abcdefghij\r\n"] * 1000))
    size = 5 + 1000 * 23
    catalog = source.catalog("Small")
    at = 5 + int(share * 1000) * 23
    for cut in (at, at + 7):
        source.pigment.faults.queue("export_list", CutAfter(min(cut, size - 1)), times=4)
        run = source.run("read", catalog=catalog, max_retries=0)
        source.pigment.faults.forget()
        assert run.exit_code != 0
        assert run.statuses[-1] == ("Small", "INCOMPLETE")
        assert not run.states
        assert not run.records


def test_garbage_in_an_export_is_never_complete(source: Runner) -> None:
    catalog_of = add_raw(source, "Broken", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Broken")
    for body in (b'a;b\r\n1;2\r\n3;"4', b"a;b\r\n1;2\r\n3\r\n", b"a;b\r\n1;\xff\r\n", b'a;b\r\n1;"2"x\r\n'):
        catalog_of.stream = lambda body=body: iter([body])  # type: ignore[misc] # bound now
        run = source.run("read", catalog=catalog, max_retries=0)
        assert run.exit_code != 0
        assert run.statuses[-1] == ("Broken", "INCOMPLETE")
        assert not run.states
        assert not run.records


def test_silence_is_a_break(source: Runner) -> None:
    add_raw(source, "Silent", b"a;b\r\n", *([b"0123456789;abcdefghij\r\n"] * 1000))
    catalog = source.catalog("Silent")
    source.pigment.faults.queue("export_list", StallAfter(5000, seconds=3))
    run = source.run("read", catalog=catalog, idle_timeout_seconds=1, max_retries=0)

    assert run.exit_code != 0
    assert run.statuses[-1] == ("Silent", "INCOMPLETE")


def test_a_limit_that_is_reached_is_waited_for(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("list_blocks", RespondStatus(429, retry_after="1"))
    source.pigment.faults.queue("export_list", RespondStatus(429, retry_after="1"))
    began = time.monotonic()
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, "config_error", "rejected"),
        (401, "config_error", "rejected the API key"),
        (403, "config_error", '"Export"'),
        (404, "config_error", "refresh the schema"),
        (413, "config_error", "too large"),
        (422, "config_error", "rejected the export options"),
        (500, "transient_error", "later"),
    ],
)
def test_an_export_that_is_refused_says_what_to_do(source: Runner, status: int, kind: str, words: str) -> None:
    catalog = source.catalog("P&L")
    source.pigment.faults.queue("export_table", RespondStatus(status))
    run = source.run("read", catalog=catalog, max_retries=0)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == kind
    assert words in run.errors[0]["message"], run.errors[0]["message"]
    assert len([each for each in source.pigment.requests if each.operation == "export_table"]) == 2


@pytest.mark.parametrize("header", [b'Size 5";Amount', b'"quoted";7" pipe', b'a"b;c'])
def test_a_lone_quote_in_the_header_costs_no_row(source: Runner, header: bytes) -> None:
    add_raw(source, "Pipes", header + b"\r\n", *([b"x;1\r\n"] * 999), b'7" pipe;2\r\n')
    catalog = source.catalog("Pipes")
    run = source.run("read", catalog=catalog)
    held_to_the_rules(run, catalog)
    assert len(run.records) == 1000


def test_a_quote_that_never_closes_does_not_fill_the_memory(source: Runner) -> None:
    block = add_raw(source, "Open", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Open")
    line = b"0123456789;abcdefghij\r\n" * 10_000
    block.stream = lambda: iter([b'a;b\r\n1;"', *([line] * 500)])
    run = source.run("read", catalog=catalog, max_retries=0)
    assert run.exit_code != 0
    assert "never closed" in run.errors[0]["message"]
    assert not run.states


def test_another_number_of_equal_headers_stops_the_stream(source: Runner) -> None:
    block = add_raw(source, "Same names", b"Name;Name\r\nAnn;Boss\r\n")
    catalog = source.catalog("Same names")
    block.stream = lambda: iter([b"Name;Name;Name\r\nAnn;NEW;Boss\r\n"])
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert "share a name" in run.errors[0]["message"]
    assert not run.records


def test_a_page_instead_of_an_export_is_no_record(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("export_list", RespondGarbage())
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "system_error"
    assert not run.records


def test_nobody_waits_for_a_day(source: Runner) -> None:
    catalog = source.catalog("Months")
    source.pigment.faults.queue("export_list", RespondStatus(429, retry_after="86400"))
    began = time.monotonic()
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert time.monotonic() - began < 30


def test_a_final_state_never_makes_a_later_read_skip_anything(source: Runner) -> None:
    catalog = source.catalog("General Ledger")
    state = source.run("read", catalog=catalog).states[-1]
    assert state["stream"]["stream_state"] == {"__ab_no_cursor_state_message": True}
    assert len(source.run("read", catalog=catalog, state=[state]).records) == 50
    assert len(source.run("read", catalog=catalog, state=[state], **split_by_department(source)).records) == 50


def test_row_metadata_that_is_switched_off_does_not_arrive_as_blanks(source: Runner) -> None:
    catalog = source.catalog("Months", row_metadata=True)
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert "_pigment_content_hash" in run.errors[0]["message"]


# slices and resumption ------------------------------------------------------------------------------------------


def test_slices_together_are_the_export_with_a_state_after_each(source: Runner) -> None:
    config = split_by_department(source)
    catalog = source.catalog("General Ledger")
    run = source.run("read", catalog=catalog, **config)

    rules = held_to_the_rules(run, catalog)
    assert rules.streams[None, "General Ledger"].states == 4
    whole = source.run("read", catalog=catalog)
    assert as_multiset(data_of(run, "General Ledger")) == as_multiset(data_of(whole, "General Ledger"))


def test_an_interrupted_sync_resumes_at_the_first_slice_not_finished(source: Runner) -> None:
    source.environment["WORKER_JOB_ID"] = "7"
    config = {"num_workers": 1, **split_by_department(source)}
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
    raise AssertionError("there are not so many states")


def test_a_state_of_other_slices_begins_again(source: Runner) -> None:
    catalog = source.catalog("General Ledger")
    state = source.run("read", catalog=catalog, **split_by_department(source, 4)).states[0]
    run = source.run("read", catalog=catalog, state=[state], **split_by_department(source, 3))
    assert len(run.records) == 50


def test_a_slice_that_breaks_keeps_the_states_before_it(source: Runner) -> None:
    config = split_by_department(source)
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
    config = split_by_department(source)
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
    config = split_by_department(source, 6)
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


def test_a_downstream_that_goes_away_ends_the_source(source: Runner) -> None:
    add_raw(source, "Large", *([LARGE] * 20))
    process = source.start("read", catalog=source.catalog("Large"))
    os.close(process.stdin)
    os.read(process.stdout, 1000)
    os.close(process.stdout)
    began = time.monotonic()
    assert process.wait() != 0
    assert time.monotonic() - began < 20
    assert (process.folder / "stderr").read_bytes() == b""
