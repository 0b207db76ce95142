"""Clearing a list that has a unique identifier: what is absent is deleted, what is present is updated."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import Runner
from local_pigment.blocks import ListBlock
from small_blocks import (
    a_catalog,
    add_list,
    clears,
    config_error,
    configure,
    configured,
    contents,
    entries_of,
    let_pigment,
    long,
    numbers,
    table,
    warnings,
    whole,
    without_export_key,
)
from writing import write

NIGHTLY = a_catalog(configured(table("Entries", "Entry", "Amount"), "overwrite"))
NIGHTS = {
    "changed": entries_of(E1=10, E2=25, E3=30),
    "unchanged": entries_of(E1=10, E2=20, E3=30),
    "one more": entries_of(E1=10, E2=20, E3=30, E4=40),
    "one less": entries_of(E1=10, E2=25),
}


def keyed(destination: Runner, **more: Any) -> tuple[ListBlock, list[dict[str, Any]]]:
    """A list with a unique identifier and a column that planners fill in; and the target that keeps it in step."""
    block = add_list(
        destination,
        "Entries",
        ("Entry", "Amount", "Mapping"),
        [("E1", "10", "Rent"), ("E2", "20", "Travel"), ("E3", "30", "IT")],
    )
    settings = {"key": "Entry", "clear_before_import": True, "mapping": {"Entry": "Entry", "Amount": "Amount"}, **more}
    return block, [clears("Entries", configure(destination, block, "Entries by key", **settings))]


@pytest.mark.parametrize("night", ["changed", "one more", long("unchanged"), long("one less")])
@pytest.mark.parametrize(
    "variants",
    [
        {},
        long({"unchanged_counted": False}),
        long({"clear_counted": False}),
        long({"unchanged_counted": False, "clear_counted": False}),
    ],
    ids=str,
)
def test_an_ordinary_night_of_a_keyed_list_ends_well(destination: Runner, night: str, variants: dict[str, Any]) -> None:
    let_pigment(destination, **variants)
    without_export_key(destination)
    block, targets = keyed(destination)
    run = write(destination, whole("Entries", NIGHTS[night]), NIGHTLY, targets=targets)
    assert run.exit_code == 0
    assert not warnings(run)
    assert numbers(run) == [(float(len(NIGHTS[night])), 0.0)]
    mapped = {"E1": "Rent", "E2": "Travel", "E3": "IT", "E4": ""}
    assert contents(block) == [(row["Entry"], str(row["Amount"]), mapped[row["Entry"]]) for row in NIGHTS[night]]


def test_a_vanished_key_that_a_target_without_clearing_leaves_is_found_by_always_counting(destination: Runner) -> None:
    """No count of the report shows it: nothing was inserted, the others were updated."""
    block, targets = keyed(destination, clear_before_import=False)
    run = write(
        destination, whole("Entries", entries_of(E1=10, E2=20)), NIGHTLY, targets=targets, count_blocks="always"
    )
    message = config_error(run)
    assert "3 rows" in message
    assert "2" in message
    assert not run.states
    assert len(contents(block)) == 3


def test_a_keyed_list_that_two_files_reload_is_told_what_it_costs(destination: Runner) -> None:
    block, targets = keyed(destination)
    targets[0] = {
        "stream": "Entries",
        "import_configuration_id": configure(
            destination, block, "Entries added", key="Entry", mapping={"Entry": "Entry", "Amount": "Amount"}
        ),
        "replace_import_configuration_id": targets[0]["import_configuration_id"],
    }
    rows = entries_of(E1=10, E2=20, E3=30)
    run = write(destination, whole("Entries", rows), NIGHTLY, targets=targets, max_file_rows=2)
    assert run.exit_code == 0
    assert [row[:2] for row in contents(block)] == [("E1", "10"), ("E2", "20"), ("E3", "30")]
    said = [each["message"] for each in run.of("LOG") if "in 2 files" in each["message"]]
    assert len(said) == 1
    assert "unique identifier" in said[0]
    assert "one file" in said[0]
