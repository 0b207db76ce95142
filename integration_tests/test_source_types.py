"""source-pigment as a process: the types and keys of what is discovered."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from connectors import Runner
from local_pigment.blocks import DEFAULT_SCENARIO, ListBlock, MetricBlock, Property, TableBlock, ValueType
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from reading import add_list, logged, properties


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=50)) as started:
        yield started


def test_types_and_keys_of_each_kind_of_block(source: Runner) -> None:
    streams = source.discovered(block_types=["list", "table", "metric"])

    assert properties(streams["Departments"]) == {
        "Department": "string",
        "Parent": "string",
        "Active": "boolean",
        "FTE": "number",
    }
    assert streams["Departments"]["source_defined_primary_key"] == [["Department"]]
    assert properties(streams["Employees"])["Hired"] == "date"
    # A transaction list has no key, whatever its first column looks like.
    assert not streams["General Ledger"].get("source_defined_primary_key")
    assert properties(streams["Headcount"]) == {"Departments": "string", "Months": "string", "Headcount": "number"}
    assert streams["Headcount"]["source_defined_primary_key"] == [["Departments"], ["Months"]]
    assert properties(streams["P&L"])["Salary cost"] == "number"
    assert streams["P&L"]["source_defined_primary_key"] == [["Departments"], ["Months"]]
    for stream in streams.values():
        # None of them is in slices, so the platform clears what a failed attempt left.
        assert stream["is_resumable"] is False
        assert stream["supported_sync_modes"] == ["full_refresh"]
        assert all("null" in each["type"] for each in stream["json_schema"]["properties"].values())


def test_a_property_with_the_name_of_a_dimension_list_stays_text_when_an_item_looks_different(source: Runner) -> None:
    accounts = new_id("list", "Account")
    source.pigment.workspace.application(PLANNING).put(ListBlock(accounts, "Account", [Property("Account")]))
    postings = add_list(source, "Postings", ["Entry", "Account"], [["1", "601015"], ["2", "601016"]])
    catalog = source.catalog("Postings")
    postings.add("3", "0012")
    run = source.run("read", catalog=catalog)

    assert properties(catalog["streams"][0]["stream"]) == {"Entry": "string", "Account": "string"}
    assert [each["data"]["Account"] for each in run.records] == ["601015", "601016", "0012"]
    assert not logged(run, "does not fit its type")


def test_a_value_that_is_blank_in_the_first_rows_is_typed_by_later_ones(source: Runner) -> None:
    application = source.pigment.workspace.application(PLANNING)
    items = ListBlock(new_id("list", "Items"), "Items", [Property("Item")])
    full, late = (MetricBlock(new_id("metric", name), name, [items.id]) for name in ("Full", "Late"))
    for number in range(3000):
        items.add(f"item {number}")
        full.of(DEFAULT_SCENARIO)[(f"item {number}",)] = "1"
    late.of(DEFAULT_SCENARIO)[("item 2999",)] = "2.5"
    for block in (items, full, late, TableBlock(new_id("table", "Wide"), "Wide", [full.id, late.id])):
        application.put(block)

    assert properties(source.discovered()["Wide"]) == {"Items": "string", "Full": "number", "Late": "number"}


def test_types_may_be_switched_off(source: Runner) -> None:
    streams = source.discovered(types="text")
    assert {each for stream in streams.values() for each in properties(stream).values()} == {"string"}


def test_a_table_without_named_metrics_has_its_trailing_numbers_as_values(source: Runner) -> None:
    table = source.pigment.workspace.block("P&L", PLANNING)
    fields = [
        {"type": "DimensionField", "sourceId": source.pigment.workspace.block("Departments", PLANNING).id},
        {"type": "ValueField", "sourceId": table.metric_ids[0], "displayName": "People"},  # type: ignore[union-attr] # it is a table
    ]
    stream = source.discovered(block_requests=[{"block": "P&L", "request": json.dumps({"fields": fields})}])["P&L"]

    assert properties(stream) == {"Departments": "string", "People": "number"}
    assert "source_defined_primary_key" not in stream or not stream["source_defined_primary_key"]


def test_scenarios_are_a_column_and_part_of_the_key(source: Runner) -> None:
    scenarios = list(source.pigment.workspace.application(PLANNING).scenarios)
    stream = source.discovered(
        block_types=["metric"], block_requests=[{"block": "Headcount", "request": json.dumps({"scenarios": scenarios})}]
    )["Headcount"]

    assert properties(stream)["Scenario"] == "string"
    assert stream["source_defined_primary_key"] == [["Departments"], ["Months"], ["Scenario"]]


def test_metrics_of_every_value_type(source: Runner) -> None:
    application = source.pigment.workspace.application(PLANNING)
    months = source.pigment.workspace.block("Months", PLANNING)
    for type_, values in {
        ValueType.TEXT: ["x", "0012"],
        ValueType.BOOLEAN: ["TRUE", "FALSE"],
        ValueType.DATE: ["2026-01-01", "2026-12-31"],
    }.items():
        metric = MetricBlock(new_id("metric", type_), f"M {type_}", [months.id], type_)
        for month, value in zip(["Jan 26", "Feb 26"], values, strict=True):
            metric.of(DEFAULT_SCENARIO)[(month,)] = value
        application.put(metric)
    streams = source.discovered(block_types=["metric"], include=["M *"])

    assert {name: properties(each)[name] for name, each in streams.items()} == {
        "M Text": "string",
        "M Boolean": "boolean",
        "M Date": "date",
    }


def test_a_metric_named_like_a_dimension_makes_no_value_of_it(source: Runner) -> None:
    application = source.pigment.workspace.application(PLANNING)
    application.put(MetricBlock(new_id("metric", "odd"), "Months", []))
    stream = source.discovered()["P&L"]
    assert stream["source_defined_primary_key"] == [["Departments"], ["Months"]]


def test_a_payload_that_names_its_fields_says_which_are_values(source: Runner) -> None:
    table = source.pigment.workspace.block("P&L", PLANNING)
    dimension = source.pigment.workspace.block("Departments", PLANNING).id
    metrics = table.metric_ids  # type: ignore[union-attr] # it is a table
    fields = [
        {"type": "DimensionField", "sourceId": dimension},
        {"type": "ValueField", "sourceId": metrics[0], "displayName": "People"},
        {"type": "ValueField", "sourceId": metrics[1]},
    ]
    stream = source.discovered(block_requests=[{"block": "P&L", "request": json.dumps({"fields": fields})}])["P&L"]
    assert properties(stream) == {"Departments": "string", "People": "number", "Salary cost": "number"}
