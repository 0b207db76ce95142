"""What stops a load of a ledger by month before it is pushed: too few rows of a month, and months that are closed."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.process import Run
from connectors import Runner
from local_pigment.blocks import ListBlock
from small_blocks import (
    a_catalog,
    add_list,
    config_error,
    configure,
    configured,
    contents,
    goes_to,
    pushed,
    records,
    table,
    warnings,
    whole,
    with_state,
)
from writing import logged, state, write

COLUMNS = ("Entry", "Month", "Amount")
LEDGER = table("Ledger", *COLUMNS)
BEFORE = [(f"{month}-{number}", month, str(number)) for month in ("Jan 26", "Feb 26") for number in range(10)]


def ledger(destination: Runner, rows: list[tuple[str, str, str]] = BEFORE) -> ListBlock:
    return add_list(destination, "Ledger", COLUMNS, rows)


def booked(**months: int) -> list[dict[str, Any]]:
    """This many rows of each month."""
    return [
        {"Entry": f"{month}-{number}", "Month": month.replace("_", " "), "Amount": number}
        for month, count in months.items()
        for number in range(count)
    ]


def reload(
    destination: Runner, block: ListBlock, rows: list[dict[str, Any]], count_blocks: str | None = None, **target: Any
) -> Run:
    """A reload by month."""
    by_month = configure(destination, block, "Ledger by month", clear_before_import=True, scope=("Month",))
    targets = [goes_to("Ledger", by_month, scope="Month", **{"block_id": block.id, **target})]
    catalog = a_catalog(configured(LEDGER, "overwrite"))
    return write(destination, whole("Ledger", rows), catalog, targets=targets, count_blocks=count_blocks)


def test_a_month_with_too_few_rows_stops_the_load(destination: Runner) -> None:
    block = ledger(destination)
    run = reload(destination, block, booked(Jan_26=10, Feb_26=4), minimum_percent=90)
    message = config_error(run)
    assert '"Feb 26" (4 rows, and 10 in Pigment)' in message
    assert "Jan 26" not in message
    assert not pushed(destination)
    assert not run.states
    assert contents(block) == sorted(BEFORE)


def test_fewer_rows_than_before_are_no_warning_if_the_share_allows_them(destination: Runner) -> None:
    run = reload(destination, ledger(destination), booked(Jan_26=9, Feb_26=10), minimum_percent=90)
    assert with_state(run) == {"Ledger"}
    assert logged(run, "deleted 20 rows of the scope of the")
    assert not warnings(run)


def test_a_load_with_enough_rows_of_each_month_goes(destination: Runner) -> None:
    """A month that is new has nothing to be compared with."""
    block = ledger(destination)
    run = reload(destination, block, booked(Jan_26=9, Feb_26=11, Mar_26=1), minimum_percent=90)
    assert with_state(run) == {"Ledger"}
    assert len(contents(block)) == 21
    assert logged(run, 'not in its block yet, so there is nothing to compare: "Mar 26"')
    assert not warnings(run)


@pytest.mark.parametrize("rows", [[], BEFORE], ids=["into an empty block", "of a month that has just begun"])
def test_a_first_load_goes(destination: Runner, rows: list[tuple[str, str, str]]) -> None:
    run = reload(destination, ledger(destination, rows), booked(Mar_26=3), minimum_percent=90)
    assert with_state(run) == {"Ledger"}


def test_months_that_are_written_in_another_way_stop_a_guarded_load(destination: Runner) -> None:
    """Or the guard would pass whatever comes."""
    block = ledger(destination)
    rows = [{**each, "Month": "2026-02"} for each in booked(Feb_26=1)]
    message = config_error(reload(destination, block, rows, minimum_percent=90))
    assert "none of its values is in the block" in message
    assert '(such as "2026-02" in the file, and "Jan 26" in the block)' in message
    assert not pushed(destination)


def test_without_a_guard_months_that_are_written_in_another_way_are_logged(destination: Runner) -> None:
    rows = [{**each, "Month": "2026-02"} for each in booked(Feb_26=1)]
    run = reload(destination, ledger(destination), rows, "always")
    assert run.exit_code == 0
    assert not warnings(run)
    assert logged(run, 'The column "Month" of the stream "Ledger" was not compared with its block')


def test_months_that_the_source_no_longer_sends_are_named(destination: Runner) -> None:
    """Their rows stay in a scoped import."""
    block = ledger(destination)
    run = reload(destination, block, booked(Feb_26=10), "always")
    (warning,) = warnings(run)
    assert '"Jan 26" (10 rows)' in warning
    assert len(contents(block)) == 20


def test_a_closed_month_that_the_source_leaves_out_is_no_warning(destination: Runner) -> None:
    """Or each night would warn of each month that was ever closed."""
    closed = [{"column": "Month", "values": ["jan 26"]}]
    run = reload(destination, ledger(destination), booked(Feb_26=10), "always", protected_values=closed)
    assert run.exit_code == 0
    assert not warnings(run)


def test_without_a_share_the_block_is_not_read(destination: Runner) -> None:
    """A sync that asks for no guard is no slower for its Block ID."""
    run = reload(destination, ledger(destination), booked(Feb_26=10))
    assert run.exit_code == 0
    assert not [each for each in destination.pigment.requests if each.operation.startswith("export")]


PROTECTED = [{"column": "Month", "values": ["Dec 25", "Jan 26"]}]


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_reload_with_a_row_of_a_closed_month_pushes_nothing(destination: Runner, mode: str) -> None:
    block = ledger(destination)
    adds = configure(destination, block, "Ledger")
    by_month = configure(destination, block, "Ledger by month", clear_before_import=True, scope=("Month",))
    target = goes_to("Ledger", by_month, scope="Month") if mode == "overwrite" else goes_to("Ledger", adds)
    run = write(
        destination,
        whole("Ledger", booked(Feb_26=4, Jan_26=2)),
        a_catalog(configured(LEDGER, mode)),
        targets=[{**target, "protected_values": PROTECTED}],
        max_file_rows=4 if mode == "append" else 1000,
    )
    assert '2 rows with "Jan 26" in the column "Month"' in config_error(run)
    assert not pushed(destination)
    assert not run.states


def test_of_changes_only_the_file_with_a_row_of_a_closed_month_stays_here(destination: Runner) -> None:
    block = ledger(destination, [])
    target = goes_to("Ledger", configure(destination, block, "Ledger"), protected_values=PROTECTED)
    sent = [*records("Ledger", booked(Feb_26=2)), state(1, "Ledger"), *records("Ledger", booked(Jan_26=2))]
    run = write(
        destination,
        [*sent, state(2, "Ledger")],
        a_catalog(configured(LEDGER, "append", "incremental")),
        targets=[target],
        max_file_rows=2,
    )
    assert '2 rows with "Jan 26" in the column "Month"' in config_error(run)
    assert [row[1] for row in contents(block)] == ["Feb 26", "Feb 26"]
    assert [each["stream"]["stream_state"]["place"] for each in run.states] == [1]


def test_a_closed_month_is_compared_as_it_is_written_in_the_file(destination: Runner) -> None:
    block = add_list(destination, "Ledger", ("Entry", "Posted"))
    stream = table("Ledger", "Entry", "Posted")
    target = goes_to(
        "Ledger",
        configure(destination, block, "Ledger"),
        csv={"dates": "MM/yyyy"},
        protected_values=[{"column": "Posted", "values": ["01/2026"]}],
    )
    rows = [{"Entry": "E1", "Posted": "2026-01-31"}]
    run = write(destination, whole("Ledger", rows), a_catalog(configured(stream, "append")), targets=[target])
    assert '1 row with "01/2026" in the column "Posted"' in config_error(run)
    assert not pushed(destination)


def test_a_protected_column_that_the_stream_does_not_have_stops_the_load(destination: Runner) -> None:
    block = ledger(destination, [])
    target = goes_to("Ledger", configure(destination, block, "Ledger"), protected_values=PROTECTED)
    stream = table("Ledger", "Entry", "Amount")
    run = write(
        destination,
        whole("Ledger", [{"Entry": "E1", "Amount": 1}]),
        a_catalog(configured(stream, "append", "incremental")),
        targets=[target],
    )
    assert 'has no column "Month", which is one of the "Protected values"' in config_error(run)
    assert not pushed(destination)


@pytest.mark.parametrize(
    ("column", "protected", "value", "csv"),
    [
        ("Month", "Jan 26", "JAN  26 ", {}),
        ("Month", "F\u00e9vr 26", "Fe\u0301vr 26", {}),
        ("Amount", "2026", 2026.0, {}),
        ("Amount", "1,5", 1.5, {"delimiter": "semicolon", "decimal_separator": "comma"}),
        ("Posted", "2026-01-31", "2026-01-31", {"dates": "dd/MM/yyyy"}),
        ("Posted", "2026-01-31", "2026-01-31T00:00:00Z", {}),
    ],
    ids=ascii,
)
def test_a_protected_value_is_found_in_every_form_that_a_file_may_have(
    destination: Runner, column: str, protected: str, value: object, csv: dict[str, str]
) -> None:
    """Pigment may take them for the same, and then the closed month would be overwritten."""
    block = add_list(destination, "Ledger", ("Entry", column))
    target = goes_to(
        "Ledger",
        configure(destination, block, "Ledger"),
        protected_values=[{"column": column, "values": [protected]}],
        csv=csv,
    )
    run = write(
        destination,
        whole("Ledger", [{"Entry": "E1", column: value}]),
        a_catalog(configured(table("Ledger", "Entry", column), "append")),
        targets=[target],
    )
    assert f'1 row with "{protected}" in the column "{column}"' in config_error(run)
    assert not pushed(destination)


def test_a_guard_that_looked_at_another_block_is_an_error(destination: Runner) -> None:
    block = ledger(destination)
    other = add_list(destination, "Other", COLUMNS, [("E1", "Jan 26", "1"), ("E2", "Feb 26", "1")])
    run = reload(destination, block, booked(Jan_26=10, Feb_26=1), minimum_percent=90, block_id=other.id)
    assert "so the load was compared with another block" in config_error(run)
    assert not run.states


@pytest.mark.parametrize("month", ["feb 26", "Feb 26 ", "February 26"])
def test_a_month_that_is_nearly_one_of_the_block_is_not_new(destination: Runner, month: str) -> None:
    block = ledger(destination)
    rows = [*booked(Jan_26=10), *({**each, "Month": month} for each in booked(Feb_26=4))]
    assert f'"{month}" in the file may be "Feb 26" in the block' in config_error(
        reload(destination, block, rows, minimum_percent=90)
    )
    assert not pushed(destination)
