"""source-pigment as a process: one connection that reads every application as a namespace, and choices among them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner
from local_pigment.blocks import ListBlock, Property, View
from local_pigment.workspace import new_id
from several_applications import (
    EVERYWHERE,
    OTHER_SALES,
    OTHER_SPACE,
    PEOPLE,
    SALES,
    SALES_SPACE,
    assert_only_sales_failed,
    block_id,
    check,
    discovered,
    ends,
    hide,
    logged,
    of,
    read,
    records,
    source_of_applications,
    statuses,
    streams_of,
)


@pytest.fixture
def source(source_fork_server: ForkServer) -> Iterator[Runner]:
    with source_of_applications(source_fork_server) as runner:
        yield runner


def test_each_application_is_a_namespace_of_its_own(source: Runner) -> None:
    found = discovered(source)

    assert set(found) == EVERYWHERE
    run = read(source, found)
    assert run.exit_code == 0, run.errors
    for space, id_ in (("People", PEOPLE), (SALES_SPACE, SALES), (OTHER_SPACE, OTHER_SALES)):
        accounts = source.pigment.workspace.block(block_id(id_, "Accounts"))
        assert isinstance(accounts, ListBlock)
        assert records(run)[space, "Accounts"] == [each.values for each in accounts.items]
        assert [row[0] for row in records(run)[space, "Result"]] == [each.values[0] for each in accounts.items]
        # The metric of the same application says which column of its table is the value.
        assert found[space, "Result"]["source_defined_primary_key"] == [["Accounts"]]


def test_an_application_hidden_after_the_discovery_fails_its_streams_alone(source: Runner) -> None:
    found = discovered(source)
    hide(source, SALES)

    assert_only_sales_failed(read(source, found), "config_error", "was hidden from the owner of the API key")


@pytest.mark.parametrize(
    ("status", "type_", "words"),
    [
        (403, "config_error", "was hidden from the owner of the API key"),
        (404, "config_error", "was hidden from the owner of the API key"),
        (503, "transient_error", "the blocks of its application could not be listed"),
    ],
)
@pytest.mark.long
def test_an_application_whose_blocks_cannot_be_listed_fails_its_streams_alone(
    source: Runner, status: int, type_: str, words: str
) -> None:
    found = discovered(source)
    statuses(source)[f"blocks?applicationId={SALES}"] = status

    assert_only_sales_failed(read(source, found), type_, words)


@pytest.mark.long
def test_an_application_hidden_between_its_blocks_and_their_exports_fails_its_streams_alone(source: Runner) -> None:
    found = discovered(source)
    for name in ("Accounts", "Result"):
        statuses(source)[block_id(SALES, name)] = 404

    assert_only_sales_failed(read(source, found), "config_error", f'"{SALES_SPACE}/')


@pytest.mark.long
@pytest.mark.parametrize("status", [403, 404])
def test_a_hidden_application_is_named_and_left_out_of_the_discovery(source: Runner, status: int) -> None:
    statuses(source)[f"blocks?applicationId={SALES}"] = status
    run = source.run("discover")

    assert set(streams_of(run)) == {each for each in EVERYWHERE if each[0] != SALES_SPACE}
    assert f'The application "{SALES_SPACE}" is left out' in logged(run)


@pytest.mark.long
@pytest.mark.parametrize("status", [500, 503])
def test_an_application_that_fails_for_a_passing_reason_fails_the_discovery(source: Runner, status: int) -> None:
    statuses(source)[f"blocks?applicationId={SALES}"] = status
    run = source.run("discover")

    assert run.exit_code != 0
    assert not run.of("CATALOG")
    assert run.errors[0]["failure_type"] == "transient_error"
    assert f'The blocks of the application "{SALES_SPACE}" could not be listed' in run.errors[0]["message"]


@pytest.mark.long
def test_a_revoked_key_is_reported_once(source: Runner) -> None:
    found = discovered(source)
    statuses(source)[f"blocks?applicationId={SALES}"] = 401
    run = read(source, found)

    assert run.exit_code != 0
    assert [each["message"][:20] for each in run.errors] == ["Pigment rejected the"]
    assert not run.records


@pytest.mark.long
def test_an_application_hidden_between_check_and_discovery_is_not_in_the_catalog(source: Runner) -> None:
    assert check(source)[0] == "SUCCEEDED"
    hide(source, OTHER_SALES)

    # What is left of two equal names is one that needs no id.
    assert {space for space, _ in discovered(source)} == {"People", "Sales"}


@pytest.mark.long
def test_check_says_which_applications_there_are(source: Runner) -> None:
    spaces = ", ".join(sorted(("People", SALES_SPACE, OTHER_SPACE)))
    found = "6 streams were found, and the keys can read them: 3 lists, 3 tables."
    assert check(source) == ("SUCCEEDED", f"{found} The keys see 3 applications: {spaces}.")
    operations = [each.operation for each in source.pigment.requests]
    assert operations[0] == "list_applications"
    assert sorted(operations[1:]) == ["export_list", "export_table", *["list_blocks"] * 3]


@pytest.mark.long
def test_check_names_what_is_hidden_and_fails_where_nothing_is_left(source: Runner) -> None:
    statuses(source)[f"blocks?applicationId={SALES}"] = 403
    result, message = check(source)
    assert result == "SUCCEEDED"
    assert message.endswith(f"Left out, because their blocks are hidden: {SALES_SPACE}.")
    statuses(source)["blocks?"] = 403
    result, message = check(source)
    assert (result, "the blocks of none of them (HTTP 403): share an application" in message) == ("FAILED", True)
    hide(source, PEOPLE, SALES, OTHER_SALES)
    result, message = check(source)
    assert (result, "but there is none: share the applications" in message) == ("FAILED", True)


@pytest.mark.long
@pytest.mark.parametrize("status", [403, 404])
def test_check_tries_a_block_of_another_application_before_a_second_one(source: Runner, status: int) -> None:
    workspace = source.pigment.workspace
    for number in range(4):
        workspace.application(PEOPLE).put(ListBlock(new_id("more", str(number)), f"More {number}", [Property("x")]))
        statuses(source)[new_id("more", str(number))] = status
    statuses(source)[block_id(PEOPLE, "Accounts")] = status
    assert check(source)[0] == "SUCCEEDED"


def operations(source: Runner, command: str, catalog: Any = None, **config: Any) -> dict[str, int]:
    before = len(source.pigment.requests)
    assert source.run(command, catalog=catalog, **config).exit_code == 0
    return Counter(each.operation for each in source.pigment.requests[before:])


@pytest.mark.long
def test_each_application_costs_one_request_beside_its_exports(source: Runner) -> None:
    found = discovered(source)
    exports = {"export_list": 3, "export_table": 3}
    assert operations(source, "discover") == {"list_applications": 1, "list_blocks": 3, **exports}
    assert operations(source, "read", of(*found.values())) == {"list_applications": 1, "list_blocks": 3, **exports}
    # What is not read is not asked for.
    one = of(found["People", "Accounts"])
    assert operations(source, "read", one) == {"list_applications": 1, "list_blocks": 1, "export_list": 1}
    # One application costs what it always did.
    alone = of(discovered(source, application_id=PEOPLE)[None, "Accounts"])
    assert operations(source, "read", alone, application_id=PEOPLE) == {"list_blocks": 1, "export_list": 1}


def add_view(source: Runner, application_id: str, name: str) -> str:
    view = View(new_id("view", application_id, name), name, block_id(application_id, "Accounts"))
    source.pigment.workspace.applications[application_id].views[view.id] = view
    return view.id


@pytest.mark.long
def test_a_view_belongs_to_its_application(source: Runner) -> None:
    bare, addressed = add_view(source, SALES, "Bare"), add_view(source, PEOPLE, "Addressed")
    address = f"https://pigment.app/application/{PEOPLE}/lists/{block_id(PEOPLE, 'Accounts')}?viewId={addressed}"
    views = [{"view_id": bare, "name": "Accounts"}, {"view_id": address, "name": "Seen"}]
    found = discovered(source, views=views)

    assert set(found) == (EVERYWHERE - {(SALES_SPACE, "Accounts")}) | {
        (SALES_SPACE, "Accounts (list)"),
        (SALES_SPACE, "Accounts (view)"),
        ("People", "Seen"),
    }
    before = len(source.pigment.requests)
    run = read(source, found, views=views)
    assert run.exit_code == 0
    assert len(records(run)[SALES_SPACE, "Accounts (view)"]) == 4
    # The view need not be looked up again.
    assert "list_views" not in {each.operation for each in source.pigment.requests[before:]}


@pytest.mark.long
def test_a_whole_address_says_where_a_view_is_without_a_request(source: Runner) -> None:
    id_ = add_view(source, PEOPLE, "Addressed")
    address = f"https://pigment.app/application/{PEOPLE}/lists/{block_id(PEOPLE, 'Accounts')}?viewId={id_}"
    assert ("People", "Seen") in discovered(source, views=[{"view_id": address, "name": "Seen"}])
    assert "list_views" not in {each.operation for each in source.pigment.requests}


@pytest.mark.long
def test_a_view_of_no_application_is_named(source: Runner) -> None:
    views = [{"view_id": new_id("view", "nowhere"), "name": "Nowhere"}]
    run = source.run("discover", views=views)

    assert set(streams_of(run)) == EVERYWHERE
    assert 'The view "Nowhere" is left out' in logged(run)
    result, message = check(source, views=views)
    assert (result, "paste the whole address of the page" in message) == ("FAILED", True)


@pytest.mark.parametrize("part", ["views?", "blocks?"])
def test_a_view_that_may_be_where_views_are_hidden_is_not_called_gone(source: Runner, part: str) -> None:
    views = [{"view_id": add_view(source, SALES, "Hidden"), "name": "Hidden"}]
    statuses(source)[f"{part}applicationId={SALES}"] = 403
    run = source.run("discover", views=views)

    words = f"Pigment does not show the views of {SALES_SPACE} to the owner of the API key"
    assert (None, "Hidden") not in streams_of(run)
    assert words in logged(run)
    assert "is in none of the applications" not in logged(run)
    result, message = check(source, views=views)
    assert (result, words in message) == ("FAILED", True)


@pytest.mark.parametrize("more", [{}, {"model_streams": True}, {"audit_log": True}])
@pytest.mark.parametrize("status", [403, 404])
def test_a_discovery_to_which_every_application_is_hidden_fails(
    source: Runner, more: dict[str, Any], status: int
) -> None:
    """Otherwise every stream of a block would vanish from the connection, with what it has synced."""
    statuses(source)["blocks?"] = status
    run = source.run("discover", **more)

    assert run.exit_code != 0
    assert not run.of("CATALOG")
    assert [each["failure_type"] for each in run.errors] == ["config_error"]
    assert "3 applications" in run.errors[0]["message"]
    assert f"the blocks of none of them (HTTP {status})" in run.errors[0]["message"]


def test_who_reads_only_the_audit_log_needs_no_blocks(source: Runner) -> None:
    statuses(source)["blocks?"] = 403
    assert set(discovered(source, audit_log=True, block_types=[])) == {(None, "_pigment_audit_log")}


@pytest.mark.long
def test_patterns_may_name_the_application(source: Runner) -> None:
    assert set(discovered(source, include=["People/*", f"{OTHER_SPACE}/Res*"])) == {
        ("People", "Accounts"),
        ("People", "Result"),
        (OTHER_SPACE, "Result"),
    }
    # The name that both have means both.
    assert {space for space, _ in discovered(source, exclude=["Sales/*"])} == {"People"}


@pytest.mark.long
def test_a_custom_export_may_name_the_application(source: Runner) -> None:
    accounts = source.pigment.workspace.block(block_id(PEOPLE, "Accounts"))
    assert isinstance(accounts, ListBlock)
    custom = [{"block": "People/Accounts", "request": json.dumps({"listFilter": [accounts.items[0].id]})}]
    run = read(source, discovered(source, block_requests=custom), block_requests=custom)

    lengths = {space: len(rows) for (space, name), rows in records(run).items() if name == "Accounts"}
    assert lengths == {"People": 1, SALES_SPACE: 4, OTHER_SPACE: 4}
    result, message = check(source, block_requests=[{**custom[0], "block": "Accounts"}])
    assert (result, "3 blocks of the applications are called" in message) == ("FAILED", True)


@pytest.mark.long
@pytest.mark.parametrize("named", [block_id(SALES, "Accounts"), f"{SALES_SPACE}/Accounts"])
def test_a_custom_export_of_a_hidden_application_holds_up_no_other(source: Runner, named: str) -> None:
    custom = [{"block": named, "request": "{}"}]
    found = discovered(source, block_requests=custom)
    hide(source, SALES)

    assert_only_sales_failed(read(source, found, block_requests=custom), "config_error", "was hidden from the owner")
    statuses(source)["blocks?"] = 404
    hidden = source.run("read", catalog=of(*found.values()), block_requests=custom)
    assert set(ends(hidden).values()) == {"INCOMPLETE"}


@pytest.mark.long
@pytest.mark.parametrize(("status", "type_"), [(503, "transient_error"), (403, "config_error")])
def test_a_custom_export_for_blocks_that_could_not_be_listed_is_not_ignored(
    source: Runner, status: int, type_: str
) -> None:
    """It may be for a block that is read, under a name of before: without it, more would be read than was asked for."""
    custom = [{"block": block_id(SALES, "Accounts"), "request": "{}"}]
    found = {each: stream for each, stream in discovered(source, block_requests=custom).items() if each[0] == "People"}
    statuses(source)[f"blocks?applicationId={SALES}"] = status
    run = source.run("read", catalog=of(*found.values()), block_requests=custom)

    assert not run.records
    assert [each["failure_type"] for each in run.errors] == [type_]


@pytest.mark.parametrize(
    ("stream", "hidden"),
    [
        ("_pigment_blocks", "blocks?"),
        ("_pigment_views", "blocks?"),
        ("_pigment_views", "views?"),
        ("_pigment_import_configurations", "importConfigurations?"),
    ],
)
@pytest.mark.parametrize("status", [403, 404])
def test_a_stream_about_the_model_is_incomplete_where_an_application_is_hidden(
    source: Runner, stream: str, hidden: str, status: int
) -> None:
    found = discovered(source, model_streams=True)
    chosen = {each: found[each] for each in ((None, stream), (None, "_pigment_applications"))}
    statuses(source)[f"{hidden}applicationId={SALES}"] = status
    run = read(source, chosen, model_streams=True)

    assert ends(run) == {(None, stream): "INCOMPLETE", (None, "_pigment_applications"): "COMPLETE"}
    assert set(records(run)) == {(None, "_pigment_applications")}
    assert {each["failure_type"] for each in run.errors} == {"config_error"}
    assert f'of the application "Sales" (HTTP {status}) to the owner of the API key' in run.errors[0]["message"]


def test_check_fails_where_a_stream_about_the_model_would_be_incomplete(source: Runner) -> None:
    statuses(source)[f"blocks?applicationId={OTHER_SALES}"] = 403
    assert check(source)[0] == "SUCCEEDED"
    result, message = check(source, model_streams=True)
    assert (result, 'does not show the blocks of the application "Sales" (HTTP 403)' in message) == ("FAILED", True)
