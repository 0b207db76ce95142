"""destination-pigment as a process: what is started after a sync, and only if everything is stored."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from airbyte_platform.delivery import Cancelled
from airbyte_platform.process import Message, Run, as_lines
from connectors import Runner
from local_pigment.faults import FailImport, HoldImport, ResetBeforeResponse, RespondStatus
from local_pigment.sample import (
    ACCOUNTS_FROM_OUTSIDE,
    CONSOLIDATION,
    DEPARTMENTS_TO_FTE,
    FAILING_COPY,
    FTE,
    HEADCOUNT_PLAN,
    HEADCOUNT_TO_PLAN,
    add_copies,
)
from local_pigment.workspace import new_id
from writing import catalog, logged, record, rows, state, status, stream, write

DEPARTMENTS, HEADCOUNT, MONTHS = "Departments", "Headcount", "Months"
STREAMS = (
    stream(DEPARTMENTS, ("Department", "FTE")),
    stream(MONTHS, ("Month",)),
    stream(HEADCOUNT, ("Departments", "Months", "Headcount")),
)
COPIES = (HEADCOUNT_TO_PLAN, DEPARTMENTS_TO_FTE)


@pytest.fixture
def filled(destination: Runner) -> Runner:
    """A destination whose application has copies that can be started, and the items that headcounts need."""
    workspace = add_copies(destination.pigment.workspace)
    for list_name, item in ((DEPARTMENTS, "R&D"), (MONTHS, "Jan 26")):
        block = workspace.block(list_name, CONSOLIDATION)
        block.add(item, *[""] * (len(block.properties) - 1))  # type: ignore[union-attr] # it is a list
    return destination


def ids(destination: Runner, *names: str) -> list[str]:
    return [destination.pigment.workspace.configuration(name).id for name in names]


def messages(*, complete: bool = True) -> list[Message]:
    word = "COMPLETE" if complete else "INCOMPLETE"
    return [
        record({"Department": "R&D", "FTE": "12.50"}, DEPARTMENTS),
        state(1, DEPARTMENTS),
        status("COMPLETE", DEPARTMENTS),
        record({"Month": "Jan 26"}, MONTHS),
        state(2, MONTHS),
        status("COMPLETE", MONTHS),
        record({"Departments": "R&D", "Months": "Jan 26", "Headcount": "7"}, HEADCOUNT),
        state(3, HEADCOUNT),
        status(word, HEADCOUNT),
    ]


def run(destination: Runner, *names: str, sent: list[Message] | None = None, **config: Any) -> Run:
    then_run = ids(destination, *names)
    return write(destination, messages() if sent is None else sent, catalog(*STREAMS), then_run=then_run, **config)


def started(destination: Runner) -> dict[str, int]:
    workspace = destination.pigment.workspace
    names = (*COPIES, FAILING_COPY, ACCOUNTS_FROM_OUTSIDE)
    return {name: count for name in names if (count := workspace.started(name))}


def lines(run_: Run) -> list[str]:
    return logged(run_, "Then run, ")


def test_copies_run_in_order_after_the_last_import_and_fill_their_metrics(filled: Runner) -> None:
    done = run(filled, *COPIES)

    asked = [each.operation for each in filled.pigment.requests]
    assert done.exit_code == 0
    assert started(filled) == dict.fromkeys(COPIES, 1)
    assert rows(filled, HEADCOUNT_PLAN) == [["R&D", "Jan 26", "7"]]
    assert rows(filled, FTE) == [["R&D", "12.50"]]
    assert len(done.states) == 3
    # The first is waited for before the second is started, and every import before both.
    first, second = [place for place, each in enumerate(asked) if each == "trigger_import"]
    assert max(place for place, each in enumerate(asked) if each == "push_csv") < first
    assert "import_status" in asked[first:second]
    assert [f'"{name}"' in line and "1 inserted" in line for name, line in zip(COPIES, lines(done), strict=True)] == [
        True,
        True,
    ]


def test_a_start_whose_response_was_lost_is_not_repeated_and_all_states_are_out(filled: Runner) -> None:
    filled.pigment.faults.queue("trigger_import", ResetBeforeResponse(carried_out=True))
    done = run(filled, *COPIES)

    assert started(filled) == {HEADCOUNT_TO_PLAN: 1}
    assert len(done.states) == 3
    assert [each["failure_type"] for each in done.errors] == ["config_error"]
    assert f'The start of "{HEADCOUNT_TO_PLAN}"' in done.errors[0]["message"]
    assert f'not started: "{DEPARTMENTS_TO_FTE}"' in done.errors[0]["message"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_one_runs_waits_for_it_and_starts_no_other(filled: Runner, number: int) -> None:
    filled.pigment.workspace.variants.polls_until_done = 2
    process = filled.start("write", catalog=catalog(*STREAMS), then_run=ids(filled, *COPIES))
    os.write(process.stdin, as_lines(messages()))
    os.close(process.stdin)
    while not started(filled):
        time.sleep(0.02)
    process.send_signal(number)
    done = process.finish()

    assert done.exit_code == 128 + number
    assert started(filled) == {HEADCOUNT_TO_PLAN: 1}
    assert "completed: 1 inserted" in lines(done)[0]
    assert lines(done)[1].endswith("was not started.")


@pytest.mark.long
def test_a_platform_that_goes_away_starts_nothing(filled: Runner) -> None:
    filled.pigment.workspace.variants.polls_until_done = 2
    delivery = filled.deliver(catalog(*STREAMS), then_run=ids(filled, *COPIES))
    delivery.send_messages(*messages())
    delivery.end(Cancelled(signal=None))
    assert started(filled) == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FailImport(), "as failed (InternalError)"),
        (RespondStatus(400), "rejected that (HTTP 400)"),
        (RespondStatus(404), "does not know it"),
        (RespondStatus(503), "response was lost"),
        (HoldImport(), "has not ended within"),
    ],
    ids=repr,
)
def test_what_goes_wrong_is_a_config_error_that_names_it_and_the_others(filled: Runner, fault: Any, words: str) -> None:
    filled.pigment.faults.queue("trigger_import", fault)
    done = run(filled, *COPIES, import_timeout_minutes=0.05)

    assert [each["failure_type"] for each in done.errors] == ["config_error"]
    assert words in done.errors[0]["message"]
    assert f'"{HEADCOUNT_TO_PLAN}"' in done.errors[0]["message"]
    assert DEPARTMENTS_TO_FTE in done.errors[0]["message"]
    assert len(done.states) == 3
    assert DEPARTMENTS_TO_FTE not in started(filled)


def stray() -> Message:
    return record({"Department": "R&D"}, "No such stream")


HINDERED: dict[str, tuple[list[Message], dict[str, Any], str, str]] = {
    "an unfinished stream": (messages(complete=False), {}, "transient_error", 'did not finish the stream "Headcount"'),
    "a rejected row": (
        [record({"Department": "", "FTE": "1"}, DEPARTMENTS), *messages()],
        {},
        "config_error",
        "because 1 row was rejected",
    ),
    "a record that the source did not confirm": (
        [*messages()[:-1], record({"Departments": "R&D", "Months": "Jan 26", "Headcount": "8"}, HEADCOUNT)],
        {},
        "transient_error",
        "without confirming the last record",
    ),
    "a stray": ([stray(), *messages()], {}, "config_error", "No such stream"),
    "missing records": (
        [*messages()[:-2], state(3, HEADCOUNT, records=5), status("COMPLETE", HEADCOUNT)],
        {},
        "transient_error",
        "did not arrive",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("case", HINDERED)
def test_nothing_is_started_where_not_everything_is_stored(filled: Runner, case: str) -> None:
    sent, config, failure, words = HINDERED[case]
    done = run(filled, *COPIES, sent=sent, **config)

    assert started(filled) == {}
    assert done.errors[0]["failure_type"] == failure
    assert words in done.errors[0]["message"]
    assert len(lines(done)) == 2
    assert all("was not started, because " in line for line in lines(done))


@pytest.mark.long
def test_nothing_is_started_after_a_failed_import(filled: Runner) -> None:
    filled.pigment.faults.queue("push_csv", FailImport())
    done = run(filled, *COPIES)
    assert started(filled) == {}
    assert all("because the sync failed" in line for line in lines(done))


@pytest.mark.long
def test_nothing_is_started_after_a_dry_run(filled: Runner) -> None:
    done = run(filled, *COPIES, dry_run=True)
    assert done.exit_code == 0
    assert started(filled) == {}
    assert all("because this is a dry run" in line for line in lines(done))


@pytest.mark.long
def test_an_unreadable_line_may_have_been_a_record(filled: Runner) -> None:
    process = filled.start("write", catalog=catalog(*STREAMS), then_run=ids(filled, *COPIES))
    process.feed(b'{"type": "RECO\n' + as_lines(messages()))
    done = process.finish()
    assert started(filled) == {}
    assert "1 line of the input could not be read" in done.errors[0]["message"]


@pytest.mark.long
def test_a_sync_without_records_is_followed_as_well(filled: Runner) -> None:
    sent = [each for each in messages() if each["type"] == "TRACE"]
    assert run(filled, *COPIES, sent=sent).exit_code == 0
    assert started(filled) == dict.fromkeys(COPIES, 1)


@pytest.mark.long
@pytest.mark.parametrize("wanted", [True, False])
def test_without_a_status_only_a_wait_shows_that_the_source_succeeded(filled: Runner, wanted: bool) -> None:
    """A platform that failed the source closes our output within the time that is waited."""
    filled.environment["PATIENCE_SECONDS"] = "2"
    delivery = filled.deliver(catalog(*STREAMS), then_run=ids(filled, *COPIES))
    delivery.send_messages(*[each for each in messages() if each["type"] != "TRACE"])
    if wanted:
        delivery.finish_input()
        until = time.monotonic() + 60
        while len(started(filled)) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    ended = delivery.end(Cancelled(signal=None))
    assert ended.errors == [] or not wanted
    assert started(filled) == (dict.fromkeys(COPIES, 1) if wanted else {})


@pytest.mark.long
def test_a_replaced_stream_is_stored_before_anything_is_started(filled: Runner) -> None:
    target = filled.pigment.workspace.configuration(f"{HEADCOUNT} (replace)").id
    targets = [{"stream": HEADCOUNT, "import_configuration_id": target, "clears_before_import": True}]
    sent = messages()[6:]
    configured = catalog(STREAMS[2], mode="overwrite")
    done = write(filled, sent, configured, targets=targets, then_run=ids(filled, HEADCOUNT_TO_PLAN))
    assert done.exit_code == 0
    assert rows(filled, HEADCOUNT_PLAN) == [["R&D", "Jan 26", "7"]]
    assert len(done.states) == 1


def checked(destination: Runner, **config: Any) -> tuple[str, str]:
    status = destination.run("check", **config).of("CONNECTION_STATUS")[0]
    assert not destination.pigment.workspace.imports
    return status["status"], status.get("message", "")


@pytest.mark.long
def test_check_says_what_is_not_visible_and_starts_nothing(filled: Runner) -> None:
    unknown = new_id("nowhere")
    result, message = checked(filled, then_run=[*ids(filled, *COPIES), unknown])
    assert result == "FAILED"
    assert message.startswith(f'"Then run" names "{unknown}", which no application has')
    assert HEADCOUNT_TO_PLAN in message

    result, message = checked(filled, then_run=ids(filled, *COPIES))
    assert result == "SUCCEEDED"
    assert f'Under "Then run": "{HEADCOUNT_TO_PLAN}"' in message


@pytest.mark.long
def test_without_a_metadata_key_check_says_what_it_could_not_look_at(filled: Runner) -> None:
    workspace = filled.pigment.workspace
    keys = {"auth_type": "separate_keys", "import_api_key": workspace.secret("import")}
    targets = [
        {"stream": name, "import_configuration_id": workspace.configuration(name).id}
        for name in (DEPARTMENTS, MONTHS, HEADCOUNT)
    ]
    config = {"credentials": keys, "application_id": None, "targets": targets}
    result, message = checked(filled, then_run=ids(filled, *COPIES), **config)
    assert result == "SUCCEEDED"
    assert 'the configurations under "Then run" exist' in message

    assert run(filled, *COPIES, **config).exit_code == 0
    assert started(filled) == dict.fromkeys(COPIES, 1)
