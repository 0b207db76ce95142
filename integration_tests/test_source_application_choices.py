"""source-pigment as a process: views, patterns and custom exports that name one of several applications."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner
from local_pigment.blocks import ListBlock, View
from local_pigment.workspace import new_id
from several_applications import (
    EVERYWHERE,
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
    # Nobody needs to look for the view again.
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
def test_a_custom_export_for_what_nobody_could_look_at_is_not_forgotten(
    source: Runner, status: int, type_: str
) -> None:
    """It may be for a block that is read, under a name of before: without it, more would be read than was asked for."""
    custom = [{"block": block_id(SALES, "Accounts"), "request": "{}"}]
    found = {each: stream for each, stream in discovered(source, block_requests=custom).items() if each[0] == "People"}
    statuses(source)[f"blocks?applicationId={SALES}"] = status
    run = source.run("read", catalog=of(*found.values()), block_requests=custom)

    assert not run.records
    assert [each["failure_type"] for each in run.errors] == [type_]
