"""The audit log as a process reads it: twice with new events between, through faults, no personal data in a log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Message, Run
from airbyte_platform.rules import SourceRules
from connectors import Runner, key, running, source_config
from local_pigment.audit import AuditEvent, AuditNames, iso
from local_pigment.faults import (
    CutAfter,
    Fault,
    ResetBeforeResponse,
    RespondStatus,
    RespondWith,
)
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment

STREAM = "_pigment_audit_log"
AUDIT: dict[str, Any] = {"audit_log": True, "block_types": []}
PAYLOAD = {"actor": {"email": "ada@example.com", "name": "Ada Lovelace"}, "digits": "exact"}


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        started.workspace.audit.page_size = 5
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    with running(source_fork_server, pigment, {**source_config(pigment), **AUDIT}) as runner:
        yield runner


def add_events(pigment: LocalPigment, count: int, ago: timedelta = timedelta(minutes=5)) -> None:
    log = pigment.workspace.audit
    moment = datetime.now(UTC) - ago
    for _ in range(count):
        log.add(AuditEvent(f"new-{len(log.events)}", "BlockDeleted", moment, moment, PAYLOAD))


def catalog(source: Runner, mode: str = "incremental") -> dict[str, Any]:
    made = source.catalog(STREAM)
    made["streams"][0]["sync_mode"] = mode
    return made


def read(source: Runner, state: list[Message] | None = None, mode: str = "incremental", **config: Any) -> Run:
    run = source.run("read", catalog=catalog(source, mode), state=state, **config)
    assert "example.com" not in "".join(each["message"] for each in run.of("LOG")) + run.stderr
    assert "Ada" not in run.stderr
    return run


def ids_of(run: Run) -> list[str]:
    return [each["data"]["id"] for each in run.records]


def expected(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "eventTimestamp": iso(event.happened),
        "ingestionTimestamp": iso(event.ingested),
        "payload": dict(event.payload),
        "additional_fields": dict(event.others) or None,
    }


def test_read_twice_with_new_events_between(source: Runner) -> None:
    log = source.pigment.workspace.audit
    first = read(source)
    before = sorted(log.events, key=lambda each: each.ingested)
    assert [each["data"] for each in first.records] == [expected(each) for each in before]
    # One is late, and one as old as the newest that is known.
    add_events(source.pigment, 2)
    add_events(source.pigment, 1, timedelta(hours=9))
    newest = max(each.ingested for each in log.events)
    log.add(AuditEvent("equal", "A", newest, newest))
    second = read(source, [first.states[-1]])
    third = read(source, [second.states[-1]])

    assert sorted(ids_of(second)) == sorted(each.id for each in log.events if each not in before)
    assert ids_of(third) == []
    assert [run.exit_code for run in (first, second, third)] == [0, 0, 0]
    assert third.states[-1]["stream"]["stream_state"]["sent"] == second.states[-1]["stream"]["stream_state"]["sent"]
    for run in (first, second):
        rules = SourceRules(catalog(source))
        for message in run.messages:
            rules.see(message)
        rules.end(run.exit_code)
        assert [status for _, status in run.statuses] == ["STARTED", "RUNNING", "COMPLETE"]


@pytest.mark.parametrize(
    "fault",
    [
        RespondStatus(503),
        RespondStatus(429),
        ResetBeforeResponse(carried_out=True),
        CutAfter(300),
        pytest.param(CutAfter(300, silent=True), marks=pytest.mark.long),
        pytest.param(CutAfter(0), marks=pytest.mark.long),
        pytest.param(RespondWith("", "application/json"), marks=pytest.mark.long),
        # What the server says where a cursor has expired.
        RespondStatus(400),
        pytest.param(RespondStatus(404), marks=pytest.mark.long),
        pytest.param(RespondStatus(410), marks=pytest.mark.long),
    ],
    ids=str,
)
def test_a_break_on_a_page_loses_and_doubles_nothing(fast_source: Runner, fault: Fault) -> None:
    add_events(fast_source.pigment, 8)
    fast_source.pigment.faults.queue("list_audit_events", fault, after=1)
    run = read(fast_source)

    assert run.exit_code == 0
    assert sorted(ids_of(run)) == sorted(each.id for each in fast_source.pigment.workspace.audit.events)


@pytest.fixture
def fast_source(pigment: LocalPigment, fast_source_fork_server: ForkServer) -> Iterator[Runner]:
    with running(fast_source_fork_server, pigment, {**source_config(pigment), **AUDIT}) as runner:
        yield runner


def test_a_read_that_fails_sends_nothing(fast_source: Runner) -> None:
    fast_source.pigment.faults.queue("list_audit_events", RespondStatus(500), times=2, after=2)
    run = read(fast_source, max_retries=1)

    assert run.exit_code != 0
    assert (run.records, run.states) == ([], [])
    assert run.statuses[-1] == (STREAM, "INCOMPLETE")
    assert run.errors[0]["failure_type"] == "transient_error"


@pytest.mark.long
def test_an_unexpected_page_is_reported_and_nothing_is_sent(source: Runner) -> None:
    source.pigment.faults.queue("list_audit_events", RespondWith('{"entries": {}, "pagination": {}}'), after=1)
    run = read(source)

    assert run.records == []
    assert run.errors[0]["message"] == (
        "Pigment's audit log does not say which events there are in a way that this connector knows, so nothing of it "
        "was sent: run `make verify`, which shows what differs, and report it."
    )
    assert run.errors[0]["failure_type"] == "system_error"


@pytest.mark.long
def test_a_full_refresh_reads_everything_again_and_leaves_a_state_to_continue_from(source: Runner) -> None:
    first = read(source)
    again = read(source, [first.states[-1]], mode="full_refresh")
    assert ids_of(again) == ids_of(first)
    add_events(source.pigment, 1)
    assert len(read(source, [again.states[-1]]).records) == 1


@pytest.mark.long
def test_the_stream_is_offered_as_incremental_by_its_own_cursor(source: Runner) -> None:
    stream = source.discovered()[STREAM]
    assert {name: value for name, value in stream.items() if name != "json_schema"} == {
        "name": STREAM,
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["ingestionTimestamp"],
        "source_defined_primary_key": [["id"]],
        "is_resumable": False,
    }


def separate(source: Runner, **keys: str) -> dict[str, str]:
    secret = source.pigment.workspace.secret
    named = {"export": "export", "metadata": "metadata", "audit": "audit", **keys}
    return {"auth_type": "separate_keys", **{f"{name}_api_key": secret(of) if of else "" for name, of in named.items()}}


@pytest.mark.parametrize(
    ("keys", "result", "words"),
    [
        ({}, "SUCCEEDED", "1 stream was found, and the keys can read it: 1 for the audit log."),
        (
            {"audit": "export"},
            "FAILED",
            (
                'The key under "Audit log key" has the type "Export" instead of "Audit logs": enter a key of the type '
                '"Audit logs".'
            ),
        ),
        (
            {"audit": "metadata", "metadata": "audit"},
            "FAILED",
            'The keys under "Metadata key" and "Audit log key" are swapped: exchange them.',
        ),
        (
            {"audit": ""},
            "FAILED",
            (
                '"Audit log" is switched on, and the field "Audit log key" is empty: enter a key of the type "Audit '
                'logs", or switch it off.'
            ),
        ),
    ],
)
def test_check_says_which_key_lacks_what(source: Runner, keys: dict[str, str], result: str, words: str) -> None:
    run = source.run("check", credentials=separate(source, **keys))
    status = run.of("CONNECTION_STATUS")[0]
    assert (status["status"], status["message"]) == (result, words)


@pytest.mark.long
def test_check_says_what_one_key_for_everything_lacks(source: Runner) -> None:
    run = source.run("check", credentials=key(source.pigment, "metadata"))
    assert run.of("CONNECTION_STATUS")[0]["message"] == (
        'The key under "API key" has the type "Modeling Metadata" and lacks "Export" and "Audit logs": create a '
        'key with all these types in Pigment, or choose "A key for each purpose" under "Authentication", and enter a '
        "key of each type."
    )


@pytest.mark.long
def test_check_says_that_there_is_no_audit_log(source: Runner) -> None:
    source.pigment.faults.queue("list_audit_events", RespondStatus(404))
    status = source.run("check").of("CONNECTION_STATUS")[0]
    assert (status["status"], status["message"]) == (
        "FAILED",
        (
            'Pigment offers no audit log at this address: switch "Audit log" off, or ask Pigment whether your '
            "workspace has one."
        ),
    )


@pytest.mark.long
def test_a_stream_that_was_switched_off_is_reported(source: Runner) -> None:
    run = source.run("read", catalog=catalog(source), audit_log=False, block_types=None)
    assert run.errors[0]["message"] == (
        'The stream "_pigment_audit_log" is not available, because "Audit log" was switched off: switch it on again, '
        "or refresh the schema of the connection."
    )


@pytest.mark.long
def test_numbers_in_a_payload_keep_their_digits(source: Runner) -> None:
    event = '{"id": "n", "ingestionTimestamp": "%s", "payload": {"n": 1.10, "more": [12345678901234567890.5]}}'
    page = f'{{"events": [{event % iso(datetime.now(UTC))}], "pagination": {{"nextCursor": null}}}}'
    source.pigment.faults.queue("list_audit_events", RespondWith(page))
    run = read(source)
    assert b'"payload":{"n": 1.10, "more": [12345678901234567890.5]}' in b"".join(run.lines)


def test_an_event_is_sent_once_although_its_times_are_written_in_another_way_later(source: Runner) -> None:
    moment = datetime.now(UTC).replace(microsecond=120_000) - timedelta(hours=1)
    written = [iso(moment), moment.isoformat(timespec="microseconds"), moment.isoformat().replace("+00:00", "0Z")]
    state: list[Message] | None = None
    sent = []
    for text in written:
        event = {"eventId": "e1", "eventType": "A", "eventTimestamp": text, "ingestionTimestamp": text, "payload": {}}
        source.pigment.faults.queue("list_audit_events", RespondWith(json.dumps({"events": [event]})))
        run = read(source, state)
        state = [run.states[-1]]
        sent.append(ids_of(run))

    assert sent == [["e1"], [], []]


def test_the_weaker_form_of_the_log_is_read_to_its_end(source: Runner) -> None:
    names = AuditNames(id="id", type="type", next_cursor="pagination.nextCursor", absent_at_end=False)
    source.pigment.workspace.variants.audit_names = names
    run = read(source)
    assert sorted(ids_of(run)) == sorted(each.id for each in source.pigment.workspace.audit.events)
