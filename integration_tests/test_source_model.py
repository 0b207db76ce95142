"""The model as streams: what Pigment lists, held against the workspace field by field; and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run, configured
from airbyte_platform.rules import SourceRules
from connectors import Runner, key, running, source_config
from local_pigment.blocks import ListBlock, Property, View
from local_pigment.faults import RespondGarbage, RespondStatus
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace, new_id
from pigment_airbyte.connection import client_from_config
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import Unavailable
from source_pigment.model.entries import Entry, ModelKind
from source_pigment.model.streams import ModelListings

MODEL = {"model_streams": True}


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    config = {**source_config(pigment), **MODEL, "application_id": pigment.workspace.application(CONSOLIDATION).id}
    with running(source_fork_server, pigment, config) as runner:
        yield runner


def data_of(run: Run, kind: ModelKind) -> list[dict[str, Any]]:
    return [each["data"] for each in run.records if each["stream"] == kind]


def entries(pigment: LocalPigment, kind: ModelKind, *, application: str | None = None) -> list[Entry]:
    client = client_from_config({**source_config(pigment), "max_retries": 1}, default_max_retries=1)
    chosen = application and pigment.workspace.application(application).id
    return ModelListings(client, chosen, num_workers=1).entries(kind, Event())


def expected_configurations(workspace: Workspace) -> list[dict[str, Any]]:
    owner = workspace.application(CONSOLIDATION)
    return [
        {
            "id": each.id,
            "name": each.name,
            "target": None,
            "columns": None,
            "application_id": owner.id,
            "application_name": owner.name,
            "block_id": each.block_id,
            "block_name": owner.blocks[each.block_id].name,
            "block_type": owner.blocks[each.block_id].type,
            "listed_in": [{"application_id": owner.id, "block_id": each.block_id}],
            "additional_fields": None,
        }
        for each in workspace.configurations.values()
        if each.application_id == owner.id
    ]


def test_the_streams_contain_the_whole_model(source: Runner) -> None:
    workspace = source.pigment.workspace
    owner = workspace.application(CONSOLIDATION)
    block = next(iter(owner.blocks.values()))
    owner.views["v"] = View(new_id("view", "v"), "For people", block.id, is_public=False)
    catalog = source.catalog(*ModelKind)
    run = source.run("read", catalog=catalog)

    assert run.exit_code == 0
    assert data_of(run, ModelKind.APPLICATIONS) == [{"id": owner.id, "name": owner.name, "additional_fields": None}]
    belongs = {"application_id": owner.id, "application_name": owner.name}
    assert data_of(run, ModelKind.BLOCKS) == [
        {
            "id": each.id,
            "name": each.name,
            "type": each.type,
            "columns": None,
            **belongs,
            "listed_in": [{"application_id": owner.id, "block_id": None}],
            "additional_fields": None,
        }
        for each in owner.blocks.values()
    ]
    assert data_of(run, ModelKind.VIEWS) == [
        {
            "id": new_id("view", "v"),
            "name": "For people",
            "type": "Personal",
            **belongs,
            "block_id": block.id,
            "block_name": block.name,
            "block_type": block.type,
            "listed_in": [{"application_id": owner.id, "block_id": block.id}],
            "additional_fields": None,
        }
    ]
    assert len(expected_configurations(workspace)) > 5
    assert data_of(run, ModelKind.IMPORT_CONFIGURATIONS) == expected_configurations(workspace)
    rules = SourceRules(catalog)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code)
    for kind in ModelKind:
        assert [status for name, status in run.statuses if name == kind] == ["STARTED", "RUNNING", "COMPLETE"]


def test_additional_fields_of_a_workspace_are_kept(pigment: LocalPigment) -> None:
    pigment.workspace.variants.richer_metadata = True
    ledger = next(each for each in entries(pigment, ModelKind.BLOCKS) if b'"General Ledger"' in each.fields["name"])
    assert b'"isKey"' in ledger.values(ModelKind.BLOCKS)["columns"]
    configuration = entries(pigment, ModelKind.IMPORT_CONFIGURATIONS)[0].values(ModelKind.IMPORT_CONFIGURATIONS)
    assert configuration["target"].startswith(b'"')
    assert b'"name"' in configuration["columns"]


def test_without_an_application_all_are_read(pigment: LocalPigment) -> None:
    workspace = pigment.workspace
    assert [each.id for each in entries(pigment, ModelKind.APPLICATIONS)] == list(workspace.applications)
    blocks = [block for owner in workspace.applications.values() for block in owner.blocks]
    assert [each.id for each in entries(pigment, ModelKind.BLOCKS)] == blocks
    assert {each.id for each in entries(pigment, ModelKind.IMPORT_CONFIGURATIONS)} == set(workspace.configurations)


def test_an_application_that_the_key_does_not_see_is_named(pigment: LocalPigment) -> None:
    client = client_from_config(source_config(pigment), default_max_retries=1)
    with pytest.raises(ConfigProblem, match=r'"Application ID" is not visible .* There are: .*Planning'):
        ModelListings(client, "nobody", num_workers=3).entries(ModelKind.VIEWS, Event())


@pytest.mark.parametrize("status", [403, 404])
def test_a_block_that_is_gone_or_forbidden_is_left_out(
    pigment: LocalPigment, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = entries(pigment, ModelKind.VIEWS, application=PLANNING)
    pigment.faults.queue("list_views", RespondStatus(status), after=1)
    after = entries(pigment, ModelKind.VIEWS, application=PLANNING)

    # The application's own list still has them.
    assert {each.id for each in after} == {each.id for each in before}
    (named,) = [each.message for each in caplog.records if "left out" in each.message]
    assert named.startswith("The views of the block ")


def test_a_key_that_may_list_nothing_is_an_error(pigment: LocalPigment) -> None:
    client = client_from_config(
        {**source_config(pigment), "credentials": key(pigment, "export")}, default_max_retries=1
    )
    with pytest.raises(Exception, match="not allowed"):
        ModelListings(client, None, num_workers=3).entries(ModelKind.VIEWS, Event())


def test_a_richer_list_that_fails_for_a_passing_reason_is_not_taken_as_missing(pigment: LocalPigment) -> None:
    requests = 2 + len(pigment.workspace.application(CONSOLIDATION).blocks)
    pigment.faults.queue("list_import_configurations", RespondStatus(503), times=2, after=requests - 2)
    with pytest.raises(Unavailable):
        entries(pigment, ModelKind.IMPORT_CONFIGURATIONS, application=CONSOLIDATION)


def test_a_stream_that_fails_sends_nothing_and_the_others_go_on(source: Runner) -> None:
    source.pigment.faults.queue("list_views", RespondStatus(503), times=2, after=3)
    run = source.run("read", catalog=source.catalog(*ModelKind), max_retries=1, num_workers=1)

    assert run.exit_code != 0
    assert data_of(run, ModelKind.VIEWS) == []
    ends = dict(run.statuses)
    assert ends == {kind: "INCOMPLETE" if kind is ModelKind.VIEWS else "COMPLETE" for kind in ModelKind}
    assert {each["failure_type"] for each in run.errors} == {"transient_error"}


@pytest.mark.long
def test_a_block_of_the_same_name_keeps_its_stream(source: Runner) -> None:
    block = ListBlock(new_id("namesake"), ModelKind.BLOCKS, [Property("Name")])
    block.add("one")
    source.pigment.workspace.application(CONSOLIDATION).put(block)
    catalog = source.catalog(f"{ModelKind.BLOCKS} (list)", ModelKind.BLOCKS)
    run = source.run("read", catalog=catalog)

    assert [each["data"] for each in run.records if each["stream"] != ModelKind.BLOCKS] == [{"Name": "one"}]
    assert block.id in {each["id"] for each in data_of(run, ModelKind.BLOCKS)}


@pytest.mark.long
def test_a_stream_that_was_switched_off_is_reported(source: Runner) -> None:
    catalog = source.catalog(ModelKind.VIEWS)
    run = source.run("read", catalog=catalog, model_streams=False)

    assert run.errors[0]["message"] == (
        'The stream "_pigment_views" is not available, because "Streams that describe the model" was switched off: '
        "switch it on again, or refresh the schema of the connection."
    )
    assert run.errors[0]["failure_type"] == "config_error"


@pytest.mark.long
def test_check_asks_for_each_kind_of_list_once(source: Runner) -> None:
    status = source.run("check").of("CONNECTION_STATUS")[0]
    assert status["message"].endswith(", 4 about the model.")
    asked = [each.operation for each in source.pigment.requests if not each.operation.startswith("export")]
    assert sorted(asked) == [
        "list_applications",
        "list_blocks",
        "list_blocks",
        "list_import_configurations",
        "list_views",
    ]
    source.pigment.faults.queue("list_views", RespondGarbage())
    assert source.run("check").of("CONNECTION_STATUS")[0]["status"] == "FAILED"


@pytest.mark.long
def test_without_an_application_id_each_application_is_in_the_same_streams(source: Runner) -> None:
    workspace = source.pigment.workspace
    every: dict[str, Any] = {"application_id": None, "include": ["Months"]}
    discovered = source.run("discover", **every).of("CATALOG")[0]["streams"]
    chosen = [each for each in discovered if each["name"] in {"Months", ModelKind.BLOCKS, ModelKind.APPLICATIONS}]
    run = source.run("read", catalog=configured({"streams": chosen}, destination_sync_mode="append"), **every)

    assert run.exit_code == 0
    assert {(each["name"], each.get("namespace")) for each in chosen} == {
        ("Months", PLANNING),
        ("Months", CONSOLIDATION),
        (ModelKind.BLOCKS, None),
        (ModelKind.APPLICATIONS, None),
    }
    assert [each["name"] for each in data_of(run, ModelKind.APPLICATIONS)] == [PLANNING, CONSOLIDATION]
    assert {(each["application_id"], each["id"]) for each in data_of(run, ModelKind.BLOCKS)} == {
        (owner.id, block) for owner in workspace.applications.values() for block in owner.blocks
    }
