"""A block shows when each row was last loaded, and by which sync."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connectors import Runner
from local_pigment.blocks import ListBlock
from local_pigment.faults import ResetBeforeResponse
from small_blocks import (
    a_catalog,
    add_list,
    config_error,
    configure,
    configured,
    contents,
    deduplicated,
    entries_of,
    goes_to,
    pushed,
    table,
    whole,
)
from writing import logged, write

COLUMNS = ("Entry", "Amount", "_pigment_loaded_at", "_pigment_sync_id")
JOB = {"WORKER_JOB_ID": "42"}


def a_list(destination: Runner, name: str, **more: Any) -> tuple[ListBlock, dict[str, Any]]:
    block = add_list(destination, name, COLUMNS)
    return block, goes_to(name, configure(destination, block, name, **more))


def test_all_files_of_a_sync_have_one_moment_and_the_job(destination: Runner) -> None:
    ledger, first = a_list(destination, "Ledger of now")
    plan, second = a_list(destination, "Plan of now")
    destination.environment |= JOB
    catalog = a_catalog(*(configured(table(each, *COLUMNS[:2]), "append") for each in ("Ledger of now", "Plan of now")))
    sent = [*whole("Ledger of now", entries_of(a=1, b=2, c=3)), *whole("Plan of now", entries_of(d=4), 2)]

    run = write(destination, sent, catalog, targets=[first, second], stamp_columns=True, max_file_rows=1)

    assert run.exit_code == 0
    stamped = [*contents(ledger), *contents(plan)]
    assert [row[:2] for row in stamped] == [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]
    ((moment, job),) = {row[2:] for row in stamped}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    assert job == "42"
    assert logged(run, f'"_pigment_loaded_at" ("{moment}") and "_pigment_sync_id" ("42")')


def test_a_second_attempt_keeps_the_job_and_updates_the_moment(destination: Runner) -> None:
    """Rows that are matched by a key are there once, with the moment at which they were last seen."""
    block, target = a_list(destination, "Seen", key="Entry")
    destination.environment |= JOB
    catalog = a_catalog(deduplicated(table("Seen", *COLUMNS[:2]), cursor=None))
    for attempt in (whole("Seen", entries_of(a=1, b=2)), whole("Seen", entries_of(b=2))):
        assert write(destination, attempt, catalog, targets=[target], stamp_columns=True).exit_code == 0

    rows = contents(block)
    assert [row[0] for row in rows] == ["a", "b"]
    assert {row[3] for row in rows} == {"42"}
    assert rows[0][2] <= rows[1][2]


def test_a_file_whose_answer_was_lost_is_sent_again_as_it_was(destination: Runner) -> None:
    block, target = a_list(destination, "Repeated", key="Entry")
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    catalog = a_catalog(deduplicated(table("Repeated", *COLUMNS[:2]), cursor=None))

    run = write(destination, whole("Repeated", entries_of(a=1)), catalog, targets=[target], stamp_columns=True)

    assert run.exit_code == 0
    assert len(contents(block)) == 1
    assert len(set(pushed(destination))) == 1
    assert len(pushed(destination)) == 2
    assert logged(run, '"_pigment_sync_id" (blank, because')


def test_a_stream_with_such_a_column_stops_before_anything_is_pushed(destination: Runner) -> None:
    _, target = a_list(destination, "Stamped before")
    catalog = a_catalog(configured(table("Stamped before", *COLUMNS), "append"))

    run = write(destination, whole("Stamped before", [{"Entry": "a"}]), catalog, targets=[target], stamp_columns=True)

    assert 'has a column "_pigment_loaded_at", which "Stamp columns" adds to each row' in config_error(run)
    assert not pushed(destination)


@pytest.mark.parametrize("stamped", [False, True])
def test_discover_shows_the_columns_where_they_are_added(destination: Runner, stamped: bool) -> None:
    found = destination.run("discover", stamp_columns=stamped).of("DESTINATION_CATALOG")[0]["operations"]

    columns = {tuple(each["json_schema"]["properties"]) for each in found}
    assert all(("_pigment_sync_id" in each) is stamped for each in columns)
