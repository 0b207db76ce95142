"""Lists before what refers to them: the streams of a later step wait for those of the steps before."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airbyte_platform.job import CUSTOM_IMAGE
from airbyte_platform.process import Message
from connectors import Runner
from local_pigment.blocks import ListBlock, Property, ValueType
from local_pigment.faults import FailImport
from small_blocks import (
    a_catalog,
    add_list,
    configure,
    configured,
    contents,
    follower,
    goes_to,
    long,
    numbers,
    pushed,
    records,
    started,
    table,
    whole,
    with_state,
)
from writing import FAILED, Attempt, Succeeded, state, status, write

ACCOUNTS, BOOKINGS = table("Accounts", "Account"), table("Bookings", "Entry", "Account")
BOTH = a_catalog(configured(BOOKINGS, "append", "incremental"), configured(ACCOUNTS, "append", "incremental"))
ROWS = [{"Entry": "B1", "Account": "4711"}, {"Entry": "B2", "Account": "4712"}]
NEW = [{"Account": "4711"}, {"Account": "4712"}]


def ledger_of_accounts(
    destination: Runner, steps: tuple[int, int] = (1, 2)
) -> tuple[ListBlock, ListBlock, list[dict[str, Any]]]:
    accounts = add_list(destination, "Accounts", ("Account",), is_dimension=True)
    bookings = add_list(destination, "Bookings", ("Entry", "Account"), dimensions={"Account": accounts})
    targets = [
        goes_to(block.name, configure(destination, block, block.name), load_order=step)
        for block, step in zip((accounts, bookings), steps, strict=True)
    ]
    return accounts, bookings, targets


@pytest.mark.parametrize("steps", [(1, 2), long((2, 5))], ids=str)
@pytest.mark.parametrize("rows", [long(100), 1], ids=["one file", "a file a row"])
def test_a_fact_that_comes_before_its_list_is_stored_after_it(
    destination: Runner, steps: tuple[int, int], rows: int
) -> None:
    accounts, bookings, targets = ledger_of_accounts(destination, steps)
    messages = [*whole("Bookings", ROWS), *whole("Accounts", NEW)]
    run = write(
        destination,
        messages,
        BOTH,
        targets=targets,
        max_file_rows=rows,
        rejected_rows="fail",
        then_run=[follower(destination)],
    )
    assert run.exit_code == 0
    assert contents(bookings) == [("B1", "4711"), ("B2", "4712")]
    assert len(contents(accounts)) == 2
    assert with_state(run) == {"Accounts", "Bookings"}
    assert started(destination)


def test_the_streams_of_the_first_step_go_while_the_source_goes_on(destination: Runner) -> None:
    _, _, targets = ledger_of_accounts(destination)
    delivery = destination.deliver(BOTH, targets=targets, flush_interval_minutes=0.01)
    delivery.send_messages(*whole("Bookings", ROWS)[:-1], *records("Accounts", NEW), state(1, "Accounts"))
    while not pushed(destination):
        time.sleep(0.02)
    assert b"4711" in pushed(destination)[0]
    assert not pushed(destination, targets[1]["import_configuration_id"])
    delivery.send_messages(*records("Accounts", [{"Account": "4713"}]), state(2, "Accounts"))
    delivery.send_messages(status("COMPLETE", "Accounts"), status("COMPLETE", "Bookings"))
    run = delivery.end(Succeeded())
    assert run.exit_code == 0
    assert len(pushed(destination, targets[1]["import_configuration_id"])) == 1


def test_what_fails_in_a_step_holds_back_the_steps_after_it(destination: Runner) -> None:
    _, bookings, targets = ledger_of_accounts(destination)
    destination.pigment.faults.queue("push_csv", FailImport())
    run = write(
        destination,
        [*whole("Bookings", ROWS), *whole("Accounts", NEW)],
        BOTH,
        targets=targets,
        then_run=[follower(destination)],
    )
    assert run.exit_code != 0
    assert not contents(bookings)
    assert not pushed(destination, targets[1]["import_configuration_id"])
    assert not run.states
    assert not started(destination)


@pytest.mark.parametrize("unfinished", ["Accounts", "Bookings"])
def test_a_later_step_waits_for_the_proof_of_every_stream(destination: Runner, unfinished: str) -> None:
    """The states of both streams stand after their last records, and one of them was not finished."""
    _, bookings, targets = ledger_of_accounts(destination)
    finished = "Accounts" if unfinished == "Bookings" else "Bookings"
    messages = [*whole("Bookings", ROWS)[:-1], *whole("Accounts", NEW)[:-1]]
    messages += [status("COMPLETE", finished), status("INCOMPLETE", unfinished)]
    run = write(destination, messages, BOTH, targets=targets)
    assert run.exit_code != 0
    assert not contents(bookings)
    assert "Bookings" not in with_state(run)


def global_state(number: int, records: int) -> Message:
    content = {
        "shared_state": {"lsn": number},
        "stream_states": [
            {"stream_descriptor": {"name": name}, "stream_state": {"place": number}}
            for name in ("Accounts", "Bookings")
        ],
    }
    counted = {"recordCount": float(records)}
    return {"type": "STATE", "state": {"type": "GLOBAL", "id": number, "global": content, "sourceStats": counted}}


def test_a_global_state_leaves_once_every_step_is_stored(destination: Runner) -> None:
    _, bookings, targets = ledger_of_accounts(destination)
    lines = [*records("Bookings", ROWS), *records("Accounts", NEW), global_state(1, 4)]
    lines += [status("COMPLETE", "Bookings"), status("COMPLETE", "Accounts")]
    run = write(destination, lines, BOTH, targets=targets)
    assert run.exit_code == 0
    assert len(contents(bookings)) == 2
    assert numbers(run) == [(4.0, 0.0)]


def test_a_global_state_stays_where_a_later_step_failed(destination: Runner) -> None:
    accounts, _, targets = ledger_of_accounts(destination)
    destination.pigment.faults.queue("push_csv", FailImport(), after=1)
    lines = [*records("Bookings", ROWS), *records("Accounts", NEW), global_state(1, 4)]
    lines += [status("COMPLETE", "Bookings"), status("COMPLETE", "Accounts")]
    run = write(destination, lines, BOTH, targets=targets)
    assert run.exit_code != 0
    assert len(contents(accounts)) == 2
    assert not run.states


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
@pytest.mark.long
def test_a_custom_image_with_steps_waits_for_the_proof(fast_destination: Runner, fails: bool) -> None:
    _, bookings, targets = ledger_of_accounts(fast_destination)
    messages = [*whole("Bookings", ROWS)[:-1], *whole("Accounts", NEW)[:-1]]
    attempt = Attempt([BOOKINGS, ACCOUNTS], "append", CUSTOM_IMAGE, messages)
    run = attempt.run(fast_destination, FAILED if fails else Succeeded(), targets=targets)
    assert (run.exit_code == 0) is not fails
    assert len(contents(bookings)) == (0 if fails else 2)


def test_three_steps_go_one_after_another(destination: Runner) -> None:
    groups = add_list(destination, "Groups", ("Group",), is_dimension=True)
    accounts = add_list(destination, "Accounts", ("Account", "Group"), dimensions={"Group": groups}, is_dimension=True)
    bookings = add_list(destination, "Bookings", ("Entry", "Account"), dimensions={"Account": accounts})
    targets = [
        goes_to(block.name, configure(destination, block, block.name), load_order=step)
        for step, block in enumerate((groups, accounts, bookings), start=1)
    ]
    streams = [BOOKINGS, table("Accounts", "Account", "Group"), table("Groups", "Group")]
    catalog = a_catalog(*(configured(each, "append", "incremental") for each in streams))
    messages = [
        *whole("Bookings", ROWS[:1]),
        *whole("Accounts", [{"Account": "4711", "Group": "P&L"}]),
        *whole("Groups", [{"Group": "P&L"}]),
    ]
    run = write(destination, messages, catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(bookings) == [("B1", "4711")]
    assert contents(accounts) == [("4711", "P&L")]
    order = [each.configuration_id for each in destination.pigment.workspace.imports.values()]
    assert order == [each["import_configuration_id"] for each in targets]


@pytest.mark.long
def test_a_list_that_refers_to_itself_has_no_order_and_says_what_was_rejected(destination: Runner) -> None:
    people = add_list(destination, "People", ("Person", "Manager"), is_dimension=True)
    people.properties[1] = Property("Manager", ValueType.DIMENSION, people.id)
    targets = [goes_to("People", configure(destination, people, "People"))]
    rows = [{"Person": "Ada", "Manager": "Grace"}, {"Person": "Grace", "Manager": None}]
    catalog = a_catalog(configured(table("People", "Person", "Manager"), "append", "incremental"))
    run = write(destination, whole("People", rows), catalog, targets=targets)
    assert run.exit_code == 0
    assert numbers(run) == [(1.0, 1.0)]
