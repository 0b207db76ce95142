"""Rows that were deleted in the source database: never back to life, never a sync that is stuck."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import Runner
from local_bucket.server import LocalBucket
from local_pigment.blocks import ListBlock
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    clears,
    configure,
    configured,
    contents,
    deduplicated,
    follower,
    goes_to,
    let_pigment,
    long,
    numbers,
    pushed,
    records,
    started,
    table,
    warnings,
    whole,
)
from writing import record, state, status, write, write_to_bucket

DELETED = "_ab_cdc_deleted_at"
STREAM = table("Entries", "Entry", "Amount", "Version", DELETED)
CHANGES = a_catalog(deduplicated(STREAM, cursor="Version"))
AT = "2026-04-30T12:00:00Z"


def row(entry: str, amount: int | None, version: int = 1, deleted: str | None = None) -> dict[str, Any]:
    return {"Entry": entry, "Amount": amount, "Version": version, DELETED: deleted}


def keyed(destination: Runner) -> tuple[ListBlock, list[dict[str, Any]]]:
    block = add_list(destination, "Entries", ("Entry", "Amount", DELETED), [("E2", "20", "")])
    return block, [goes_to("Entries", configure(destination, block, "Entries", key="Entry"))]


@pytest.mark.parametrize("old_values", [long(False), True], ids=["blanks", "REPLICA IDENTITY FULL"])
def test_a_deleted_row_is_not_sent_and_makes_nothing_stick(
    destination: Runner, bucket: LocalBucket, old_values: bool
) -> None:
    block, targets = keyed(destination)
    rows = [row("E1", 11), row("E2", 20 if old_values else None, 2, AT), row("E3", 30)]
    run = write_to_bucket(
        destination,
        bucket,
        whole("Entries", rows),
        CHANGES,
        targets=targets,
        rejected_rows="fail",
        then_run=[follower(destination)],
    )
    assert run.exit_code == 0
    assert [each[:2] for each in contents(block)] == [("E1", "11"), ("E2", "20"), ("E3", "30")]
    assert b"E2" not in pushed(destination)[0]
    assert numbers(run) == [(2.0, 1.0)]
    assert started(destination)
    (warning,) = warnings(run)
    assert '"Deleted rows"' in warning
    (found,) = bucket.rows()
    assert found["Entry"] == "E2"


@pytest.mark.parametrize(
    ("rows", "remains"),
    [
        ([row("E5", 1, 1), row("E5", 1, 2, AT)], []),
        long([row("E5", 1, 2, AT), row("E5", 1, 1)], []),
        long([row("E5", None, 1, AT), row("E5", 2, 2)], ["2"]),
        ([row("E5", 1, 1), row("E5", None, 2, AT), row("E5", 3, 3)], ["3"]),
        ([row("E5", 1), row("E5", 2), row("E5", 2, 1, AT)], []),
        long([row("E5", 1), row("E5", 1, 1, AT), row("E5", 3)], ["3"]),
    ],
    ids=[
        "deleted",
        "deleted, newest first",
        "created again",
        "deleted in between",
        "all at one time, deleted last",
        "all at one time, created again",
    ],
)
def test_of_a_deletion_and_other_versions_the_newest_counts(
    destination: Runner, rows: list[dict[str, Any]], remains: list[str]
) -> None:
    block, targets = keyed(destination)
    run = write(destination, whole("Entries", rows), CHANGES, targets=targets)
    assert run.exit_code == 0
    assert [each[1] for each in contents(block) if each[0] == "E5"] == remains
    assert sum(numbers(run)[0]) == len(rows)


def test_a_deletion_that_no_state_covers_replaces_no_row_before(destination: Runner) -> None:
    block, targets = keyed(destination)
    lines = [record(row("E5", 1), "Entries"), state(1, "Entries", records=1), record(row("E5", 1, 2, AT), "Entries")]
    run = write(destination, [*lines, status("INCOMPLETE", "Entries")], CHANGES, targets=targets)
    assert run.exit_code != 0
    assert [each[0] for each in contents(block)] == ["E2", "E5"]
    assert numbers(run) == [(1.0, 0.0)]


def test_a_blank_deletion_keeps_the_key_and_blanks_every_other_cell(destination: Runner) -> None:
    block, targets = keyed(destination)
    run = write(destination, whole("Entries", [row("E2", 20, 2, AT)]), CHANGES, targets=targets, deleted_rows="blank")
    assert run.exit_code == 0
    assert contents(block) == [("E2", "", "")]
    assert numbers(run) == [(1.0, 0.0)]


def test_a_marked_deletion_is_sent_with_its_time(destination: Runner) -> None:
    block, targets = keyed(destination)
    run = write(destination, whole("Entries", [row("E2", 20, 2, AT)]), CHANGES, targets=targets, deleted_rows="mark")
    assert run.exit_code == 0
    assert contents(block) == [("E2", "20", AT)]
    assert numbers(run) == [(1.0, 0.0)]


@pytest.mark.parametrize("counted", [True, long(False)])
def test_a_blank_deletion_deletes_the_cell_of_a_metric(destination: Runner, counted: bool) -> None:
    let_pigment(destination, blank_deletion_counted=counted)
    teams = add_list(destination, "Teams", ("Team",), [("A",), ("B",)], is_dimension=True)
    metric = add_metric(destination, "Cost", [teams], {("A",): "1", ("B",): "2"})
    targets = [goes_to("Cost", configure(destination, metric, "Cost"))]
    stream = table("Cost", "Teams", "Cost", DELETED)
    rows = [{"Teams": "A", "Cost": 1, DELETED: AT}, {"Teams": "B", "Cost": 3, DELETED: None}]
    run = write(
        destination,
        whole("Cost", rows),
        a_catalog(deduplicated(stream, "Teams", cursor=None)),
        targets=targets,
        deleted_rows="blank",
    )
    assert run.exit_code == 0
    assert contents(metric) == [("B", "3")]


def test_a_deletion_with_old_values_is_not_rejected_for_them(destination: Runner) -> None:
    """Its date was none, and that is no reason to keep it."""
    block = add_list(destination, "Entries", ("Entry", "Posted", DELETED), [("E2", "2026-01-01", "")])
    targets = [goes_to("Entries", configure(destination, block, "Entries", key="Entry"))]
    stream = table("Entries", "Entry", "Posted", DELETED)
    rows = [{"Entry": "E2", "Posted": "no date", DELETED: AT}]
    run = write(
        destination,
        whole("Entries", rows),
        a_catalog(deduplicated(stream, cursor=None)),
        targets=targets,
        deleted_rows="blank",
        csv={"dates": "iso"},
    )
    assert run.exit_code == 0
    assert contents(block) == [("E2", "", "")]


RELOAD = {"generation_id": 2, "minimum_generation_id": 2, "sync_id": 9}


@pytest.mark.parametrize("way", ["report", long("blank"), "mark"])
def test_in_a_reload_what_was_deleted_last_is_not_there_unless_it_is_marked(destination: Runner, way: str) -> None:
    block, _ = keyed(destination)
    targets = [clears("Entries", configure(destination, block, "R", key="Entry", clear_before_import=True))]
    catalog = a_catalog(deduplicated(STREAM, cursor="Version", **RELOAD))
    rows = [row("E5", 1), row("E6", 6), row("E5", 1, 2, AT)]
    run = write(destination, whole("Entries", rows), catalog, targets=targets, deleted_rows=way)
    assert run.exit_code == 0
    expected = [("E5", "1", AT), ("E6", "6", "")] if way == "mark" else [("E6", "6", "")]
    assert contents(block) == expected
    assert sum(numbers(run)[0]) == 3
    assert not warnings(run)


@pytest.mark.parametrize(
    "stream",
    [
        configured(STREAM, "append", "incremental", primary_key=[["Entry"]]),
        configured(STREAM, "append", "incremental", **RELOAD),
    ],
    ids=["plain append", "reload without a key"],
)
def test_without_a_key_a_deletion_is_a_row_like_any_other(destination: Runner, stream: dict[str, Any]) -> None:
    """Leaving it out would bring the inserted row to life."""
    block = add_list(destination, "Entries", ("Entry", "Amount", DELETED), [("old", "", "")])
    adds, replaces = (configure(destination, block, name, clear_before_import=name == "R") for name in ("A", "R"))
    targets = [goes_to("Entries", adds, replace_import_configuration_id=replaces)]
    rows = [row("E5", 1), row("E5", 1, 2, AT)]
    run = write(destination, whole("Entries", rows), a_catalog(stream), targets=targets)
    assert run.exit_code == 0
    assert [each for each in contents(block) if each[0] == "E5"] == [("E5", "1", ""), ("E5", "1", AT)]
    assert numbers(run) == [(2.0, 0.0)]


def test_the_deletions_of_a_whole_sync_push_nothing(destination: Runner) -> None:
    block, targets = keyed(destination)
    lines = [*records("Entries", [row("E2", None, 2, AT)]), state(1, "Entries", records=1)]
    run = write(
        destination,
        [*lines, status("COMPLETE", "Entries")],
        CHANGES,
        targets=targets,
        rejected_rows="fail",
        then_run=[follower(destination)],
    )
    assert run.exit_code == 0
    assert not pushed(destination, targets[0]["import_configuration_id"])
    assert [each[:2] for each in contents(block)] == [("E2", "20")]
    assert numbers(run) == [(0.0, 1.0)]
    assert started(destination)
