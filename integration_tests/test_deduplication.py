"""Several versions of a row in one sync, as every CDC source and every lookback sends them."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.process import Message
from connectors import Runner
from local_pigment.blocks import ListBlock
from local_pigment.faults import ResetBeforeResponse
from small_blocks import (
    a_catalog,
    add_list,
    add_metric,
    clears,
    config_error,
    configure,
    configured,
    contents,
    deduplicated,
    failure,
    goes_to,
    let_pigment,
    long,
    numbers,
    pushed,
    records,
    table,
    whole,
)
from writing import record, state, status, write

STREAM = table("Entries", "Entry", "Amount", "Updated")
CHANGES = a_catalog(deduplicated(STREAM))


def version(entry: str, amount: int, hour: int, **more: Any) -> dict[str, Any]:
    return {"Entry": entry, "Amount": amount, "Updated": f"2026-04-30T{hour:02d}:00:00Z", **more}


def as_row(each: dict[str, Any]) -> tuple[str, ...]:
    return (each["Entry"], str(each["Amount"]), each["Updated"])


def keyed(destination: Runner, *columns: str) -> tuple[ListBlock, list[dict[str, Any]]]:
    block = add_list(destination, "Entries", columns or ("Entry", "Amount", "Updated"))
    return block, [goes_to("Entries", configure(destination, block, "Entries", key="Entry"))]


OLDER, NEWER, OTHER = version("E4", 100, 9), version("E4", 110, 12), version("E5", 50, 10)
ORDERS = {"oldest first": [OLDER, OTHER, NEWER], "newest first": [NEWER, OLDER, OTHER]}
DUPLICATES = ["fail", long("first"), long("last")]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("duplicate_key", DUPLICATES)
def test_of_two_versions_in_one_file_the_newer_one_is_sent(destination: Runner, order: str, duplicate_key: str) -> None:
    let_pigment(destination, duplicate_key=duplicate_key)
    block, targets = keyed(destination)
    run = write(destination, whole("Entries", ORDERS[order]), CHANGES, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == [as_row(NEWER), as_row(OTHER)]
    assert numbers(run) == [(3.0, 0.0)]
    assert pushed(destination)[0].count(b"\r\n") == 3


@pytest.mark.parametrize("order", ["newest first", long("oldest first")])
@pytest.mark.parametrize("rows", [1, 100], ids=["in files of their own", "in one file"])
def test_of_two_versions_with_states_between_them_the_newer_one_remains(
    destination: Runner, order: str, rows: int
) -> None:
    block, targets = keyed(destination)
    messages: list[Message] = []
    for number, each in enumerate(ORDERS[order], start=1):
        messages += [record(each, "Entries"), state(number, "Entries", records=1)]
    run = write(destination, [*messages, status("COMPLETE", "Entries")], CHANGES, targets=targets, max_file_rows=rows)
    assert run.exit_code == 0
    assert contents(block) == [as_row(NEWER), as_row(OTHER)]
    assert numbers(run) == [(1.0, 0.0)] * 3


def test_a_reload_sends_one_version_of_each_key(destination: Runner) -> None:
    block, targets = keyed(destination)
    block.add("old", "1", "")
    targets = [clears("Entries", configure(destination, block, "Replace", key="Entry", clear_before_import=True))]
    catalog = a_catalog(configured(STREAM, "overwrite_dedup", primary_key=[["Entry"]], cursor_field=["Updated"]))
    run = write(destination, whole("Entries", ORDERS["newest first"]), catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == [as_row(NEWER), as_row(OTHER)]
    assert numbers(run) == [(3.0, 0.0)]


def test_a_version_after_the_last_state_replaces_none_before_it(destination: Runner) -> None:
    """The source dies: what its last state covers is stored, what came afterwards comes again."""
    block, targets = keyed(destination)
    lines = [record(OLDER, "Entries"), state(1, "Entries", records=1), record(NEWER, "Entries")]
    run = write(destination, [*lines, status("INCOMPLETE", "Entries")], CHANGES, targets=targets)
    assert failure(run)[0] == "transient_error"
    assert contents(block) == [as_row(OLDER)]
    assert numbers(run) == [(1.0, 0.0)]
    again = [*records("Entries", [NEWER]), state(2, "Entries"), status("COMPLETE", "Entries")]
    assert write(destination, again, CHANGES, targets=targets).exit_code == 0
    assert contents(block) == [as_row(NEWER)]


def amounts_by(cursor: str, *values: Any) -> list[dict[str, Any]]:
    return [{"Entry": "E", "Amount": number, cursor: value} for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("cursor", "values", "winner"),
    [
        ("Version", ["998", "1005"], 1),
        ("Version", [1005, 998], 0),
        ("Version", [10.5, 10.50, 9], 1),
        ("Updated", ["2026-04-30T12:00:00+02:00", "2026-04-30T11:00:00Z"], 1),
        ("Updated", ["2026-04-30T12:00:00Z", "2026-04-30T13:30:00+02:00"], 0),
        ("Updated", ["2026-04-30T12:00:00.1234567Z", "2026-04-30T12:00:00.1234566Z"], 0),
        ("Updated", ["2026-04-30T12:00:00Z", None], 1),
        ("Updated", [None, "2026-04-30T12:00:00Z"], 1),
        ("Label", ["b", "a"], 0),
    ],
    ids=str,
)
@pytest.mark.long
def test_the_greatest_cursor_wins_as_its_type_compares(
    destination: Runner, cursor: str, values: list[Any], winner: int
) -> None:
    block, targets = keyed(destination, "Entry", "Amount", cursor)
    catalog = a_catalog(deduplicated(table("Entries", "Entry", "Amount", cursor), cursor=cursor))
    run = write(destination, whole("Entries", amounts_by(cursor, *values)), catalog, targets=targets)
    assert run.exit_code == 0
    assert [row[1] for row in contents(block)] == [str(winner)]


@pytest.mark.parametrize("cursor", [long(None), "Gone"])
def test_without_a_cursor_the_last_version_to_arrive_wins(destination: Runner, cursor: str | None) -> None:
    block, targets = keyed(destination)
    catalog = a_catalog(deduplicated(STREAM, cursor=cursor))
    run = write(destination, whole("Entries", [NEWER, OTHER, OLDER]), catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == [as_row(OLDER), as_row(OTHER)]


def test_a_version_that_is_rejected_on_arrival_replaces_none(destination: Runner) -> None:
    block, targets = keyed(destination, "Entry", "Posted", "Version")
    catalog = a_catalog(deduplicated(table("Entries", "Entry", "Posted", "Version"), cursor="Version"))
    rows = [
        {"Entry": "E1", "Posted": "2026-04-30", "Version": 1},
        {"Entry": "E1", "Posted": "no date", "Version": 2},
    ]
    run = write(destination, whole("Entries", rows), catalog, targets=targets, csv={"dates": "iso"})
    assert run.exit_code == 0
    assert [row[:2] for row in contents(block)] == [("E1", "2026-04-30")]
    assert numbers(run) == [(1.0, 1.0)]


def test_two_keys_that_are_written_alike_stop_before_anything_is_pushed(destination: Runner) -> None:
    """08:00 and 17:00 of one day are one cell once they are written as a day."""
    block = add_list(destination, "Entries", ("Booked", "Amount"))
    targets = [goes_to("Entries", configure(destination, block, "Entries", key="Booked"))]
    catalog = a_catalog(deduplicated(table("Entries", "Booked", "Amount"), "Booked", cursor=None))
    rows = [{"Booked": f"2026-04-30T{hour}:00:00Z", "Amount": 1} for hour in ("08", "17")]
    run = write(destination, whole("Entries", rows), catalog, targets=targets, csv={"dates": "dd/MM/yyyy"})
    assert '"Booked"' in config_error(run)
    assert not pushed(destination)
    assert not run.states


def test_numbers_that_are_written_in_two_ways_are_one_key(destination: Runner) -> None:
    block = add_list(destination, "Entries", ("Version", "Entry"))
    targets = [goes_to("Entries", configure(destination, block, "Entries", key="Version"))]
    catalog = a_catalog(deduplicated(table("Entries", "Version", "Entry"), "Version", cursor=None))
    rows = [{"Version": 1, "Entry": "a"}, {"Version": 1.0, "Entry": "b"}]
    run = write(destination, whole("Entries", rows), catalog, targets=targets)
    assert run.exit_code == 0
    assert [row[1] for row in contents(block)] == ["b"]


@pytest.mark.long
def test_texts_that_differ_are_two_keys(destination: Runner) -> None:
    block, targets = keyed(destination)
    rows = [version(entry, 1, 9) for entry in ("1", "01", "1.0")]
    assert write(destination, whole("Entries", rows), CHANGES, targets=targets).exit_code == 0
    assert [row[0] for row in contents(block)] == ["01", "1", "1.0"]


@pytest.mark.parametrize(
    "key",
    [[], [["Gone"]], [["Entry", "inner"]], [["Entry"], ["Gone"]]],
    ids=["none", "not selected", "nested", "one of two not selected"],
)
@pytest.mark.parametrize("mode", ["append_dedup", long("overwrite_dedup")])
def test_a_key_that_cannot_be_used_stops_before_anything_is_pushed(
    destination: Runner, key: list[list[str]], mode: str
) -> None:
    block, targets = keyed(destination)
    if mode == "overwrite_dedup":
        targets = [clears("Entries", configure(destination, block, "R", key="Entry", clear_before_import=True))]
    catalog = a_catalog(configured(STREAM, mode, primary_key=key))
    run = write(destination, whole("Entries", [OLDER]), catalog, targets=targets)
    message = config_error(run)
    assert '"Entries"' in message
    assert "key" in message
    assert not pushed(destination)


def test_a_record_whose_key_is_blank_is_rejected(destination: Runner) -> None:
    block, targets = keyed(destination)
    rows = [OLDER, version("", 1, 9), {"Amount": 2, "Entry": None}, {"Amount": 3}]
    run = write(destination, whole("Entries", rows), CHANGES, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == [as_row(OLDER)]
    assert numbers(run) == [(1.0, 3.0)]


def test_a_key_of_two_columns_is_one_key(destination: Runner) -> None:
    block = add_list(destination, "Entries", ("Entry", "Label", "Amount"))
    targets = [goes_to("Entries", configure(destination, block, "Entries"))]
    catalog = a_catalog(deduplicated(table("Entries", "Entry", "Label", "Amount"), "Entry", "Label", cursor=None))
    rows = [
        {"Entry": entry, "Label": label, "Amount": number}
        for number, (entry, label) in enumerate([("a", "bc"), ("ab", "c"), ("a", ""), ("a", "bc")])
    ]
    run = write(destination, whole("Entries", rows), catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == [("a", "", "2"), ("a", "bc", "3"), ("ab", "c", "1")]


def test_a_repeat_never_brings_older_values_back(destination: Runner) -> None:
    """The answer to the first file is lost; it is settled before the second one goes."""
    block, targets = keyed(destination)
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    lines = [record(OLDER, "Entries"), record(OTHER, "Entries"), state(1, "Entries", records=2)]
    lines += [record(NEWER, "Entries"), state(2, "Entries", records=1), status("COMPLETE", "Entries")]
    run = write(destination, lines, CHANGES, targets=targets, max_file_rows=2)
    assert run.exit_code == 0
    assert contents(block) == [as_row(NEWER), as_row(OTHER)]


def test_a_repeat_that_inserted_everything_may_have_doubled_it(destination: Runner) -> None:
    """The configuration adds, although the stream is deduplicated."""
    block = add_list(destination, "Entries", ("Entry", "Amount", "Updated"))
    targets = [goes_to("Entries", configure(destination, block, "Entries"))]
    destination.pigment.faults.queue("push_csv", ResetBeforeResponse(carried_out=True))
    run = write(destination, whole("Entries", [OLDER, OTHER]), CHANGES, targets=targets)
    assert "twice" in config_error(run)
    assert not run.states
    assert len(contents(block)) == 4


@pytest.mark.long
def test_a_plain_append_sends_every_version(destination: Runner) -> None:
    block = add_list(destination, "Entries", ("Entry", "Amount", "Updated"))
    targets = [goes_to("Entries", configure(destination, block, "Entries"))]
    catalog = a_catalog(configured(STREAM, "append", "incremental", primary_key=[["Entry"]]))
    run = write(destination, whole("Entries", ORDERS["newest first"]), catalog, targets=targets)
    assert run.exit_code == 0
    assert contents(block) == sorted(map(as_row, [NEWER, OLDER, OTHER]))


@pytest.mark.parametrize("double_cell", ["last", "sum", "fail"])
@pytest.mark.long
def test_two_records_of_one_cell_are_one_row(destination: Runner, double_cell: str) -> None:
    let_pigment(destination, double_cell=double_cell)
    teams = add_list(destination, "Teams", ("Team",), [("A",)], is_dimension=True)
    metric = add_metric(destination, "Cost", [teams])
    catalog = a_catalog(deduplicated(table("Cost", "Teams", "Cost"), "Teams", cursor=None))
    rows = [{"Teams": "A", "Cost": 1}, {"Teams": "A", "Cost": 2}]
    targets = [goes_to("Cost", configure(destination, metric, "Cost"))]
    assert write(destination, whole("Cost", rows), catalog, targets=targets).exit_code == 0
    assert contents(metric) == [("A", "2")]


@pytest.mark.long
def test_two_keys_that_only_pigment_takes_for_one_are_an_error_where_it_fails(destination: Runner) -> None:
    let_pigment(destination, case_sensitive=False, trims=True)
    block, targets = keyed(destination)
    rows = [version("a", 1, 9), version("A ", 2, 10)]
    run = write(destination, whole("Entries", rows), CHANGES, targets=targets)
    assert run.exit_code != 0
    assert not contents(block)
    assert not run.states
