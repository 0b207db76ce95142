"""A dry run is one: nothing is pushed to a Pigment that may not know what a dry run is."""

from __future__ import annotations

import time

import pytest

from airbyte_platform.job import CUSTOM_IMAGE, catalog_for
from airbyte_platform.process import as_lines
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
    follower,
    goes_to,
    let_pigment,
    long,
    pushed,
    records,
    started,
    table,
    whole,
)
from writing import logged, state, write

STREAM = table("Entries", "Entry", "Amount")
ROWS = entries_of(E1=1, E2=2, E3=3)


def filled(destination: Runner) -> ListBlock:
    return add_list(destination, "Entries", ("Entry", "Amount"), [("old", "1")])


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("heeded", [False, long(True)], ids=["not known to Pigment", "known to Pigment"])
def test_a_dry_run_pushes_nothing(destination: Runner, mode: str, heeded: bool) -> None:
    """Only the richer interface describes `dryRun`; without it nothing says that it is heeded."""
    let_pigment(destination, respects_dry_run=heeded)
    block = filled(destination)
    configuration = configure(destination, block, "Entries", clear_before_import=mode == "overwrite")
    targets = [(clears if mode == "overwrite" else goes_to)("Entries", configuration)]
    run = write(
        destination,
        whole("Entries", ROWS),
        a_catalog(configured(STREAM, mode)),
        targets=targets,
        dry_run=True,
        then_run=[follower(destination)],
    )
    assert run.exit_code == 0
    assert not pushed(destination)
    assert contents(block) == [("old", "1")]
    assert not run.states
    assert not started(destination)
    said = logged(run, "would")
    assert any("3 rows" in each and '"Entries"' in each for each in said)


@pytest.mark.parametrize("rejected_rows", ["report", "fail"])
def test_a_dry_run_says_what_would_be_rejected(destination: Runner, rejected_rows: str) -> None:
    """It ends with an error where the sync would."""
    teams = add_list(destination, "Teams", ("Team",), [("A",)], is_dimension=True)
    block = add_list(destination, "Entries", ("Entry", "Team"), dimensions={"Team": teams})
    rows = [{"Entry": "E1", "Team": "A"}, {"Entry": "E2", "Team": "Unknown"}]
    checks = [{"stream": "Entries", "column": "Team", "list_id": teams.id, "on_unknown": "skip"}]
    run = write(
        destination,
        whole("Entries", rows),
        a_catalog(configured(table("Entries", "Entry", "Team"), "append", "incremental")),
        targets=[goes_to("Entries", configure(destination, block, "Entries"))],
        dimension_checks=checks,
        rejected_rows=rejected_rows,
        dry_run=True,
    )
    if rejected_rows == "fail":
        assert "1 row of the" in config_error(run)
    else:
        assert run.exit_code == 0
    assert not pushed(destination)
    assert any("1 row" in each for each in logged(run, "would"))
    assert logged(run, "ejected")


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_dry_run_waits_for_nothing(destination: Runner, mode: str) -> None:
    destination.environment["PATIENCE_SECONDS"] = "60"
    block = filled(destination)
    configuration = configure(destination, block, "Entries", clear_before_import=True)
    targets = [(clears if mode == "overwrite" else goes_to)("Entries", configuration)]
    began = time.monotonic()
    run = destination.run(
        "write",
        stdin=as_lines([*records("Entries", ROWS), state(1, "Entries")]),
        catalog=catalog_for([STREAM], mode, CUSTOM_IMAGE),
        targets=targets,
        dry_run=True,
    )
    assert time.monotonic() - began < 45
    assert run.exit_code == 0
    assert not pushed(destination)
    assert not run.states


@pytest.mark.parametrize("heeded", [True, False], ids=["heeded", "not heeded"])
def test_a_workspace_with_the_richer_interface_is_asked(destination: Runner, heeded: bool) -> None:
    let_pigment(destination, richer_metadata=True, respects_dry_run=heeded)
    block = filled(destination)
    run = write(
        destination,
        whole("Entries", ROWS),
        a_catalog(configured(STREAM, "append", "incremental")),
        targets=[goes_to("Entries", configure(destination, block, "Entries"))],
        dry_run=True,
        max_file_rows=2,
    )
    assert (run.exit_code == 0) is heeded
    assert len(pushed(destination)) == (2 if heeded else 1)
    assert not run.states
    assert bool(logged(run, "Imported the")) is not heeded
    if heeded:
        assert contents(block) == [("old", "1")]
        assert [each.partition(" (")[0] for each in logged(run, "Checked the")] == ['Checked the stream "Entries"'] * 2
        assert all(each.endswith("Pigment stored nothing and would skip 0.") for each in logged(run, "Checked the"))


def test_a_dry_run_checks_what_a_sync_would_check(destination: Runner) -> None:
    block = filled(destination)
    configuration = configure(destination, block, "Entries", clear_before_import=True)
    run = write(
        destination,
        whole("Entries", ROWS),
        a_catalog(configured(STREAM, "overwrite")),
        targets=[clears("Entries", configuration, minimum_rows=9)],
        dry_run=True,
    )
    assert run.exit_code != 0
    assert not pushed(destination)


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside a full stream"])
def test_a_dry_run_of_an_empty_source_ends_as_the_sync_would(destination: Runner, others: bool) -> None:
    block = filled(destination)
    more = add_list(destination, "More", ("Entry", "Amount"))
    catalog = a_catalog(configured(STREAM, "overwrite"), configured(table("More", "Entry", "Amount"), "overwrite"))
    run = write(
        destination,
        whole("Entries", []) + whole("More", ROWS if others else [], 2),
        catalog,
        targets=[
            clears("Entries", configure(destination, block, "Entries", clear_before_import=True)),
            clears("More", configure(destination, more, "More", clear_before_import=True)),
        ],
        dry_run=True,
    )
    message = config_error(run)
    assert 'No row came for the stream "Entries"' in message
    assert ('"More"' in message) is not others
    assert '"Fewest rows"' in message
    assert not pushed(destination)
    assert not run.states
    assert bool(logged(run, '3 rows of the stream "More" would go')) is others


def test_a_dry_run_of_an_empty_source_that_may_be_empty_ends_well(destination: Runner) -> None:
    block = filled(destination)
    configuration = configure(destination, block, "Entries", clear_before_import=True)
    run = write(
        destination,
        whole("Entries", []),
        a_catalog(configured(STREAM, "overwrite")),
        targets=[clears("Entries", configuration, minimum_rows=0)],
        dry_run=True,
    )
    assert run.exit_code == 0
    assert logged(run, "would be emptied")
    assert contents(block) == [("old", "1")]


def test_a_dry_run_without_a_row_refuses_targets_that_do_not_suit(destination: Runner) -> None:
    block = filled(destination)
    run = write(
        destination,
        whole("Entries", []),
        a_catalog(configured(STREAM, "append", "incremental")),
        targets=[clears("Entries", configure(destination, block, "Entries", clear_before_import=True))],
        dry_run=True,
    )
    assert '"Clears before import" is ticked' in config_error(run)
