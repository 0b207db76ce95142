"""source-pigment as a process: read, under good conditions and bad ones."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pytest

from connectors import Runner, sliced_by_department
from local_pigment.blocks import ListBlock
from local_pigment.sample import PLANNING
from reading import add_raw, data_of, held_to_the_rules, logged, planning


def test_every_cell_of_every_kind_of_block_arrives(source: Runner) -> None:
    catalog = source.catalog(block_types=["list", "table", "metric"])
    run = source.run("read", catalog=catalog, block_types=["list", "table", "metric"])

    assert run.exit_code == 0
    held_to_the_rules(run, catalog)
    for block in planning(source).blocks.values():
        if block.type == "Table":
            continue
        rows = source.pigment.workspace.rows(block.name, PLANNING)
        texts = [[_as_text(value) for value in record.values()] for record in data_of(run, block.name)]
        names = list(data_of(run, block.name)[0])
        order = _order(block, names)
        assert [[text[position] for position in order] for text in texts] == rows, block.name


def _order(block: Any, names: list[str]) -> list[int]:
    if isinstance(block, ListBlock):
        return [names.index(each.name) for each in block.properties]
    return list(range(len(names)))


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return getattr(value, "text", None) or str(value)


def test_a_table_has_all_its_metrics_side_by_side(source: Runner) -> None:
    run = source.run("read", catalog=source.catalog("P&L"))
    rows = {(row["Departments"], row["Months"]): row for row in data_of(run, "P&L")}
    for department, month, value in source.pigment.workspace.rows("Salary cost", PLANNING):
        assert _as_text(rows[department, month]["Salary cost"]) == value


def test_scenarios_are_kept_apart(source: Runner) -> None:
    scenarios = list(planning(source).scenarios)
    config = {
        "block_types": ["metric"],
        "block_requests": [{"block": "Headcount", "request": json.dumps({"scenarios": scenarios})}],
    }
    run = source.run("read", catalog=source.catalog("Headcount", **config), **config)
    assert {row["Scenario"] for row in data_of(run, "Headcount")} == {"Actual", "Budget 27"}


def test_a_view_is_read_under_its_name(source: Runner) -> None:
    view = next(view for view in planning(source).views.values() if view.name == "Ledger for the API")
    config = {"views": [{"view_id": view.id, "name": "Ledger view"}]}
    catalog = source.catalog("Ledger view", **config)
    run = source.run("read", catalog=catalog, **config)

    held_to_the_rules(run, catalog)
    assert len(data_of(run, "Ledger view")) == 50


def test_awkward_bytes_arrive_unchanged(source: Runner) -> None:
    cell = "x\u2028y\u0085z\r\nline\n\"quoted\"; 'it' \ud83d\ude80".encode("utf-16", "surrogatepass").decode("utf-16")
    large = "0123456789\n" * 300_000
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([["a", "a", ""], [cell, "0012", ""], [large, "1", " "]])
    add_raw(source, "Awkward", "\ufeff".encode() + text.getvalue().encode())
    catalog = source.catalog("Awkward")
    run = source.run("read", catalog=catalog)

    held_to_the_rules(run, catalog)
    assert data_of(run, "Awkward") == [
        {"a": cell, "a_2": "0012", "column_3": None},
        {"a": large, "a_2": "1", "column_3": " "},
    ]


@pytest.mark.parametrize("body", [b"a;b", b"a;b\r\n", b"\xef\xbb\xbfa;b\n"])
def test_a_header_without_rows_is_a_whole_export(source: Runner, body: bytes) -> None:
    add_raw(source, "Empty", body)
    catalog = source.catalog("Empty")
    run = source.run("read", catalog=catalog)

    held_to_the_rules(run, catalog)
    assert run.statuses == [("Empty", "STARTED"), ("Empty", "COMPLETE")]
    assert [state["sourceStats"]["recordCount"] for state in run.states] == [0.0]


def test_a_value_that_does_not_fit_is_sent_as_it_is_and_counted_once(source: Runner) -> None:
    block = add_raw(source, "Fits", b"a;n\r\n" + b"x;1\r\n" * 3)
    catalog = source.catalog("Fits")
    block.stream = lambda: iter([b"a;n\r\n" + b"x;1\r\n" * 3 + b"x;1,5\r\n" * 7])
    run = source.run("read", catalog=catalog)

    assert [row["n"] for row in data_of(run, "Fits")][2:4] == [1, "1,5"]
    assert len(logged(run, 'The column "n" of the stream "Fits" has 7 values')) == 1


def test_row_metadata_has_the_documented_recipe(source: Runner) -> None:
    catalog = source.catalog("Departments", row_metadata=True)
    rows = data_of(source.run("read", catalog=catalog, row_metadata=True), "Departments")
    stored = {row[0]: row for row in source.pigment.workspace.rows("Departments", PLANNING)}
    assert len(rows) == len(stored)
    block = source.pigment.workspace.block("Departments", PLANNING)
    assert isinstance(block, ListBlock)
    position = {each.name: place for place, each in enumerate(block.properties)}
    for row in rows:
        assert row["_pigment_record_id"] == row["Department"]
        cells = [stored[row["Department"]][position[name]].encode() for name in row if not name.startswith("_pigment")]
        hashed = b"".join(b"%d:%b," % (len(cell), cell) for cell in cells)
        assert row["_pigment_content_hash"] == hashlib.sha256(hashed).hexdigest()


def test_a_stream_is_read_although_pigment_renamed_nothing_but_added_a_column(source: Runner) -> None:
    block = add_raw(source, "Grown", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Grown")
    block.stream = lambda: iter([b"a;new;b\r\n1;x;2\r\n"])
    run = source.run("read", catalog=catalog)

    assert data_of(run, "Grown") == [{"a": "1", "new": "x", "b": 2}]
    assert len(logged(run, "left out: new")) == 1


def test_a_column_that_is_gone_stops_the_stream(source: Runner) -> None:
    block = add_raw(source, "Shrunk", b"a;b\r\n1;2\r\n")
    catalog = source.catalog("Shrunk", "Months")
    block.stream = lambda: iter([b"a;renamed\r\n1;2\r\n"])
    run = source.run("read", catalog=catalog)

    assert run.exit_code != 0
    assert ("Shrunk", "INCOMPLETE") in run.statuses
    assert ("Months", "COMPLETE") in run.statuses
    assert "no longer has the column b" in run.errors[0]["message"]
    assert run.errors[0]["failure_type"] == "config_error"


def test_a_stream_that_is_gone_is_named_and_the_others_are_read(source: Runner) -> None:
    catalog = source.catalog("Months", "Accounts")
    del planning(source).blocks[source.pigment.workspace.block("Accounts", PLANNING).id]
    run = source.run("read", catalog=catalog)

    assert run.exit_code != 0
    assert 'The stream "Accounts" is not in Pigment any more' in run.errors[0]["message"]
    assert ("Months", "COMPLETE") in run.statuses
    assert ("Accounts", "INCOMPLETE") in run.statuses


def test_the_number_of_requests_is_logged(source: Runner) -> None:
    run = source.run("read", catalog=source.catalog("Months"))
    assert logged(run, "2 requests were made")


def test_a_final_state_never_makes_a_later_read_skip_anything(source: Runner) -> None:
    catalog = source.catalog("General Ledger")
    state = source.run("read", catalog=catalog).states[-1]
    assert state["stream"]["stream_state"] == {"__ab_no_cursor_state_message": True}
    assert len(source.run("read", catalog=catalog, state=[state]).records) == 50
    assert (
        len(source.run("read", catalog=catalog, state=[state], **sliced_by_department(source.pigment, 4)).records) == 50
    )


def test_row_metadata_that_is_switched_off_does_not_arrive_as_blanks(source: Runner) -> None:
    catalog = source.catalog("Months", row_metadata=True)
    run = source.run("read", catalog=catalog)
    assert run.exit_code != 0
    assert "_pigment_content_hash" in run.errors[0]["message"]
