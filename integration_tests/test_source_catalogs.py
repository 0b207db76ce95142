"""source-pigment as a process: catalogs that are older than the application or were changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.process import configured
from connectors import Runner
from local_pigment.blocks import ListBlock, Property, TableBlock, View
from local_pigment.faults import CutAfter, Fault, RespondGarbage, RespondStatus
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import ApiKey, new_id
from reading import add_raw


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=5)) as started:
        yield started


def add_list(source: Runner, name: str, *items: str, salt: str = "") -> ListBlock:
    block = ListBlock(new_id("catalogs", name, salt), name, [Property("Item")])
    for item in items:
        block.add(item)
    source.pigment.workspace.application(PLANNING).put(block)
    return block


def of(*streams: dict[str, Any]) -> dict[str, Any]:
    """A configured catalog of these streams."""
    return configured({"streams": list(streams)}, destination_sync_mode="append")


def read_items(source: Runner, streams: list[dict[str, Any]], **config: Any) -> dict[str, list[Any]]:
    """The first column of what is read, by stream."""
    run = source.run("read", catalog=of(*streams), **config)
    assert run.exit_code == 0, run.errors
    read: dict[str, list[Any]] = {each["name"]: [] for each in streams}
    for record in run.of("RECORD"):
        read[record["stream"]].append(next(iter(record["data"].values()), None))
    return read


# Which block a stream is ---------------------------------------------------------------------------------------


def test_a_renamed_block_goes_on_under_the_name_of_its_stream(source: Runner) -> None:
    block = add_list(source, "Before", "one")
    stream = source.discovered()["Before"]
    block.name = "After"

    assert read_items(source, [stream]) == {"Before": ["one"]}
    # Also where the patterns do not choose the new name, and another block has the old one.
    add_list(source, "Before", "another", salt="new")
    assert read_items(source, [stream], include=["Before"]) == {"Before": ["one"]}


def test_blocks_that_swap_names_are_not_read_as_each_other(source: Runner) -> None:
    one, two = add_list(source, "One", "1"), add_list(source, "Two", "2")
    found = source.discovered()
    one.name, two.name = two.name, one.name

    assert read_items(source, [found["One"], found["Two"]]) == {"One": ["1"], "Two": ["2"]}


@pytest.mark.long
def test_a_custom_export_is_for_neither_of_two_blocks_that_swapped_names(source: Runner) -> None:
    one, two = add_list(source, "One", "1", "2"), add_list(source, "Two", "1", "2")
    found = source.discovered()
    one.name, two.name = two.name, one.name
    request = json.dumps({"listFilter": [each.items[0].id for each in (one, two)]})
    run = source.run(
        "read", catalog=of(found["One"], found["Two"]), block_requests=[{"block": "One", "request": request}]
    )

    assert run.exit_code != 0
    assert not run.of("RECORD")
    assert "enter the ID of the block" in run.errors[0]["message"]
    by_id = [{"block": one.id, "request": request}]
    assert read_items(source, [found["One"], found["Two"]], block_requests=by_id) == {"One": ["1"], "Two": ["1", "2"]}


def test_a_new_block_or_view_with_a_known_name_breaks_nothing(source: Runner) -> None:
    block = add_list(source, "Known", "here")
    stream = source.discovered()["Known"]
    add_list(source, "Known", "new", salt="new")
    application = source.pigment.workspace.application(PLANNING)
    view = application.views.setdefault(new_id("view", "Known"), View(new_id("view", "Known"), "Known", block.id))
    views = [{"view_id": view.id, "name": "Known"}]

    assert read_items(source, [stream], views=views) == {"Known": ["here"]}


def test_a_stream_whose_block_is_gone_is_not_read_from_another_of_its_name(source: Runner) -> None:
    block = add_list(source, "Gone", "old")
    stream = source.discovered()["Gone"]
    del source.pigment.workspace.application(PLANNING).blocks[block.id]
    add_list(source, "Gone", "new", salt="new")
    run = source.run("read", catalog=of(stream))

    assert run.exit_code != 0
    assert not run.of("RECORD")
    assert run.errors[0]["failure_type"] == "config_error"


def test_a_catalog_without_ids_is_matched_by_name(source: Runner) -> None:
    add_list(source, "Named", "by name")
    stream = source.discovered()["Named"]
    del stream["json_schema"]["x-pigment"]

    assert read_items(source, [stream]) == {"Named": ["by name"]}


def test_a_catalog_without_its_notes_sends_only_what_is_selected(source: Runner) -> None:
    stream = source.discovered()["General Ledger"]
    del stream["json_schema"]["x-pigment"]
    names = list(stream["json_schema"]["properties"])
    for name in names[2:]:
        del stream["json_schema"]["properties"][name]
    run = source.run("read", catalog=of(stream))

    assert run.exit_code == 0
    assert {tuple(each["data"]) for each in run.records} == {tuple(names[:2])}


def test_a_stream_of_a_view_that_was_removed_from_the_form_says_so(source: Runner) -> None:
    views = source.pigment.workspace.application(PLANNING).views.values()
    chosen = [{"view_id": next(each.id for each in views if each.name == "Ledger for the API"), "name": "V"}]
    stream = source.discovered(views=chosen)["V"]
    run = source.run("read", catalog=of(stream))

    assert run.errors[0]["message"] == (
        'The stream "V" is not in Pigment any more, is hidden from the owner of the API key, or is a view that was '
        'removed from "Views": enter the view there again, or refresh the schema of the connection.'
    )


@pytest.mark.parametrize("json_schema", [{}, {"properties": {"Item": True}}, {"properties": None, "x-pigment": 5}])
def test_a_schema_that_a_client_changed_is_read(source: Runner, json_schema: dict[str, Any]) -> None:
    add_list(source, "Bare", "0012")
    stream = {"name": "Bare", "json_schema": json_schema, "supported_sync_modes": ["full_refresh"]}

    assert read_items(source, [stream]) == {"Bare": ["0012"]}


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_a_block_without_a_name_is_a_stream(source: Runner, name: str) -> None:
    block = add_list(source, name, "nameless")
    stream = source.discovered()[block.id]

    assert read_items(source, [stream]) == {stream["name"]: ["nameless"]}


# Which columns a stream has ------------------------------------------------------------------------------------


@pytest.mark.parametrize("deselected", [{"Amount"}, {"Amount_2"}, {"Amount", "Amount_3"}, {"column_4"}, {"Item"}])
def test_deselected_columns_are_not_sent_whatever_they_share(source: Runner, deselected: set[str]) -> None:
    add_raw(source, "Columns", b"Item;Amount;Amount;;Amount\r\na;1;2;x;3\r\n")
    stream = source.discovered()["Columns"]
    everything = {"Item": "a", "Amount": 1, "Amount_2": 2, "column_4": "x", "Amount_3": 3}
    for name in deselected:
        del stream["json_schema"]["properties"][name]
    for row_metadata in (False, True):
        run = source.run("read", catalog=of(stream), row_metadata=row_metadata)
        data = run.of("RECORD")[0]["data"]

        ours = {name for name in data if name.startswith("_pigment")}
        assert {name: value for name, value in data.items() if name not in ours} == {
            name: value for name, value in everything.items() if name not in deselected
        }
        assert len(ours) == 2 * row_metadata


# Which columns are a key ---------------------------------------------------------------------------------------


def test_a_hidden_metric_leaves_a_table_without_a_key(source: Runner) -> None:
    workspace = source.pigment.workspace
    application = workspace.application(PLANNING)
    assert source.discovered()["P&L"]["source_defined_primary_key"]
    table = next(each for each in application.blocks.values() if isinstance(each, TableBlock))
    for hidden in table.metric_ids:
        secret = f"pgmt_hides_{hidden}"
        workspace.keys.append(
            ApiKey("hides", secret, frozenset({"Export", "Modeling Metadata", "Import"}), hidden=frozenset({hidden}))
        )
        stream = source.discovered(credentials={"auth_type": "single_key", "api_key": secret})["P&L"]

        assert not stream.get("source_defined_primary_key")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"x;1\r\ny;2\r\n", []),
        (b"x;1\r\nx;2\r\n;3\r\nx;4\r\n", ["1 record has a blank in it and 2 records repeat one"]),
        (b'"x;1";1\r\n"x";"1;1"\r\n', []),
        (b'"x\r1";1\r\n"x\r1";2\r\n', ["1 record repeats one"]),  # goes by row
    ],
)
def test_a_claimed_key_that_breaks_is_counted_in_one_warning(source: Runner, rows: bytes, words: list[str]) -> None:
    block = add_raw(source, "Keyed", b"a;b\r\nx;1\r\ny;2\r\n", is_dimension=True)
    stream = source.discovered()["Keyed"]
    assert stream["source_defined_primary_key"] == [["a"]]
    block.stream = lambda: iter([b"a;b\r\n" + rows])
    run = source.run("read", catalog=of(stream))

    assert run.exit_code == 0
    assert len(run.records) == rows.count(b"\r\n")
    warnings = [
        each["message"] for each in run.of("LOG") if each["level"] == "WARN" and "primary key" in each["message"]
    ]
    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


# What discovery leaves out -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [RespondStatus(503), RespondStatus(500), CutAfter(5), RespondGarbage()],
    ids=lambda each: type(each).__name__,
)
def test_a_block_that_fails_for_a_passing_reason_fails_discovery(source: Runner, fault: Fault) -> None:
    source.pigment.faults.queue("export_table", fault, times=2)
    run = source.run("discover", max_retries=1)
    source.pigment.faults.forget()

    assert run.exit_code != 0
    assert not run.of("CATALOG")
    assert '"P&L"' in run.errors[0]["message"]


@pytest.mark.parametrize("fault", [RespondStatus(503), CutAfter(5)], ids=["503", "cut"])
def test_a_sample_is_repeated_like_any_read(source: Runner, fault: Fault) -> None:
    source.pigment.faults.queue("export_table", fault)

    assert "P&L" in source.discovered()


@pytest.mark.parametrize("status", [403, 404])
def test_a_block_that_is_gone_or_forbidden_is_named_and_left_out(source: Runner, status: int) -> None:
    source.pigment.faults.queue("export_table", RespondStatus(status))
    run = source.run("discover")

    assert "P&L" not in {each["name"] for each in run.of("CATALOG")[0]["streams"]}
    assert any('"P&L"' in each["message"] for each in run.of("LOG") if each["level"] == "ERROR")


# Whose payload it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "discover", "read"])
def test_a_payload_named_like_several_blocks_asks_for_the_id(source: Runner, command: str) -> None:
    block = add_list(source, "Same", "a", salt="one")
    add_list(source, "Same", "b", salt="two")
    catalog = source.catalog(f"Same (list) ({block.id[:8]})")
    by_name = [{"block": "Same", "request": json.dumps({"listFilter": [block.items[0].id]})}]
    run = source.run(command, catalog=catalog if command == "read" else None, block_requests=by_name)

    message = run.of("CONNECTION_STATUS")[0]["message"] if command == "check" else run.errors[0]["message"]
    assert "enter the ID" in message

    by_id = [{**by_name[0], "block": block.id}]
    assert source.run(command, catalog=catalog if command == "read" else None, block_requests=by_id).exit_code == 0
