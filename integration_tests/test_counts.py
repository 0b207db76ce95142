"""What an import report says of cells, blanks, rights and formats, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.process import Run
from connectors import Runner
from local_bucket.server import LocalBucket
from local_pigment.blocks import ListBlock
from local_pigment.faults import Misreport
from local_pigment.imports import UnknownItem
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
    failure,
    follower,
    goes_to,
    let_owner,
    let_pigment,
    long,
    numbers,
    started,
    table,
    warnings,
    whole,
    with_state,
)
from writing import logged, write, write_to_bucket

MONTHS = [f"{name} 26" for name in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")]


def added(name: str, *columns: str) -> dict[str, Any]:
    return a_catalog(configured(table(name, *columns), "append", "incremental"))


def replaced(name: str, *columns: str) -> dict[str, Any]:
    return a_catalog(configured(table(name, *columns), "overwrite"))


def a_list(destination: Runner, name: str, *items: str) -> ListBlock:
    return add_list(destination, name, (name.removesuffix("s"),), [(each,) for each in items], is_dimension=True)


@pytest.mark.parametrize("clearing", [False, True], ids=["append", "replace"])
def test_months_as_columns_write_more_cells_than_rows(destination: Runner, clearing: bool) -> None:
    teams, months = a_list(destination, "Teams", "A", "B", "C"), a_list(destination, "Months", *MONTHS)
    metric = add_metric(destination, "Cost", [teams, months], {("A", "Jan 26"): "7"})
    configuration = configure(
        destination, metric, "Cost", mapping={"Teams": "Teams"}, pivot="Months", clear_before_import=clearing
    )
    rows = [{"Teams": team, **dict.fromkeys(MONTHS, number)} for number, team in enumerate("ABC", start=1)]
    targets = [(clears if clearing else goes_to)("Cost", configuration)]
    catalog = (replaced if clearing else added)("Cost", "Teams", *MONTHS)
    run = write(destination, whole("Cost", rows), catalog, targets=targets)
    assert run.exit_code == 0
    assert len(contents(metric)) == 36
    assert numbers(run) == [(3.0, 0.0)]
    assert not warnings(run)


def test_cells_that_a_pivoted_file_loses_are_rejected_rows(destination: Runner) -> None:
    """31 of 36 cells are written and 5 skipped: rows less cells would say that nothing was rejected."""
    teams, months = a_list(destination, "Teams", "A", "B", "C"), a_list(destination, "Months", *MONTHS)
    metric = add_metric(destination, "Cost", [teams, months])
    configuration = configure(destination, metric, "Cost", mapping={"Teams": "Teams"}, pivot="Months")
    rows = [{"Teams": team, **dict.fromkeys(MONTHS, number)} for number, team in enumerate("ABC", start=1)]
    for month in MONTHS[:5]:
        rows[0][month] = "n/a"
    run = write(
        destination,
        whole("Cost", rows),
        added("Cost", "Teams", *MONTHS),
        targets=[goes_to("Cost", configuration)],
        then_run=[follower(destination)],
    )
    assert len(contents(metric)) == 31
    ((stored, rejected),) = numbers(run)
    assert rejected >= 1
    assert stored + rejected == 3
    assert not started(destination)


def a_metric(destination: Runner, *cells: tuple[str, str]) -> tuple[Any, str]:
    teams = a_list(destination, "Teams", "A", "B", "C")
    metric = add_metric(destination, "Cost", [teams], {(team,): value for team, value in cells})
    return metric, configure(destination, metric, "Cost")


@pytest.mark.parametrize("counted", [True, long(False)], ids=["counted", "not counted"])
@pytest.mark.parametrize(
    ("values", "remain"),
    [
        ([("A", 11), ("B", None), ("C", 5)], [("A", "11"), ("C", "5")]),
        ([("A", None), ("B", None), ("C", None)], []),
    ],
    ids=["one blank", "only blanks"],
)
def test_a_blank_deletes_a_cell_of_a_metric_and_clears_nothing(
    destination: Runner, counted: bool, values: list[tuple[str, int | None]], remain: list[tuple[str, str]]
) -> None:
    let_pigment(destination, blank_deletion_counted=counted)
    metric, configuration = a_metric(destination, ("A", "10"), ("B", "20"), ("C", "30"))
    rows = [{"Teams": team, "Cost": value} for team, value in values]
    catalog = a_catalog(
        configured(table("Cost", "Teams", "Cost"), "append_dedup", "incremental", primary_key=[["Teams"]])
    )
    run = write(destination, whole("Cost", rows), catalog, targets=[goes_to("Cost", configuration)])
    assert run.exit_code == 0
    assert contents(metric) == remain
    assert with_state(run) == {"Cost"}


def test_a_metric_that_loses_more_than_its_blanks_is_cleared(destination: Runner) -> None:
    metric, _ = a_metric(destination, ("A", "10"), ("B", "20"))
    clearing = configure(destination, metric, "Clears", clear_before_import=True)
    rows = [{"Teams": "C", "Cost": 5}, {"Teams": "C", "Cost": None}]
    run = write(destination, whole("Cost", rows), added("Cost", "Teams", "Cost"), targets=[goes_to("Cost", clearing)])
    assert "Clear items prior to import" in config_error(run)
    assert not run.states


@pytest.mark.parametrize("counted", [False, True], ids=["stored ones not skipped", "stored ones skipped too"])
@pytest.mark.parametrize("rejected_rows", [long("report"), "fail"])
def test_a_row_that_is_stored_with_a_blank_is_not_rejected(
    destination: Runner, counted: bool, rejected_rows: str
) -> None:
    let_pigment(destination, blanked_counted=counted)
    teams = a_list(destination, "Teams", "A")
    block = add_list(destination, "Entries", ("Entry", "Team"), dimensions={"Team": teams})
    targets = [goes_to("Entries", configure(destination, block, "Entries", unknown_item=UnknownItem.USE_BLANK))]
    rows = [{"Entry": "E1", "Team": "A"}, {"Entry": "E2", "Team": "Unknown"}, {"Entry": "E3", "Team": "A"}]
    run = write(
        destination,
        whole("Entries", rows),
        added("Entries", "Entry", "Team"),
        targets=targets,
        rejected_rows=rejected_rows,
        then_run=[follower(destination)],
    )
    assert run.exit_code == 0
    assert contents(block) == [("E1", "A"), ("E2", ""), ("E3", "A")]
    assert numbers(run) == [(3.0, 0.0)]
    (warning,) = warnings(run)
    assert '"Team"' in warning
    assert started(destination)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"insertedCount": 6, "skippedCount": 25}, (6.0, 4.0)),
        ({"insertedCount": 10, "skippedCount": 0}, (10.0, 0.0)),
        ({"insertedCount": 4, "updatedCount": 4, "skippedCount": 2}, (8.0, 2.0)),
    ],
    ids=["cells skipped", "all stored", "two skipped"],
)
@pytest.mark.long
def test_rejected_are_at_most_the_rows_that_were_not_written(
    destination: Runner, counts: dict[str, int], expected: tuple[float, float]
) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    destination.pigment.faults.queue("push_csv", Misreport({"updatedCount": 0, "deletedCount": 0, **counts}))
    rows = entries_of(**{f"E{number}": number for number in range(10)})
    run = write(
        destination,
        whole("Entries", rows),
        added("Entries", "Entry", "Amount"),
        targets=[goes_to("Entries", configure(destination, block, "Entries"))],
    )
    assert run.exit_code == 0
    assert numbers(run) == [expected]


@pytest.mark.parametrize("rejected_rows", ["report", long("fail")])
@pytest.mark.parametrize("limited", [False, long(True)], ids=["all", "own rows"])
@pytest.mark.parametrize("clearing", [False, True], ids=["append", "replace"])
def test_rows_that_the_owner_may_not_write_are_the_set_ups_fault(
    destination: Runner, clearing: bool, limited: bool, rejected_rows: str
) -> None:
    let_pigment(destination, rights_limit_clearing=limited)
    countries = add_list(destination, "Countries", ("Country",), [("IE",), ("FR",), ("DE",)], is_dimension=True)
    block = add_list(destination, "Entries", ("Entry", "Country"), [("old", "IE")], dimensions={"Country": countries})
    let_owner(destination, writable={"Countries": {"IE"}})
    configuration = configure(destination, block, "Entries", clear_before_import=clearing)
    rows = [{"Entry": f"E{number}", "Country": name} for number, name in enumerate(("IE", "FR", "DE"))]
    run = write(
        destination,
        whole("Entries", rows),
        (replaced if clearing else added)("Entries", "Entry", "Country"),
        targets=[(clears if clearing else goes_to)("Entries", configuration)],
        rejected_rows=rejected_rows,
        then_run=[follower(destination)],
    )
    message = config_error(run)
    assert "Define Application Security" in message
    assert "2 rows" in message
    assert not run.states
    assert not started(destination)
    assert ("1 row" in message) or clearing


def unknown_team(destination: Runner) -> tuple[ListBlock, list[dict[str, Any]], list[dict[str, Any]]]:
    """Ten rows of which Pigment rejects one, with the number of the row."""
    let_pigment(destination, immediate_results=True)
    teams = a_list(destination, "Teams", "A")
    block = add_list(destination, "Entries", ("Entry", "Team"), dimensions={"Team": teams})
    rows = [{"Entry": f"E{number}", "Team": "Unknown" if number == 4 else "A"} for number in range(10)]
    return block, [goes_to("Entries", configure(destination, block, "Entries"))], rows


NOTHING_WRITTEN = {"insertedCount": 0, "updatedCount": 0, "deletedCount": 0, "skippedCount": 0}


@pytest.mark.parametrize(
    "counts", [NOTHING_WRITTEN, long({"skippedCount": 0})], ids=["wrote nothing", "skipped nothing"]
)
def test_a_second_push_that_wrote_nothing_settles_nothing(
    destination: Runner, bucket: LocalBucket, counts: dict[str, int]
) -> None:
    """Its result names no rejected row, and its report no row that was written."""
    result: dict[str, Any] = {"errors": [], "recordsAccepted": 0, "recordsRejected": 0}
    block, targets, rows = unknown_team(destination)
    destination.pigment.faults.queue("push_csv", Misreport({**counts, **result}), after=1)
    run = write_to_bucket(
        destination,
        bucket,
        whole("Entries", rows),
        added("Entries", "Entry", "Team"),
        targets=targets,
        then_run=[follower(destination)],
    )
    assert len(contents(block)) == 9
    assert numbers(run) == [(9.0, 1.0)]
    assert not started(destination)
    assert [each["Entry"] for each in bucket.rows()] == ["E4"]


def write_dates(destination: Runner, date_format: str) -> tuple[ListBlock, Run]:
    """Write two days as dd/MM/yyyy through an import configuration that reads dates in this form."""
    block = add_list(destination, "Entries", ("Entry", "Posted"))
    targets = [goes_to("Entries", configure(destination, block, "Entries", date_format=date_format))]
    rows = [{"Entry": "E1", "Posted": "2024-12-01"}, {"Entry": "E2", "Posted": "2024-12-13"}]
    catalog = added("Entries", "Entry", "Posted")
    dates = {"dates": "dd/MM/yyyy"}
    return block, write(destination, whole("Entries", rows), catalog, targets=targets, csv=dates)


def test_a_date_that_pigment_reads_in_another_form_is_the_set_ups_fault(destination: Runner) -> None:
    """2024-12-01 went in as 12 January, and only days above 12 betray it."""
    _, run = write_dates(destination, "MM/dd/yyyy")
    message = config_error(run)
    assert '"Posted"' in message
    assert "is sent as 01/12/2024" in message
    assert "13/12/2024" not in run.everything
    assert not run.states


def test_the_log_shows_how_a_date_is_written(destination: Runner) -> None:
    block, run = write_dates(destination, "dd/MM/yyyy")
    assert run.exit_code == 0
    assert contents(block) == [("E1", "2024-12-01"), ("E2", "2024-12-13")]
    assert len(logged(run, " is sent as ")) == 1


@pytest.mark.parametrize("decimal", [long("dot"), "comma"])
def test_one_value_that_is_no_number_is_a_rejected_row(destination: Runner, decimal: str) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    separator = "," if decimal == "comma" else "."
    configuration = configure(destination, block, "Entries", decimal_separator=separator, delimiter=";")
    run = write(
        destination,
        whole("Entries", entries_of(E1=1.5, E2="n/a", E3=2)),
        added("Entries", "Entry", "Amount"),
        targets=[goes_to("Entries", configuration)],
        csv={"decimal_separator": decimal, "delimiter": "semicolon"},
    )
    assert run.exit_code == 0
    assert numbers(run) == [(2.0, 1.0)]


@pytest.mark.parametrize(("ours", "theirs"), [("comma", "."), long("dot", ",")])
def test_numbers_that_pigment_reads_in_another_form_are_the_set_ups_fault(
    destination: Runner, ours: str, theirs: str
) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    configuration = configure(destination, block, "Entries", decimal_separator=theirs, delimiter=";")
    run = write(
        destination,
        whole("Entries", entries_of(E1=1.5, E2=2)),
        added("Entries", "Entry", "Amount"),
        targets=[goes_to("Entries", configuration)],
        csv={"decimal_separator": ours, "delimiter": "semicolon"},
    )
    assert '"Amount"' in config_error(run)
    assert not run.states


def test_an_error_after_a_plain_append_says_how_many_rows_are_stored_and_come_again(destination: Runner) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount"))
    destination.pigment.faults.queue("push_csv", Misreport({**NOTHING_WRITTEN, "insertedCount": 99}))
    run = write(
        destination,
        whole("Entries", entries_of(E1=1, E2=2)),
        added("Entries", "Entry", "Amount"),
        targets=[goes_to("Entries", configure(destination, block, "Entries"))],
    )
    kind, message = failure(run)
    assert kind == "config_error"
    assert "2 rows" in message
    assert not run.states


@pytest.mark.parametrize("protected_items", ["skip", "fail"])
@pytest.mark.long
def test_new_items_of_a_protected_list_are_never_silently_missing(destination: Runner, protected_items: str) -> None:
    let_pigment(destination, protected_items=protected_items)
    teams = a_list(destination, "Teams", "A")
    teams.protected = True
    block = add_list(destination, "Entries", ("Entry", "Team"), dimensions={"Team": teams})
    rows = [{"Entry": "E1", "Team": "A"}, {"Entry": "E2", "Team": "New"}]
    configuration = configure(destination, block, "Entries", unknown_item=UnknownItem.CREATE)
    run = write(
        destination,
        whole("Entries", rows),
        added("Entries", "Entry", "Team"),
        targets=[goes_to("Entries", configuration)],
    )
    if protected_items == "skip":
        assert numbers(run) == [(1.0, 1.0)]
    else:
        assert run.exit_code != 0
        assert not run.states
        assert not contents(block)
