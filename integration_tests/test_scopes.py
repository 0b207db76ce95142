"""Reloading the part of a list that shares the values of one column, such as the current month."""

from __future__ import annotations

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
    goes_to,
    let_pigment,
    long,
    pushed,
    records,
    table,
    warnings,
    whole,
    with_state,
)
from writing import empty_state, state, status, write

COLUMNS = ("Entry", "Month", "Entity", "Amount")
BOOKINGS = table("Bookings", *COLUMNS)
MONTHLY = a_catalog(configured(BOOKINGS, "overwrite"))
BEFORE = [("J1", "Jan", "FR", "1"), ("J2", "Jan", "DE", "2"), ("F1", "Feb", "FR", "3")]
MONTHS, ENTITIES = ("Jan", "Feb", "Mar"), ("FR", "DE", "IE", "ES")


def booking(entry: str, month: str | None = "Jan", entity: str = "FR", amount: int = 1) -> dict[str, Any]:
    return {"Entry": entry, "Month": month, "Entity": entity, "Amount": amount}


def as_row(each: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(each[name]) for name in COLUMNS)


def bookings(destination: Runner) -> ListBlock:
    """A ledger with the dimensions Month and Entity."""
    dimensions = {
        name: add_list(destination, f"{name} list", (name,), [(each,) for each in items], is_dimension=True)
        for name, items in (("Month", MONTHS), ("Entity", ENTITIES))
    }
    return add_list(destination, "Bookings", COLUMNS, BEFORE, dimensions=dimensions)


def by_month(destination: Runner, block: ListBlock, **more: Any) -> str:
    """An import configuration that clears the months of its file."""
    settings = {"clear_before_import": True, "scope": ("Month",), **more}
    return configure(destination, block, "Bookings by month", **settings)


def paired(destination: Runner, block: ListBlock, replacing: str) -> list[dict[str, Any]]:
    adding = configure(destination, block, "Bookings")
    return [goes_to("Bookings", adding, replace_import_configuration_id=replacing, scope="Month")]


JANUARY = [booking("J1", amount=10), booking("J2", entity="DE", amount=20), booking("J3", amount=30)]


@pytest.mark.parametrize("mode", ["overwrite", long("append")])
@pytest.mark.parametrize("variants", [{}, long({"clear_counted": False})], ids=str)
def test_the_month_in_the_file_is_replaced_and_the_others_stay(
    destination: Runner, mode: str, variants: dict[str, Any]
) -> None:
    let_pigment(destination, **variants)
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    catalog = a_catalog(configured(BOOKINGS, mode))
    run = write(destination, whole("Bookings", JANUARY), catalog, targets=targets)
    assert run.exit_code == 0
    assert not warnings(run)
    assert with_state(run) == {"Bookings"}
    assert contents(block) == sorted([*map(as_row, JANUARY), BEFORE[2]])


def test_the_first_load_of_a_month_is_no_doubt(destination: Runner) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    march = [booking("M1", "Mar"), booking("M2", "Mar")]
    run = write(destination, whole("Bookings", march), MONTHLY, targets=targets)
    assert run.exit_code == 0
    assert not warnings(run)
    assert contents(block) == sorted([*BEFORE, *map(as_row, march)])
    assert not [each for each in destination.pigment.requests if each.operation == "export_list"]


@pytest.mark.parametrize(
    "stream", [configured(BOOKINGS, "append", "incremental"), long(deduplicated(BOOKINGS, cursor=None))]
)
def test_an_incremental_stream_with_a_scope_stops_before_anything_is_pushed(
    destination: Runner, stream: dict[str, Any]
) -> None:
    """It sends what changed, and the rest of the month would be deleted."""
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    run = write(destination, whole("Bookings", JANUARY[:1]), a_catalog(stream), targets=targets)
    assert '"Scope"' in config_error(run)
    assert contents(block) == sorted(BEFORE)
    assert not pushed(destination)
    assert not run.states


YEAR = [
    booking(f"{month}-{entity}-{number}", month, entity, number)
    for number in range(5)
    for month in MONTHS
    for entity in ENTITIES
]


@pytest.mark.parametrize(
    "clearing",
    [
        {},
        long({"scope": ("Month", "Entity")}),
        long({"fixed_scope": ("Jan", "Feb", "Mar")}),
        long({"scope": ()}),
    ],
    ids=["by month", "by month and entity", "fixed months", "the whole list"],
)
@pytest.mark.parametrize("crossed", [False, long(True)], ids=["pairs", "crossings"])
def test_several_files_of_a_scope_lose_no_row(destination: Runner, clearing: dict[str, Any], crossed: bool) -> None:
    """Whatever the configuration clears by, only the first file goes through it."""
    let_pigment(destination, crossed_scope=crossed)
    block = bookings(destination)
    replacing = by_month(destination, block, **clearing)
    targets = paired(destination, block, replacing)
    run = write(destination, whole("Bookings", YEAR), MONTHLY, targets=targets, max_file_rows=13)
    assert run.exit_code == 0
    assert len(pushed(destination)) > 4
    assert len(pushed(destination, replacing)) == 1
    assert sorted(set(map(as_row, YEAR)) - set(contents(block))) == []
    assert len([row for row in contents(block) if row not in BEFORE]) == len(YEAR)


def test_a_month_that_is_replaced_in_several_files_is_not_reported_as_missing_rows(destination: Runner) -> None:
    """The first file deletes all of the month and writes a part of it."""
    block = bookings(destination)
    targets = paired(destination, block, by_month(destination, block))
    rows = [booking(f"n{number}") for number in range(3)]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets, max_file_rows=1)
    assert len(pushed(destination)) == 3
    assert not warnings(run)


def test_the_first_of_several_files_holds_a_row_of_every_value(destination: Runner) -> None:
    """Or the rows of a month that comes late would be added to the old ones."""
    block = bookings(destination)
    replacing = by_month(destination, block)
    targets = paired(destination, block, replacing)
    rows = [*(booking(f"n{number}") for number in range(6)), booking("late", "Feb"), booking("later", "Mar")]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets, max_file_rows=3)
    assert run.exit_code == 0
    assert contents(block) == sorted(map(as_row, rows))


def test_dates_that_are_cleared_by_month_lose_no_row_over_several_files(destination: Runner) -> None:
    """Pigment's scope is coarser than the column: every date of a file clears its month."""
    old = [("old 1", "2026-01-03"), ("old 2", "2026-02-03")]
    block = add_list(destination, "Days", ("Entry", "Posted"), old)
    clearing = configure(
        destination, block, "Days by month", clear_before_import=True, scope=("Posted",), coarse_scope=True
    )
    adding = configure(destination, block, "Days")
    targets = [goes_to("Days", adding, replace_import_configuration_id=clearing, scope="Posted")]
    catalog = a_catalog(configured(table("Days", "Entry", "Posted"), "overwrite"))
    rows = [{"Entry": f"{day}/{copy}", "Posted": f"2026-01-{day:02d}"} for copy in range(8) for day in (3, 9, 15)]
    run = write(destination, whole("Days", rows), catalog, targets=targets, max_file_rows=4)
    assert run.exit_code == 0
    assert contents(block) == sorted([*((each["Entry"], each["Posted"]) for each in rows), old[1]])
    assert len(pushed(destination, clearing)) == 1


@pytest.mark.parametrize("paired_up", [False, True], ids=["without a pair", "more values than fit"])
def test_what_cannot_be_cut_safely_stops_before_anything_is_pushed(destination: Runner, paired_up: bool) -> None:
    block = bookings(destination)
    replacing = by_month(destination, block)
    targets = paired(destination, block, replacing) if paired_up else [goes_to("Bookings", replacing, scope="Month")]
    rows = [booking(f"{month}{number}", month) for month in MONTHS for number in range(3)]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets, max_file_rows=2)
    config_error(run)
    assert not pushed(destination)
    assert contents(block) == sorted(BEFORE)
    assert not run.states


def test_half_a_month_is_warned_about_with_both_numbers(destination: Runner) -> None:
    """A source of the last 30 days sends 16 of the 31 rows that January has."""
    block = bookings(destination)
    block.items.clear()
    for number in range(31):
        block.add(f"J{number}", "Jan", "FR", "1")
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    rows = [booking(f"J{number}") for number in range(16)]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets)
    assert run.exit_code == 0
    (warning,) = warnings(run)
    assert "31" in warning
    assert "16" in warning


@pytest.mark.parametrize("crossed", [long(False), True], ids=["pairs", "crossings"])
def test_two_columns_in_the_scope_of_pigment_lose_no_row_of_the_file(destination: Runner, crossed: bool) -> None:
    """Whether (Jan, DE) is gone beside (Jan, FR) and (Feb, DE) is Pigment's matter; it is never silent."""
    let_pigment(destination, crossed_scope=crossed)
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block, scope=("Month", "Entity")), scope="Month")]
    rows = [booking("new 1", "Jan", "FR"), booking("new 2", "Feb", "DE")]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets)
    assert run.exit_code == 0
    assert set(map(as_row, rows)) <= set(contents(block))
    deleted = len(BEFORE) - len([row for row in contents(block) if row in BEFORE])
    assert deleted == (3 if crossed else 1)
    assert bool(warnings(run)) is (deleted > len(rows))


@pytest.mark.parametrize(
    ("value", "place"), [(None, 4), ("missing", 0), long("", 0), long("", 4), long(None, 0), long("missing", 4)]
)
def test_a_row_without_a_value_of_the_scope_stops_before_anything_is_pushed(
    destination: Runner, value: str | None, place: int
) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    rows = [booking(f"J{number}") for number in range(5)]
    rows[place]["Month"] = value
    if value == "missing":
        del rows[place]["Month"]
    run = write(destination, whole("Bookings", rows), MONTHLY, targets=targets)
    assert "Month" in config_error(run)
    assert not pushed(destination)
    assert not run.states
    dry = write(destination, whole("Bookings", rows), MONTHLY, targets=targets, dry_run=True)
    assert "Month" in config_error(dry)


def test_a_scope_that_is_no_column_of_the_stream_stops_before_anything_is_pushed(destination: Runner) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="month")]
    run = write(destination, whole("Bookings", JANUARY), MONTHLY, targets=targets)
    assert '"month"' in config_error(run)
    assert not pushed(destination)


@pytest.mark.parametrize("nothing", [[state(1, "Bookings")], [empty_state(1, "Bookings")]], ids=["empty", "Clear"])
def test_a_scope_without_a_record_changes_nothing_and_ends_well(destination: Runner, nothing: list[Any]) -> None:
    """On the first day of a month nothing is booked; and a file that names no month clears none."""
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    run = write(destination, [*nothing, status("COMPLETE", "Bookings")], MONTHLY, targets=targets)
    assert run.exit_code == 0
    assert not pushed(destination)
    assert contents(block) == sorted(BEFORE)
    assert with_state(run) == {"Bookings"}
    is_clear = nothing[0]["state"]["stream"]["stream_state"] is None
    assert bool(warnings(run)) is is_clear


def test_a_scope_waits_for_the_proof_of_the_source(destination: Runner) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    lines = [*records("Bookings", JANUARY), state(1, "Bookings"), status("INCOMPLETE", "Bookings")]
    run = write(destination, lines, MONTHLY, targets=targets)
    assert run.exit_code != 0
    assert contents(block) == sorted(BEFORE)
    assert not run.states


@pytest.mark.long
def test_a_lost_answer_of_a_scope_is_repeated_without_harm(destination: Runner) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    run = write(destination, whole("Bookings", JANUARY), MONTHLY, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == sorted([*map(as_row, JANUARY), BEFORE[2]])


@pytest.mark.long
def test_a_scope_never_goes_below_its_fewest_rows(destination: Runner) -> None:
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month", minimum_rows=4)]
    run = write(destination, whole("Bookings", JANUARY), MONTHLY, targets=targets)
    assert "4" in config_error(run)
    assert not pushed(destination)


SIDE = table("Adjustments", *COLUMNS)


@pytest.mark.parametrize(
    ("scope", "other"), [("Month", JANUARY[1:]), long("Entity", [booking("A1", "Mar", "FR")]), (None, JANUARY[1:])]
)
def test_two_streams_that_may_delete_each_others_rows_are_never_both_stored(
    destination: Runner, scope: str | None, other: list[dict[str, Any]]
) -> None:
    """Nothing in a report shows which rows a scope has deleted."""
    block = bookings(destination)
    first, adding = by_month(destination, block), configure(destination, block, "Adjustments")
    second = configure(destination, block, "Bookings too", clear_before_import=True, scope=(scope or "Month",))
    beside = goes_to("Adjustments", second, scope=scope) if scope else goes_to("Adjustments", adding)
    mode = ("overwrite", "full_refresh") if scope else ("append", "incremental")
    catalog = a_catalog(configured(BOOKINGS, "overwrite"), configured(SIDE, *mode))
    sent = [*records("Bookings", JANUARY), *whole("Adjustments", other, 2), *whole("Bookings", [])]
    run = write(destination, sent, catalog, targets=[goes_to("Bookings", first, scope="Month"), beside])
    assert 'the stream "Bookings"' in config_error(run)
    assert 'stream "Adjustments"' in config_error(run)
    assert "Bookings" not in with_state(run)


def test_two_streams_with_different_values_of_one_scope_share_a_block(destination: Runner) -> None:
    block = bookings(destination)
    first = by_month(destination, block)
    second = configure(destination, block, "Bookings too", clear_before_import=True, scope=("Month",))
    catalog = a_catalog(configured(BOOKINGS, "overwrite"), configured(SIDE, "overwrite"))
    march = [booking("M1", "Mar")]
    targets = [goes_to("Bookings", first, scope="Month"), goes_to("Adjustments", second, scope="Month")]
    sent = [*whole("Bookings", JANUARY), *whole("Adjustments", march, 2)]
    run = write(destination, sent, catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == sorted([*map(as_row, [*JANUARY, *march]), BEFORE[2]])


@pytest.mark.parametrize(
    "last", [booking("F1", "Feb") | {"_ab_cdc_deleted_at": "2026-02-01T00:00:00Z"}, booking("F1", "Mar")], ids=str
)
def test_a_month_of_which_no_record_is_left_stops_before_anything_is_pushed(
    destination: Runner, last: dict[str, Any]
) -> None:
    """A row was deleted or has moved, and a scope clears no value that is not in the file."""
    block = bookings(destination)
    targets = [goes_to("Bookings", by_month(destination, block), scope="Month")]
    stream = configured(table("Bookings", *COLUMNS, "_ab_cdc_deleted_at"), "overwrite_dedup", primary_key=[["Entry"]])
    sent = whole("Bookings", [*JANUARY, booking("F1", "Feb"), last])
    run = write(destination, sent, a_catalog(stream), targets=targets)
    assert '1 value of the column "Month"' in config_error(run)
    assert not pushed(destination)
    assert contents(block) == sorted(BEFORE)
