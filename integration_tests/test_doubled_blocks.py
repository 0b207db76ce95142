"""A replacement that only inserted: its block was empty, or now contains everything twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors import Runner
from local_pigment.blocks import ListBlock
from local_pigment.faults import CutAfter, FailImport, RespondStatus, RespondWith
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    clears,
    config_error,
    configure,
    configured,
    contents,
    entries_of,
    follower,
    goes_to,
    let_owner,
    let_pigment,
    long,
    pushed,
    show_only,
    started,
    table,
    warnings,
    whole,
    with_state,
    without_export_key,
)
from writing import logged, write

ENTRIES = table("Entries", "Entry", "Amount")
NIGHTLY = a_catalog(configured(ENTRIES, "overwrite"))
SIX = entries_of(**{f"E{number}": number for number in range(6)})


def added(destination: Runner, rows: int = 0, **more: Any) -> tuple[ListBlock, list[dict[str, Any]]]:
    """A list that a configuration adds to, and the target that declares it as clearing."""
    block = add_list(destination, "Entries", ("Entry", "Amount"), [(f"E{number}", "1") for number in range(rows)])
    return block, [clears("Entries", configure(destination, block, "Entries", **more))]


def replaced(destination: Runner, rows: int = 0) -> tuple[ListBlock, list[dict[str, Any]]]:
    """The same, and the configuration clears."""
    return added(destination, rows, clear_before_import=True)


def test_a_doubled_list_stops_the_night_on_which_it_doubles(destination: Runner) -> None:
    """Six rows inserted into an empty list are right; six more inserted into it are not."""
    block, targets = added(destination)
    first = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    assert first.exit_code == 0
    assert not warnings(first)
    assert with_state(first) == {"Entries"}
    assert logged(first, "counted in Pigment: 6 rows, as many as were written")
    second = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    message = config_error(second)
    assert "12" in message
    assert "6" in message
    assert "Clear items prior to import" in message
    assert not second.states
    assert len(contents(block)) == 12


def test_a_first_load_that_no_key_can_count_is_in_doubt_until_the_next_one(destination: Runner) -> None:
    without_export_key(destination)
    block, targets = replaced(destination)
    message = config_error(write(destination, whole("Entries", SIX), NIGHTLY, targets=targets))
    assert "empty it" in message
    assert "Clear items prior to import" in message
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    assert run.exit_code == 0
    assert with_state(run) == {"Entries"}
    assert len(contents(block)) == 6


def test_twelve_first_loads_that_no_key_can_count_are_one_error(destination: Runner) -> None:
    without_export_key(destination)
    names = [f"List {number}" for number in range(12)]
    blocks = [add_list(destination, name, ("Entry", "Amount")) for name in names]
    targets = [
        clears(block.name, configure(destination, block, block.name, clear_before_import=True)) for block in blocks
    ]
    catalog = a_catalog(*(configured(table(name, "Entry", "Amount"), "overwrite") for name in names))
    messages = [line for name in names for line in whole(name, entries_of(E1=1, E2=2))]
    message = config_error(write(destination, messages, catalog, targets=targets))
    assert all(f'"{name}"' in message for name in names)
    run = write(destination, messages, catalog, targets=targets)
    assert run.exit_code == 0
    assert with_state(run) == set(names)
    assert all(len(contents(block)) == 2 for block in blocks)


def test_a_doubt_holds_back_neither_the_other_replacements_nor_their_states(destination: Runner) -> None:
    without_export_key(destination)
    _, targets = replaced(destination)
    other = add_list(destination, "Others", ("Entry", "Amount"), [("old", "1")])
    accounts = add_list(destination, "Accounts", ("Entry", "Amount"))
    targets += [
        clears("Others", configure(destination, other, "Others", clear_before_import=True)),
        goes_to("Accounts", configure(destination, accounts, "Accounts")),
    ]
    catalog = a_catalog(
        configured(ENTRIES, "overwrite"),
        configured(table("Others", "Entry", "Amount"), "overwrite"),
        configured(table("Accounts", "Entry", "Amount"), "append", "incremental"),
    )
    messages = [*whole("Entries", SIX), *whole("Others", entries_of(new=2)), *whole("Accounts", entries_of(A=3))]
    run = write(destination, messages, catalog, targets=targets)
    message = config_error(run)
    assert '"Entries"' in message
    assert '"Others"' not in message
    assert "Accounts" in with_state(run)
    assert "Entries" not in with_state(run)
    assert contents(other) == [("new", "2")]
    assert contents(accounts) == [("A", "3")]


def test_the_tick_is_believed_where_nothing_is_to_be_counted(destination: Runner) -> None:
    without_export_key(destination)
    _, targets = replaced(destination)
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets, count_blocks="never")
    assert run.exit_code == 0
    assert with_state(run) == {"Entries"}
    assert len(warnings(run)) == 1


@pytest.mark.parametrize(
    ("export_key", "config", "ends_well"),
    [
        (True, {}, True),
        long(False, {}, False),
        (False, {"count_blocks": "never"}, True),
    ],
    ids=["counted", "in doubt every night", "told not to count"],
)
def test_a_pigment_that_does_not_count_what_it_clears(
    destination: Runner, export_key: bool, config: dict[str, str], ends_well: bool
) -> None:
    let_pigment(destination, clear_counted=False)
    if not export_key:
        without_export_key(destination)
    block, targets = replaced(destination, 6)
    for _ in range(2):
        run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets, **config)
        assert (run.exit_code == 0) is ends_well
        assert len(contents(block)) == 6


@pytest.mark.parametrize("without_right", ["skip", "fail"])
@pytest.mark.long
def test_an_owner_without_the_right_to_delete_never_doubles_a_list_silently(
    destination: Runner, without_right: str
) -> None:
    let_pigment(destination, clear_without_right=without_right)
    let_owner(destination, may_delete_items=False)
    block, targets = replaced(destination, 6)
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    config_error(run)
    assert not run.states
    assert len(contents(block)) == (12 if without_right == "skip" else 6)


@pytest.mark.parametrize("cleared", [True, False])
@pytest.mark.long
def test_an_import_that_failed_may_have_cleared_its_block(destination: Runner, cleared: bool) -> None:
    let_pigment(destination, failed_import_clears=cleared)
    block, targets = replaced(destination, 6)
    destination.pigment.faults.queue("push_csv", FailImport())
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    assert "may be empty" in config_error(run)
    assert not run.states
    assert write(destination, whole("Entries", SIX), NIGHTLY, targets=targets).exit_code == 0
    assert len(contents(block)) == 6


@pytest.mark.parametrize("rows", [long(0), 6], ids=["empty", "filled"])
def test_an_owner_who_sees_half_certifies_nothing(destination: Runner, rows: int) -> None:
    """After the load the owner sees as many rows as were written, because there are twice as many."""
    block, targets = added(destination, rows)
    show_only(block, 0.5)
    targets[0]["block_id"] = block.id
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    config_error(run)
    assert not run.states


@pytest.mark.long
def test_fewer_rows_than_were_written_prove_nothing(destination: Runner) -> None:
    block, targets = replaced(destination)
    show_only(block, 0.5)
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    config_error(run)
    assert not run.states


@pytest.mark.long
def test_a_block_that_was_counted_and_empty_before_is_no_doubt(destination: Runner) -> None:
    """An owner who sees nothing of an empty block and half of it afterwards: only the first counts here."""
    block, targets = replaced(destination)
    targets[0]["block_id"] = block.id
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    assert run.exit_code == 0
    assert with_state(run) == {"Entries"}
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets)
    assert run.exit_code == 0
    assert len(contents(block)) == 6


@pytest.mark.parametrize(
    "fault",
    [RespondStatus(403), RespondStatus(404), RespondStatus(413), CutAfter(10)],
    ids=["forbidden", "gone", "too large", "broken off"],
)
@pytest.mark.long
def test_a_count_that_fails_decides_nothing(destination: Runner, fault: Any) -> None:
    block, targets = replaced(destination)
    destination.pigment.faults.queue("export_list", fault)
    if isinstance(fault, CutAfter):
        destination.pigment.faults.queue("export_list", fault, times=3)
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets, max_retries=3)
    config_error(run)
    assert len(warnings(run)) == 1
    assert not run.states
    assert len(contents(block)) == 6


def test_a_count_that_fails_disturbs_no_night_without_doubt(destination: Runner) -> None:
    block, targets = replaced(destination, 6)
    destination.pigment.faults.queue("export_list", RespondStatus(403))
    run = write(destination, whole("Entries", SIX), NIGHTLY, targets=targets, count_blocks="always")
    assert run.exit_code == 0
    assert len(warnings(run)) == 1
    assert len(contents(block)) == 6


@pytest.mark.long
def test_a_row_that_a_planner_adds_meanwhile_is_more_than_was_written(destination: Runner) -> None:
    block, targets = replaced(destination)
    block.stream = lambda: iter([b"Entry\r\n", *(b"x\r\n" for _ in range(7))])
    message = config_error(write(destination, whole("Entries", SIX), NIGHTLY, targets=targets))
    assert "7" in message
    assert "6" in message


def test_a_metric_with_two_scenarios_is_not_counted(destination: Runner) -> None:
    teams = add_list(destination, "Teams", ("Team",), [("A",), ("B",)], is_dimension=True)
    metric = add_metric(destination, "Cost", [teams])
    configuration = configure(destination, metric, "Cost", clear_before_import=True)
    counts = {"insertedCount": 1, "updatedCount": 0, "deletedCount": 0}
    impacted = [
        {"blockId": metric.id, "scenarioId": scenario, **counts, "skippedData": []}
        for scenario in destination.pigment.workspace.applications[destination.config["application_id"]].scenarios
    ]
    report = {
        "importId": "00000000-0000-4000-8000-000000000001",
        "createdAt": "2026-01-01T00:00:00Z",
        "completedAt": "2026-01-01T00:00:01Z",
        "importStatus": "Completed",
        "errorsDetails": [],
        "detailedReport": {
            "blockType": "Metric",
            "summary": {"insertedCount": 2, "updatedCount": 0, "deletedCount": 0, "skippedCount": 0},
            "impactedBlocks": impacted,
            "autoCreatedDimensionModalities": [],
        },
    }
    destination.pigment.faults.queue("import_status", RespondWith(json.dumps(report)))
    catalog = a_catalog(configured(table("Cost", "Teams", "Cost"), "overwrite"))
    rows = [{"Teams": "A", "Cost": 1}, {"Teams": "B", "Cost": 2}]
    run = write(destination, whole("Cost", rows), catalog, targets=[clears("Cost", configuration)])
    config_error(run)
    assert not [each for each in destination.pigment.requests if each.operation == "export_metric"]


MONTHS = ("Jan", "Feb", "Mar", "Apr")


@pytest.mark.parametrize("stale", [False, True], ids=["empty before", "an old cell stays"])
@pytest.mark.parametrize("pivoted", [False, True], ids=["a blank", "months as columns"])
def test_a_metric_is_counted_in_cells(destination: Runner, pivoted: bool, stale: bool) -> None:
    """Two rows are one cell where one of them is blank, and eight where four months are columns."""
    teams = add_list(destination, "Teams", ("Team",), [("A",), ("B",), ("C",)], is_dimension=True)
    dimensions, columns, settings = [teams], ["Teams", "Cost"], {}
    rows: list[dict[str, Any]] = [{"Teams": "A", "Cost": 1}, {"Teams": "B", "Cost": None}]
    if pivoted:
        dimensions.append(add_list(destination, "Months", ("Month",), [(each,) for each in MONTHS], is_dimension=True))
        columns, settings = ["Teams", *MONTHS], {"mapping": {"Teams": "Teams"}, "pivot": "Months"}
        rows = [{"Teams": team, **dict.fromkeys(MONTHS, 1)} for team in "AB"]
    metric = add_metric(destination, "Cost", dimensions, {("C", "Jan")[: len(dimensions)]: "9"} if stale else {})
    configuration = configure(destination, metric, "Cost", clear_before_import=False, **settings)
    catalog = a_catalog(configured(table("Cost", *columns), "overwrite"))
    run = write(destination, whole("Cost", rows), catalog, targets=[clears("Cost", configuration)])
    if stale:
        config_error(run)
        assert not run.states
    else:
        assert run.exit_code == 0
        assert with_state(run) == {"Cost"}


REFRESH = {"generation_id": 2, "minimum_generation_id": 2, "sync_id": 7}
PLAIN = {"generation_id": 2, "minimum_generation_id": 0, "sync_id": 8}


def refreshed(destination: Runner) -> tuple[ListBlock, Callable[[dict[str, int]], Any]]:
    """A list that a stream appends to, which a refresh replaces through the pair; and how it is written."""
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    adds = configure(destination, block, "Entries")
    replaces = configure(destination, block, "Entries (replace)", clear_before_import=True)
    targets = [goes_to("Entries", adds, replace_import_configuration_id=replaces)]

    def run(generations: dict[str, int]) -> Any:
        catalog = a_catalog(configured(ENTRIES, "append", "incremental", **generations))
        return write(destination, whole("Entries", SIX), catalog, targets=targets)

    return block, run


def test_a_refresh_in_doubt_says_that_it_must_be_refreshed_again(destination: Runner) -> None:
    """The request to refresh is gone: the next sync is a plain one and would add everything."""
    without_export_key(destination)
    block, run = refreshed(destination)
    message = config_error(run(REFRESH))
    assert "efresh" in message
    assert run({**REFRESH, "generation_id": 3, "minimum_generation_id": 3}).exit_code == 0
    assert len(contents(block)) == 6


@pytest.mark.long
def test_a_refresh_of_an_empty_list_that_can_be_counted_ends_well(destination: Runner) -> None:
    block, run = refreshed(destination)
    assert run(REFRESH).exit_code == 0
    assert len(contents(block)) == 6


@pytest.mark.long
def test_a_list_that_is_empty_at_times_is_settled_by_counting(destination: Runner) -> None:
    block, targets = replaced(destination, 3)
    targets[0]["minimum_rows"] = 0
    for rows in ([], SIX, [], SIX):
        run = write(destination, whole("Entries", rows), NIGHTLY, targets=targets)
        assert run.exit_code == 0
        assert not warnings(run)
        assert len(contents(block)) == len(rows)
    assert len(pushed(destination)) == 4


def test_nothing_follows_a_load_that_is_in_doubt(destination: Runner) -> None:
    without_export_key(destination)
    _, targets = replaced(destination)
    later = add_list(destination, "Later", ("Entry", "Amount"))
    targets.append(goes_to("Later", configure(destination, later, "Later"), load_order=2))
    catalog = a_catalog(
        configured(ENTRIES, "overwrite"), configured(table("Later", "Entry", "Amount"), "append", "incremental")
    )
    messages = [*whole("Entries", SIX), *whole("Later", entries_of(L1=1))]
    run = write(destination, messages, catalog, targets=targets, then_run=[follower(destination)])
    assert run.exit_code != 0
    assert not contents(later)
    assert not run.states
    assert not started(destination)


def test_what_a_counted_doubt_contains_is_its_rows_less_those_rejected(destination: Runner) -> None:
    months = add_list(destination, "Months", ("Month",), [("Jan",)], is_dimension=True)
    block = add_list(destination, "Entries", ("Entry", "Month"), dimensions={"Month": months})
    targets = [clears("Entries", configure(destination, block, "Entries", clear_before_import=True))]
    rows = [{"Entry": f"E{number}", "Month": "Jan" if number else "Nobody"} for number in range(4)]
    catalog = a_catalog(configured(table("Entries", "Entry", "Month"), "overwrite"))
    run = write(destination, whole("Entries", rows), catalog, targets=targets)
    assert run.exit_code == 0
    assert len(contents(block)) == 3


def test_a_pair_that_fills_two_blocks_stops_with_the_first_file_of_the_other(destination: Runner) -> None:
    one, other = (add_list(destination, name, ("Entry", "Amount")) for name in ("One", "Other"))
    replacing = configure(destination, one, "One", clear_before_import=True)
    target = goes_to("Items", configure(destination, other, "Other"), replace_import_configuration_id=replacing)
    catalog = a_catalog(configured(table("Items", "Entry", "Amount"), "overwrite"))
    run = write(destination, whole("Items", entries_of(E1=1, E2=2, E3=3)), catalog, targets=[target], max_file_rows=1)
    assert "fill different blocks" in config_error(run)
    assert not run.states
    assert len(pushed(destination)) == 2


def test_a_block_id_of_another_block_is_found_by_the_report(destination: Runner) -> None:
    block = add_list(destination, "Items", ("Entry", "Amount"), [("E1", "1")])
    small = add_list(destination, "Small", ("Entry",))
    configuration = configure(destination, block, "Items", clear_before_import=True)
    catalog = a_catalog(configured(table("Items", "Entry", "Amount"), "overwrite"))
    target = clears("Items", configuration, block_id=small.id, minimum_percent=50)
    run = write(destination, whole("Items", entries_of(E1=1)), catalog, targets=[target])
    assert '"Block ID"' in config_error(run)
    assert not run.states
