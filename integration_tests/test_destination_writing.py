"""destination-pigment as a process: write, under good conditions and bad ones."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules
from airbyte_platform.warm import Warm
from connectors import Runner, destination_config, running
from fake_pigment.faults import (
    AnswerGarbage,
    AnswerStatus,
    FailImport,
    HoldImport,
    Late,
    ResetBeforeAnswer,
    ResetBeforeBody,
)
from fake_pigment.imports import ImportRun, UnknownItem
from fake_pigment.sample import CONSOLIDATION, planning_model
from fake_pigment.server import FakePigment
from writing import COLUMNS, LEDGER, catalog, entry, record, state, status, stream


@pytest.fixture
def pigment() -> Iterator[FakePigment]:
    with FakePigment(planning_model(ledger_rows=1)) as started:
        yield started


@pytest.fixture
def destination(pigment: FakePigment, warm_destination: Warm) -> Iterator[Runner]:
    with running(warm_destination, pigment, destination_config(pigment)) as runner:
        yield runner


def write(destination: Runner, messages: list[Message], configured: Any = None, **config: Any) -> Run:
    """Run `write` and hold it to the platform's rules."""
    rules = DestinationRules()
    sent = [
        {**each, "state": rules.send({k: v for k, v in each["state"].items() if k != "id"})}
        if each["type"] == "STATE"
        else each
        for each in messages
    ]
    run = destination.run("write", stdin=as_lines(sent), catalog=configured or catalog(), **config)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code if not config.get("dry_run") else 1)
    return run


def imports(destination: Runner) -> list[ImportRun]:
    return list(destination.pigment.workspace.imports.values())


def received(destination: Runner) -> list[bytes]:
    return [each.received for each in imports(destination)]


def rows(destination: Runner, block: str = LEDGER) -> list[list[str]]:
    return destination.pigment.workspace.rows(block, CONSOLIDATION)


def entries(destination: Runner) -> list[str]:
    return [row[0] for row in rows(destination)]


def ledger(destination: Runner, suffix: str = "") -> str:
    return destination.pigment.workspace.configuration(LEDGER + suffix).id


def pair(destination: Runner) -> list[dict[str, str]]:
    return [
        {
            "stream": LEDGER,
            "import_configuration_id": ledger(destination),
            "replace_import_configuration_id": ledger(destination, " (replace)"),
        }
    ]


def clearing(destination: Runner) -> list[dict[str, str]]:
    return [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (replace)")}]


def logged(run: Run, words: str) -> list[str]:
    return [each["message"] for each in run.of("LOG") if words in each["message"]]


def many(count: int, start: int = 1) -> list[Message]:
    return [record(entry(number)) for number in range(start, start + count)]


def names(count: int, start: int = 1) -> list[str]:
    return [entry(number)["Entry"] for number in range(start, start + count)]


# CSV -----------------------------------------------------------------------------------------------------------


def test_the_file_is_what_the_design_says(destination: Runner) -> None:
    line = (
        b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Entry":"a\\r\\nb","Account":'
        b'"0012","Amount":33.333333333333333333,"Reversed":true,"Memo":"say \\"hi\\", then","Posted":null,'
        b'"_airbyte_raw_id":"x"}}}\n'
        b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Entry":"c","Amount":1.5e3,'
        b'"Reversed":false,"Memo":{"a":1.10}}}}\n'
    )
    destination.run("write", stdin=line, catalog=catalog())
    assert received(destination) == [
        (
            b"Account,Amount,Department,Entry,Memo,Posted,Reversed\r\n"
            b'0012,33.333333333333333333,,"a\r\nb","say ""hi"", then",,TRUE\r\n'
            b',1500,,c,"{""a"":1.10}",,FALSE\r\n'
        )
    ]


def test_the_configured_dialect_is_used(destination: Runner) -> None:
    for configuration in destination.pigment.workspace.configurations.values():
        configuration.delimiter, configuration.decimal_separator = ";", ","
    csv_options = {"delimiter": "semicolon", "decimal_separator": "comma", "encoding": "utf-8-bom"}
    run = write(destination, [record(entry(1, Amount=2.5, Memo="a;b,c")), state(1)], csv=csv_options)

    assert run.exit_code == 0
    assert received(destination)[0].startswith(b"\xef\xbb\xbfAccount;Amount;")
    assert b';"a;b,c";' in received(destination)[0]
    assert rows(destination)[0][4] == "2.5"


@pytest.mark.parametrize("upload", ["raw", "multipart"])
def test_both_ways_of_uploading_store_the_same(destination: Runner, upload: str) -> None:
    run = write(destination, [*many(20), state(1)], upload=upload)
    assert run.exit_code == 0
    assert entries(destination) == names(20)


def test_a_wider_header_instead_of_a_dropped_column(destination: Runner) -> None:
    narrow = catalog(stream(columns=("Entry", "Amount")))
    run = write(destination, [record({"Entry": "a", "Amount": 1}), record(entry(2)), state(1)], narrow)

    assert run.exit_code == 0
    assert [each.split(b"\r\n")[0] for each in received(destination)] == [
        b"Amount,Entry",
        b"Account,Amount,Department,Entry,Memo,Posted,Reversed",
    ]
    assert len(logged(run, "columns that its schema lacks")) == 1
    assert [row[0] for row in rows(destination)] == ["a", "GL-0000002"]


def test_options_are_passed_on_only_when_set(destination: Runner) -> None:
    write(destination, [*many(1), state(1)])
    write(destination, [*many(1, 2), state(1)], import_mode="create", dry_run=True)
    pushes = [each.target for each in destination.pigment.requests if each.operation == "push_csv"]
    assert pushes[0].endswith(f"configurationId={ledger(destination)}")
    assert "importMode=create" in pushes[1]
    assert "dryRun=true" in pushes[1]


def test_a_dry_run_stores_nothing_and_sends_no_state(destination: Runner) -> None:
    run = write(destination, [*many(3), state(1)], dry_run=True)
    assert run.exit_code == 0
    assert not run.states
    assert rows(destination) == []
    assert logged(run, "dry run")


# append --------------------------------------------------------------------------------------------------------


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


def test_one_import_at_a_time_and_the_next_file_is_filled_meanwhile(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 2
    run = write(destination, [*many(30), state(1)], max_file_rows=10)
    operations = [
        each.operation for each in destination.pigment.requests if each.operation != "list_import_configurations"
    ]
    assert run.exit_code == 0
    assert "push_csv,push_csv" not in ",".join(operations)


def test_an_adding_import_that_deletes_stops_the_sync_before_a_second_file(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    run = write(destination, [*many(20, 6), state(1)], targets=clearing(destination), max_file_rows=10)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert "Clear items prior to import" in run.errors[0]["message"]
    assert not run.states
    assert len(imports(destination)) == 2


def test_a_block_that_was_empty_is_betrayed_by_the_second_file(destination: Runner) -> None:
    run = write(destination, [*many(30), state(1)], targets=clearing(destination), max_file_rows=10)
    assert run.exit_code != 0
    assert not run.states
    assert len(imports(destination)) == 2


def test_a_state_leaves_after_the_flush_interval_although_the_source_goes_on(destination: Runner) -> None:
    process = destination.start("write", catalog=catalog(), flush_interval_minutes=0.03)
    os.write(process.stdin, as_lines([*many(3), state(1)]))
    line = _read_until(process.stdout, b'"STATE"')
    assert json.loads(line)["state"]["id"] == 1
    assert entries(destination) == names(3)
    process.feed(as_lines([*many(2, 4), state(2)]))
    run = process.finish()
    assert [each["id"] for each in run.states] == [2]
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


# replace -------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize(
    ("generation", "minimum"), [(3, 0), (3, 2), (0, 0)], ids=["not refreshing", "older ones stay", "no generations"]
)
def test_generations_that_differ_append(destination: Runner, generation: int, minimum: int) -> None:
    configured = catalog(generation_id=generation, minimum_generation_id=minimum)
    for start in (1, 6):
        write(destination, [*many(5, start), state(1)], configured)
    assert entries(destination) == names(10)


def test_equal_generations_of_an_incremental_stream_append(destination: Runner) -> None:
    configured = catalog(generation_id=1, minimum_generation_id=1)
    configured["streams"][0]["sync_mode"] = "incremental"
    for start in (1, 6):
        write(destination, [*many(5, start), state(1)], configured)
    assert entries(destination) == names(10)


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
    """PyAirbyte's way: no COMPLETE comes."""
    run = write(destination, [*many(5), state(1)], catalog(mode="overwrite"), targets=clearing(destination))
    assert run.exit_code == 0
    assert entries(destination) == names(5)


def test_a_state_and_then_an_incomplete_is_a_failure(destination: Runner) -> None:
    messages = [*many(5), state(1), status("INCOMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=clearing(destination))
    assert run.exit_code != 0
    assert not imports(destination)


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
    run = write(destination, [state(1), status("COMPLETE")], configured, targets=pair(destination))

    assert run.exit_code == 0
    assert entries(destination) == []
    assert received(destination)[1] == b"Account,Amount,Department,Entry,Memo,Posted,Reversed\r\n"
    assert len(run.states) == 1


def test_no_record_without_a_replacing_configuration_is_a_warning(destination: Runner) -> None:
    write(destination, [*many(5), state(1)])
    run = write(destination, [state(1), status("COMPLETE")], catalog(mode="overwrite"))
    assert run.exit_code == 0
    assert entries(destination) == names(5)
    assert logged(run, "should be empty now")


def test_a_wider_header_while_replacing_is_still_one_file(destination: Runner) -> None:
    narrow = catalog(stream(columns=("Entry", "Amount")), mode="overwrite")
    messages = [record({"Entry": "a", "Amount": 1}), record(entry(2)), state(1), status("COMPLETE")]
    run = write(destination, messages, narrow, targets=clearing(destination))
    assert run.exit_code == 0
    assert len(imports(destination)) == 1
    assert [row[0] for row in rows(destination)] == ["a", "GL-0000002"]


# outcomes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [AnswerStatus(429), AnswerStatus(429, retry_after="1")])
def test_what_certainly_did_not_arrive_is_sent_again(destination: Runner, fault: Any) -> None:
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert entries(destination) == names(5)


UNKNOWN = [
    ResetBeforeBody(),
    ResetBeforeAnswer(carried_out=True),
    ResetBeforeAnswer(carried_out=False),
    AnswerStatus(502),
    AnswerStatus(503),
    AnswerGarbage(),
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=str)
def test_an_append_whose_answer_was_lost_stops_and_says_that_it_may_have_arrived(
    destination: Runner, fault: Any
) -> None:
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1), *many(5, 6), state(2)], max_file_rows=5)

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "transient_error"
    assert "may have been imported" in run.errors[0]["message"]
    assert not run.states
    assert len(imports(destination)) <= 1


@pytest.mark.parametrize("fault", UNKNOWN, ids=str)
def test_a_lost_answer_is_harmless_where_repeating_is(destination: Runner, fault: Any) -> None:
    keyed = [{"stream": LEDGER, "import_configuration_id": ledger(destination, " (by entry)")}]
    destination.pigment.faults.queue("push_csv", fault)
    run = write(destination, [*many(5), state(1)], catalog(mode="append_dedup"), targets=keyed)
    if not isinstance(fault, AnswerGarbage):
        assert run.exit_code == 0
        assert entries(destination) == names(5)

    destination.pigment.faults.queue("push_csv", fault, after=1)
    messages = [*many(25, 100), state(1), status("COMPLETE")]
    run = write(destination, messages, catalog(mode="overwrite"), targets=pair(destination), max_file_rows=10)
    if not isinstance(fault, AnswerGarbage):
        assert run.exit_code == 0
        assert entries(destination) == names(25, 100)


@pytest.mark.parametrize(
    ("code", "words"), [(400, "refused the file"), (401, "API key"), (403, '"Import"'), (404, "not"), (413, "file")]
)
def test_a_push_that_is_refused_is_not_repeated_and_says_what_to_do(destination: Runner, code: int, words: str) -> None:
    destination.pigment.faults.queue("push_csv", AnswerStatus(code))
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
    assert run.errors[0]["failure_type"] == "transient_error"
    assert "may still be running" in run.errors[0]["message"]
    assert not run.states


def test_polling_survives_what_happens_to_a_single_question(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 1
    destination.pigment.faults.queue("import_status", AnswerStatus(404))
    destination.pigment.faults.queue("import_status", AnswerStatus(503))
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert len(run.states) == 1


def test_a_result_may_come_at_once(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    run = write(destination, [*many(5), state(1)])
    assert run.exit_code == 0
    assert "import_status" not in {each.operation for each in destination.pigment.requests}
    assert logged(run, "5 inserted")


# rejected rows -------------------------------------------------------------------------------------------------


def skip_unknown(destination: Runner) -> None:
    workspace = destination.pigment.workspace
    for name in ("Departments", "Accounts"):
        source, target = workspace.block(name, "Planning"), workspace.block(name, CONSOLIDATION)
        for item in source.items:  # type: ignore[union-attr] # it is a list
            target.add(*item.values)  # type: ignore[union-attr] # likewise
    for configuration in workspace.configurations.values():
        configuration.unknown_item = UnknownItem.SKIP_ROW


def test_rejected_rows_are_counted_and_told_by_reason_and_column(destination: Runner) -> None:
    skip_unknown(destination)
    messages = [*many(3), record(entry(4, Department="Nobody")), record(entry(5, Amount="a secret")), state(1)]
    run = write(destination, messages)

    assert run.exit_code == 0
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (3.0, 2.0)
    told = " ".join(logged(run, "Skipped"))
    assert "MissingModality" in told
    assert '"Department"' in told
    assert '"Nobody"' in told
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
    assert "refused 1 row(s)" in run.errors[0]["message"]
    assert not run.states


@pytest.mark.parametrize("on_unknown", ["fail", "skip", "report"])
def test_dimension_checks_look_before_anything_is_pushed(destination: Runner, on_unknown: str) -> None:
    skip_unknown(destination)
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": on_unknown}
    messages = [*many(3), record(entry(4, Department="Nobody")), state(1)]
    run = write(destination, messages, dimension_checks=[check])

    if on_unknown == "fail":
        assert run.exit_code != 0
        assert '"Nobody"' in run.errors[0]["message"]
        assert not imports(destination)
        return
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (3.0, 1.0)
    assert imports(destination)[0].data_rows == (3 if on_unknown == "skip" else 4)
    assert logged(run, "unknown items")


def test_a_column_whose_items_are_created_is_not_refused(destination: Runner) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    list_id = destination.pigment.workspace.block("Departments", CONSOLIDATION).id
    check = {"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "fail"}
    run = write(destination, [*many(3), state(1)], dimension_checks=[check])
    assert run.exit_code == 0
    assert len(rows(destination)) == 3


# bad input -----------------------------------------------------------------------------------------------------


def test_bad_lines_are_counted_and_lose_nothing(destination: Runner) -> None:
    lines = (
        b"not JSON, a secret\n"
        + as_lines([record(entry(1)), {"type": "SOMETHING", "x": 1}, record({"a secret": 1}, "unknown stream")])
        + b'{"type":"RECORD","record":{"stream":7}}\n\n'
        + as_lines([record(None), record("a secret"), record(entry(2)), state(1)])
        + as_lines([{"type": "LOG", "log": {"level": "INFO", "message": "hello"}}])[:-1]
    )
    run = destination.run("write", stdin=lines, catalog=catalog())

    assert run.exit_code == 0
    assert entries(destination) == names(2)
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (2.0, 2.0)
    assert len(logged(run, "no message of Airbyte's protocol")) == 2
    assert logged(run, "which the catalog does not have")
    assert "a secret" not in run.everything


def test_an_input_that_closes_early_stores_what_came(destination: Runner) -> None:
    run = destination.run("write", stdin=as_lines(many(5)) + b'{"type":"RECORD","rec', catalog=catalog())
    assert run.exit_code == 0
    assert entries(destination) == names(5)


def test_a_cell_of_megabytes_and_a_number_of_many_digits_arrive(destination: Runner) -> None:
    digits = "1234567890" * 30 + ".5"
    line = json.dumps(record(entry(1, Memo="x\n" * 2_000_000))).replace('"Amount": 1', f'"Amount": {digits}')
    run = destination.run("write", stdin=line.encode() + b"\n" + as_lines([state(1)]), catalog=catalog())
    assert run.exit_code == 0
    assert rows(destination)[0][4] == digits
    assert len(rows(destination)[0][5]) == 4_000_000


# ends ----------------------------------------------------------------------------------------------------------


def test_sigterm_reports_the_running_import_and_begins_no_other(destination: Runner) -> None:
    destination.pigment.workspace.variants.polls_until_done = 3
    process = destination.start("write", catalog=catalog(), max_file_rows=10)
    os.write(process.stdin, as_lines([*many(10), state(1), *many(10, 11), state(2), *many(5, 21), state(3)]))
    while not imports(destination):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = process.finish()

    assert run.exit_code == 143
    assert [each["id"] for each in run.states] == [1]
    assert entries(destination) == names(10)


def test_sigterm_while_the_input_is_quiet_ends_soon(destination: Runner) -> None:
    process = destination.start("write", catalog=catalog())
    os.write(process.stdin, as_lines(many(3)))
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    run = process.finish()
    assert time.monotonic() - began < 5
    assert run.exit_code == 143
    assert not imports(destination)


def test_a_platform_that_goes_away_ends_the_sync_without_another_push(destination: Runner) -> None:
    process = destination.start("write", catalog=catalog(), max_file_rows=10)
    os.close(process.stdout)
    process.feed(as_lines([*many(10), state(1), *many(10, 11), state(2)]))
    assert process.wait() != 0


def test_temporary_files_are_private_and_gone(destination: Runner, tmp_path: Path, monkeypatch: Any) -> None:
    destination.environment["TMPDIR"] = str(tmp_path)
    destination.pigment.faults.queue("push_csv", Late(seconds=1))
    process = destination.start("write", catalog=catalog())
    process.feed(as_lines([*many(5), state(1)]))
    seen: set[int] = set()
    while not seen:
        seen = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.csv")}
    assert process.finish().exit_code == 0
    assert seen == {0o600}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, None])
def test_nothing_stays_on_disk_after_a_failure_or_a_stop(
    destination: Runner, tmp_path: Path, number: int | None
) -> None:
    destination.environment["TMPDIR"] = str(tmp_path)
    process = destination.start("write", catalog=catalog(mode="overwrite"))
    os.write(process.stdin, as_lines(many(5)))
    while not list(tmp_path.rglob("*.csv")):
        time.sleep(0.01)
    if number is None:
        os.close(process.stdin)
    else:
        process.send_signal(number)
    assert process.finish().exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_clear_error_before_anything_is_pushed(destination: Runner, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    messages = [record(entry(number, Memo="x" * 1000)) for number in range(3000)]
    process = destination.start("write", catalog=catalog())
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (500_000, hard))
    process.feed(as_lines([*messages, state(1)]))
    run = process.finish()

    assert run.exit_code != 0
    assert "disk is full" in run.errors[0]["message"]
    assert not imports(destination)
    assert not run.states
    assert soft == resource.RLIM_INFINITY


# the budget ----------------------------------------------------------------------------------------------------


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
