"""source-pigment as a process: spec, check and discover."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors import Runner, key
from local_pigment.blocks import DEFAULT_SCENARIO, ListBlock, MetricBlock, Property, ValueType
from local_pigment.faults import RespondStatus
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from reading import add_raw


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=50)) as started:
        yield started


def status(source: Runner, **config: Any) -> tuple[str, str]:
    run = source.run("check", **config)
    status = run.of("CONNECTION_STATUS")[0]
    return status["status"], status.get("message", "")


def add_list(source: Runner, name: str, header: list[str], rows: list[list[str]], **more: Any) -> ListBlock:
    block = ListBlock(new_id("extra", name, str(len(header))), name, [Property(each) for each in header], **more)
    for row in rows:
        block.add(*row)
    source.pigment.workspace.application(PLANNING).put(block)
    return block


def properties(stream: dict[str, Any]) -> dict[str, Any]:
    return {name: each.get("format", each["type"][1]) for name, each in stream["json_schema"]["properties"].items()}


# check ---------------------------------------------------------------------------------------------------------


def test_a_good_setup_is_accepted_with_one_header_line_of_each_kind(source: Runner) -> None:
    result, message = status(source, block_types=["list", "table", "metric"])
    assert result == "SUCCEEDED"
    assert message == "8 streams were found, and the keys can read them: 5 lists, 2 metrics, 1 table."
    first, *others = [each.operation for each in source.pigment.requests]
    assert first == "list_blocks"
    assert sorted(others) == ["export_list", "export_metric", "export_table"]


def test_separate_keys_each_serve_their_purpose(source: Runner) -> None:
    secret = source.pigment.workspace.secret
    keys = {
        "auth_type": "separate_keys",
        "export_api_key": secret("export"),
        "metadata_api_key": secret("metadata"),
    }
    assert status(source, credentials=keys)[0] == "SUCCEEDED"
    assert {(each.operation, each.key_name) for each in source.pigment.requests} == {
        ("list_blocks", "metadata"),
        ("export_list", "export"),
        ("export_table", "export"),
    }


def test_an_application_and_a_view_may_be_pasted_as_addresses(source: Runner) -> None:
    application = source.pigment.workspace.application(PLANNING)
    view = next(view for view in application.views.values() if view.name == "Ledger for the API")
    address = (
        f"https://pigment.app/application/{application.id}/lists/{view.block_id}?displayMode=Grid&viewId={view.id}"
    )
    custom = [{"block": address, "request": "{}"}]
    result, message = status(
        source, application_id=address, views=[{"view_id": address, "name": "V"}], block_requests=custom
    )
    assert result == "SUCCEEDED", message
    assert any(view.id in each.target for each in source.pigment.requests if each.operation == "export_view")


def test_check_reads_a_header_of_what_the_configuration_names_itself(source: Runner) -> None:
    views = source.pigment.workspace.application(PLANNING).views
    ledger = next(view.id for view in views.values() if view.name == "Ledger for the API")
    requests = [{"block": name, "request": "{}"} for name in ("Months", "Accounts")]
    status(source, views=[{"view_id": ledger, "name": "V"}], block_requests=requests)
    block = source.pigment.workspace.block
    named = [ledger, block("Months", PLANNING).id, block("Accounts", PLANNING).id]
    exported = [each.target.partition("?")[0].rpartition("/")[2] for each in source.pigment.requests[1:]]
    # And one table, for tables are read as well.
    assert sorted(exported) == sorted([*named, block("P&L", PLANNING).id])


def test_check_says_how_many_requests_it_made(source: Runner) -> None:
    logs = [each["message"] for each in source.run("check").of("LOG")]
    assert f"{len(source.pigment.requests)} requests were made to Pigment." in logs


def test_a_form_that_is_filled_in_wrong_stops_discover_in_the_same_words(source: Runner) -> None:
    run = source.run("discover", num_workers=0)
    assert run.exit_code != 0
    assert [(each["failure_type"], each["message"]) for each in run.errors] == [
        ("config_error", 'The field "Exports at the same time" must be between 1 and 20: correct it.')
    ]


# discover ------------------------------------------------------------------------------------------------------


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


def test_items_are_text_whatever_they_look_like(source: Runner) -> None:
    add_list(source, "Codes", ["Code", "Number"], [["1", "1"], ["2", "2"]])
    assert properties(source.discovered()["Codes"]) == {"Code": "string", "Number": "number"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2.50", "1e5", "0"], "number"),
        (["0012"], "string"),
        (["+5"], "string"),
        (["1,5"], "string"),
        (["NaN"], "string"),
        (["TRUE", "FALSE", ""], "boolean"),
        (["True"], "string"),
        (["2026-02-28", ""], "date"),
        (["2026-02-30"], "string"),
        (["", ""], "string"),
        (["1", "x"], "string"),
    ],
)
def test_a_property_gets_the_type_that_all_its_values_have(source: Runner, values: list[str], expected: str) -> None:
    add_list(source, "Any", ["Item", "Value"], [[f"i{position}", value] for position, value in enumerate(values)])
    assert properties(source.discovered(include=["Any"])["Any"])["Value"] == expected


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


def test_technical_headers(source: Runner) -> None:
    names = list(properties(source.discovered(headers="technical")["Departments"]))
    assert names[0].startswith("department_")


def test_scenarios_are_a_column_and_part_of_the_key(source: Runner) -> None:
    scenarios = list(source.pigment.workspace.application(PLANNING).scenarios)
    stream = source.discovered(
        block_types=["metric"], block_requests=[{"block": "Headcount", "request": json.dumps({"scenarios": scenarios})}]
    )["Headcount"]

    assert properties(stream)["Scenario"] == "string"
    assert stream["source_defined_primary_key"] == [["Departments"], ["Months"], ["Scenario"]]


def test_views_become_streams_under_their_names(source: Runner) -> None:
    views = source.pigment.workspace.application(PLANNING).views
    view = next(view for view in views.values() if view.name == "Ledger for the API")
    streams = source.discovered(views=[{"view_id": view.id, "name": "Ledger view"}])

    assert "Amount" in properties(streams["Ledger view"])
    assert "General Ledger" in streams


def test_block_types_and_patterns_choose(source: Runner) -> None:
    assert set(source.discovered()) == {"Departments", "Accounts", "Months", "Employees", "General Ledger", "P&L"}
    assert set(source.discovered(block_types=["metric"])) == {"Headcount", "Salary cost"}
    assert set(source.discovered(include=["*s"], exclude=["M*"])) == {"Departments", "Accounts", "Employees"}


def test_equal_names_all_stay(source: Runner) -> None:
    application = source.pigment.workspace.application(PLANNING)
    add_list(source, "P&L", ["Item"], [["a"]])
    for salt in "ab":
        application.put(ListBlock(new_id("same_name", salt), "Same name", [Property("Item")]))
    names = set(source.discovered())

    assert len([name for name in names if name.startswith("P&L")]) == 2
    assert len([name for name in names if name.startswith("Same name")]) == 2
    assert {"P&L (list)", "P&L (table)"} <= names, names


def test_equal_and_empty_headers_all_stay(source: Runner) -> None:
    add_raw(source, "Headers", b"a;a;;a_2;;a\r\n1;2;3;4;5;6\r\n")
    names = list(properties(source.discovered()["Headers"]))

    assert names == ["a", "a_3", "column_3", "a_2", "column_5", "a_4"]
    record = source.run("read", catalog=source.catalog("Headers")).records[0]["data"]
    assert list(record) == names
    assert [str(value) for value in record.values()] == list("123456")


def test_when_every_block_fails_discovery_fails(source: Runner) -> None:
    source.pigment.faults.queue("export_list", RespondStatus(404), times=5)
    source.pigment.faults.queue("export_table", RespondStatus(404))
    run = source.run("discover")

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert not run.of("CATALOG")


def test_a_missing_permission_ends_discovery_with_its_name(source: Runner) -> None:
    run = source.run("discover", credentials=key(source.pigment, "metadata"))

    assert run.exit_code != 0
    assert '"Export"' in run.errors[0]["message"]
    assert len(source.pigment.requests) <= 7


@pytest.mark.parametrize(("values", "claimed"), [(["a", "b"], True), (["a", ""], False), (["a", "a"], False)])
def test_a_key_that_does_not_hold_is_not_claimed(source: Runner, values: list[str], claimed: bool) -> None:
    add_raw(source, "Keys", ("Item;x\r\n" + "".join(f"{value};1\r\n" for value in values)).encode(), is_dimension=True)
    stream = source.discovered()["Keys"]
    assert bool(stream.get("source_defined_primary_key")) is claimed


def test_richer_metadata_names_the_key(source: Runner) -> None:
    source.pigment.workspace.variants.richer_metadata = True
    stream = source.discovered()["Departments"]
    assert stream["source_defined_primary_key"] == [["Department"]]


def test_only_the_beginning_of_a_large_export_is_fetched(source: Runner) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"a;b\r\n"
        while True:
            sent += 230_000
            # Nothing that compresses: the client's pace, and not that of the machine, then says how much is sent.
            yield b"".join(b"%d;%s\r\n" % (number, os.urandom(5).hex().encode()) for number in range(10_000))

    add_raw(source, "Endless").stream = endless
    assert "Endless" in source.discovered()
    assert sent < 40_000_000


def test_row_metadata_is_in_the_schema(source: Runner) -> None:
    names = properties(source.discovered(row_metadata=True)["Months"])
    assert list(names)[-2:] == ["_pigment_record_id", "_pigment_content_hash"]


@pytest.mark.parametrize("blocks", [200, 400])
def test_discovery_takes_a_request_for_each_block_and_three_at_most(source: Runner, blocks: int) -> None:
    application = source.pigment.workspace.application(PLANNING)
    application.blocks.clear()
    for number in range(blocks):
        add_raw(source, f"Block {number}", b"a;b\r\n1;2\r\n")
    streams = source.discovered()

    assert len(streams) == blocks
    assert len(source.pigment.requests) <= blocks + 3
    assert source.pigment.workspace.limits.max_requests_in_any_window() <= 450
    assert {each.status for each in source.pigment.requests} == {200}


def test_a_key_that_sees_less_finds_less(source: Runner) -> None:
    workspace = source.pigment.workspace
    hidden = workspace.block("General Ledger", PLANNING).id
    all_scopes = next(each for each in workspace.keys if each.name == "all")
    workspace.keys.append(replace(all_scopes, name="blind", secret="pgmt_blind", hidden=frozenset({hidden})))

    assert "General Ledger" not in source.discovered(credentials=key(source.pigment, "blind"))


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


def test_two_views_of_one_name_are_two_streams(source: Runner) -> None:
    views = source.pigment.workspace.application(PLANNING).views
    ledger = next(view.id for view in views.values() if view.name == "Ledger for the API")
    same_name = replace(views[ledger], id=new_id("view", "same_name"))
    views[same_name.id] = same_name
    chosen = [{"view_id": id_, "name": "Months"} for id_ in (ledger, same_name.id)]
    streams = source.discovered(views=chosen)

    named = {name for name in streams if name.startswith("Months")}
    assert named == {"Months (list)", f"Months (view) ({ledger[:8]})", f"Months (view) ({same_name.id[:8]})"}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ([{"block": "Headcount", "request": "{}"}, {"block": "headcount-id", "request": "{}"}], "more than one"),
        (
            [{"block": "P&L", "request": '{"metrics": []}', "slices": '[{"metrics": []}]'}],
            'Both "Export options" and "Parts"',
        ),
        ([{"block": "P&L", "slices": '[{"metrics": ["a"]}, {}]'}], "different metrics"),
        ([{"block": "P&L", "slices": '[{"scenarios": ["a"]}, {}]'}], "give all of them scenarios"),
        ([{"block": "P&L", "request": '{"scenarios": NaN}'}], "is not JSON"),
        ([{"block": "P&L", "request": "[]"}], "must be a JSON object"),
        ([{"block": "P&L", "slices": "{}"}], "must be a JSON list"),
    ],
)
def test_payloads_that_would_be_forgotten_are_rejected(
    source: Runner, config: list[dict[str, str]], words: str
) -> None:
    headcount = source.pigment.workspace.block("Headcount", PLANNING).id
    payloads = [{**each, "block": headcount if each["block"] == "headcount-id" else each["block"]} for each in config]
    result, message = status(source, block_types=["table", "metric"], block_requests=payloads)
    assert result == "FAILED"
    assert words in message


def test_brackets_and_blanks_in_patterns_mean_what_they_look_like(source: Runner) -> None:
    add_list(source, "Salaries [confidential]", ["Item"], [["a"]])
    assert set(source.discovered(exclude=["Salaries [confidential]", " Accounts "])) == {
        "Departments",
        "Months",
        "Employees",
        "General Ledger",
        "P&L",
    }


def test_only_views_may_be_chosen(source: Runner) -> None:
    views = source.pigment.workspace.application(PLANNING).views
    ledger = next(view.id for view in views.values() if view.name == "Ledger for the API")
    assert set(source.discovered(block_types=[], views=[{"view_id": ledger, "name": "V"}])) == {"V"}


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


def test_one_block_that_may_not_be_exported_hides_no_other(source: Runner) -> None:
    source.pigment.faults.queue("export_table", RespondStatus(403))
    assert "Departments" in source.discovered()
    source.pigment.faults.queue("export_list", RespondStatus(404))
    assert status(source)[0] == "SUCCEEDED"
