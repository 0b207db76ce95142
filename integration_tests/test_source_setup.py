"""source-pigment as a process: spec, check and discover."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors import Runner, key
from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import RespondStatus
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from reading import add_list, add_raw, properties


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=50)) as started:
        yield started


def status(source: Runner, **config: Any) -> tuple[str, str]:
    run = source.run("check", **config)
    status = run.of("CONNECTION_STATUS")[0]
    return status["status"], status.get("message", "")


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


def test_a_form_that_is_filled_in_wrong_stops_discover_in_the_same_words(source: Runner) -> None:
    run = source.run("discover", num_workers=0)
    assert run.exit_code != 0
    assert [(each["failure_type"], each["message"]) for each in run.errors] == [
        ("config_error", 'The field "Exports at the same time" must be between 1 and 20: correct it.')
    ]


def test_technical_headers(source: Runner) -> None:
    names = list(properties(source.discovered(headers="technical")["Departments"]))
    assert names[0].startswith("department_")


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


def test_one_block_that_may_not_be_exported_hides_no_other(source: Runner) -> None:
    source.pigment.faults.queue("export_table", RespondStatus(403))
    assert "Departments" in source.discovered()
    source.pigment.faults.queue("export_list", RespondStatus(404))
    assert status(source)[0] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a;b\r\n1;2\r\n3\r\n", "a row has another number of fields than the header (record 3)"),
        (b'a;b\r\n1;2\r\n"3"x;4\r\n', "a quote inside a cell is not doubled (record 3)"),
        (b'"a"b;c\r\n1;2\r\n', "a quote inside a cell is not doubled (record 1)"),
    ],
)
def test_an_export_that_can_never_be_read_fails_discovery_until_its_block_is_excluded(
    source: Runner, content: bytes, words: str
) -> None:
    add_raw(source, "Broken", content)
    run = source.run("discover")

    assert not run.of("CATALOG")
    assert [(each["failure_type"], each["message"]) for each in run.errors] == [
        (
            "config_error",
            (
                f'The export of the list "Broken" cannot be read: {words}. Look at that place in Pigment, or leave '
                'the block out under "Exclude", and report this if nothing is wrong there.'
            ),
        )
    ]
    assert "Broken" not in source.discovered(exclude=["Broken"])


def test_check_calls_a_broken_header_line_by_its_name(source: Runner) -> None:
    add_raw(source, "Broken", b'"a"b;c\r\n1;2\r\n')
    # One export of each kind is enough, and another list can be read.
    assert status(source)[0] == "SUCCEEDED"
    result, message = status(source, include=["Broken"])
    assert (result, message.partition(":")[0]) == ("FAILED", 'The export of the list "Broken" cannot be read')


@pytest.mark.parametrize("content", [b"", b"a;b\r\n1;\xff\r\n", b'a;b\r\n1;"2\r\n', b'"a;b\r\n1;2\r\n'])
def test_a_block_whose_export_fails_again_and_again_can_be_excluded(source: Runner, content: bytes) -> None:
    add_raw(source, "Broken", content)
    run = source.run("discover", max_retries=0)

    assert not run.of("CATALOG")
    assert run.errors[0]["message"].endswith('If it stays like this, leave the block out under "Exclude".')
    assert "Broken" not in source.discovered(exclude=["Broken"])


@pytest.mark.parametrize(("stored", "entered"), [("Umsa\u0308tze", "Ums\u00e4tze"), ("Ums\u00e4tze", "Umsa\u0308tze")])
def test_a_name_is_the_same_however_its_letters_are_stored(source: Runner, stored: str, entered: str) -> None:
    block = add_list(source, stored, ["Item"], [["a"], ["b"]])
    custom = [{"block": entered, "request": json.dumps({"listFilter": [block.items[0].id]})}]

    assert set(source.discovered(include=[entered])) == {stored}
    assert stored not in source.discovered(exclude=[entered])
    assert status(source, include=[entered], block_requests=custom)[0] == "SUCCEEDED"
    run = source.run("read", catalog=source.catalog(stored, block_requests=custom), block_requests=custom)
    assert [each["data"]["Item"] for each in run.records] == ["a"]


@pytest.mark.parametrize(
    "empty",
    [
        {"headers": "", "types": ""},
        {"block_types": ""},
        {"block_types": [""]},
        {"include": [""], "exclude": ["", ""]},
        {"include": "", "exclude": "", "views": "", "block_requests": ""},
        {"row_metadata": "", "audit_log": "", "model_streams": ""},
        {"num_workers": "", "max_retries": "", "requests_per_5_minutes": "", "idle_timeout_seconds": ""},
    ],
    ids=" ".join,
)
def test_an_empty_text_is_as_good_as_not_set(source: Runner, empty: dict[str, Any]) -> None:
    assert status(source, **empty) == status(source)
    assert source.discovered(**empty) == source.discovered()
