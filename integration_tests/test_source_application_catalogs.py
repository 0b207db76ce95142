"""source-pigment as a process: what a catalog and a state of before mean to a connection of several applications."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Connector, configured
from airbyte_platform.sync import Side, sync
from connectors import Runner, destination_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import RespondStatus
from local_pigment.imports import ImportConfiguration
from local_pigment.sample import CONSOLIDATION, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from several_applications import (
    EVERYWHERE,
    OTHER_SALES,
    OTHER_SPACE,
    PEOPLE,
    SALES,
    SALES_SPACE,
    block_id,
    discovered,
    ends,
    of,
    read,
    records,
    source_of_applications,
)

BINARIES = Path(sys.executable).parent


@pytest.fixture
def source(source_fork_server: ForkServer) -> Iterator[Runner]:
    with source_of_applications(source_fork_server) as runner:
        yield runner


@pytest.mark.long
def test_a_catalog_of_one_application_goes_on_without_a_namespace(source: Runner) -> None:
    found = discovered(source, application_id=SALES)
    run = read(source, found)

    assert run.exit_code == 0, run.errors
    assert set(records(run)) == {(None, "Accounts"), (None, "Result")}
    assert records(run) == records(read(source, found, application_id=SALES))
    assert b'"namespace"' not in b"".join(run.lines)


@pytest.mark.long
def test_a_catalog_of_several_applications_goes_on_for_the_one_that_is_left(source: Runner) -> None:
    run = read(source, discovered(source), application_id=SALES)

    assert run.exit_code != 0
    assert ends(run) == {each: "COMPLETE" if each[0] == SALES_SPACE else "INCOMPLETE" for each in EVERYWHERE}
    assert {space for space, _ in records(run)} == {SALES_SPACE}
    assert all('under "Application ID"' in each["message"] for each in run.errors[:-1])


@pytest.mark.long
@pytest.mark.parametrize(("given", "wanted"), [(None, SALES), (SALES, None)])
def test_without_ids_in_the_catalog_namespaces_must_fit_the_form(
    source: Runner, given: str | None, wanted: str | None
) -> None:
    found = discovered(source, application_id=given)
    for each in found.values():
        del each["json_schema"]["x-pigment"]
    assert read(source, found, application_id=given).exit_code == 0
    run = read(source, found, application_id=wanted)

    assert not run.records
    assert set(ends(run).values()) == {"INCOMPLETE"}
    assert all('"Application ID"' in each["message"] for each in run.errors[:-1])


@pytest.mark.long
def test_a_renamed_application_goes_on_in_its_namespace(source: Runner) -> None:
    found = discovered(source)
    source.pigment.workspace.applications[PEOPLE].name = "Human resources"
    run = read(source, found)

    assert run.exit_code == 0
    assert set(records(run)) == EVERYWHERE


def in_parts(source: Runner) -> dict[str, Any]:
    """Each application's accounts, one by one."""
    entries = []
    for id_ in (PEOPLE, SALES, OTHER_SALES):
        accounts = source.pigment.workspace.block(block_id(id_, "Accounts"))
        assert isinstance(accounts, ListBlock)
        slices = [{"listFilter": [each.id]} for each in accounts.items]
        entries.append({"block": accounts.id, "slices": json.dumps(slices)})
    return {"block_requests": entries, "num_workers": 1}


def test_an_interrupted_sync_goes_on_in_each_namespace_with_the_parts_that_are_missing(source: Runner) -> None:
    config = in_parts(source)
    found = {each: stream for each, stream in discovered(source, **config).items() if each[1] == "Accounts"}
    assert all(each["is_resumable"] for each in found.values())
    same_sync = {"sync_id": 7, "generation_id": 3, "minimum_generation_id": 3}
    catalog = configured({"streams": list(found.values())}, destination_sync_mode="append", **same_sync)
    # The first part of one stream.
    source.pigment.faults.queue("export_list", RespondStatus(503), times=2)
    broken = source.run("read", catalog=catalog, **config)
    states = list({(each["stream"]["stream_descriptor"]["namespace"]): each for each in broken.states}.values())
    again = source.run("read", catalog=catalog, state=states, **config)

    assert (broken.exit_code, again.exit_code) == (1, 0)
    first, second = records(broken), records(again)
    assert sorted(map(len, first.values())) == [3, 4, 4]
    assert [len(rows) for rows in second.values()] == [1]
    everything = {space: sorted(first[space, "Accounts"] + second.get((space, "Accounts"), [])) for space, _ in found}
    assert {space: len({row[0] for row in rows}) for space, rows in everything.items()} == dict.fromkeys(everything, 4)
    # Each state counts the records of its own stream, whatever others of its name have sent.
    assert {each["sourceStats"]["recordCount"] for each in broken.states} == {1.0}


@pytest.mark.long
def test_a_catalog_that_lost_its_namespaces_reads_nothing(source: Runner) -> None:
    found = [{**stream, "namespace": None} for stream in discovered(source).values()]
    run = source.run("read", catalog=of(*found))

    assert run.exit_code != 0
    assert not run.records
    assert [(each["failure_type"], "keep the namespaces" in each["message"]) for each in run.errors] == [
        ("config_error", True)
    ]


@pytest.mark.long
def test_what_leaves_two_applications_of_one_name_arrives_apart(source: Runner) -> None:
    found = {each: stream for each, stream in discovered(source, exclude=["People/*"]).items() if each[1] == "Accounts"}
    catalog = of(*found.values())
    with LocalPigment(planning_model(ledger_rows=1)) as written:
        application = written.workspace.application(CONSOLIDATION)
        targets = []
        for space, name in found:
            block = ListBlock(new_id("into", str(space)), str(space), [Property("Account"), Property("Owner")])
            application.put(block)
            mapping = {each.name: each.name for each in block.properties}
            configuration = ImportConfiguration(
                new_id(block.id), block.name, application.id, block.id, mapping, "Account"
            )
            written.workspace.configure(configuration)
            targets.append({"stream": name, "namespace": space, "import_configuration_id": configuration.id})
        into = {**destination_config(written), "targets": targets}
        source_side = Side(Connector(BINARIES / "source-pigment"), source.config)
        result = sync(source_side, Side(Connector(BINARIES / "destination-pigment"), into), catalog)

        assert (result.source_exit, result.destination_exit) == (0, 0), result.errors
        for space, id_ in ((SALES_SPACE, SALES), (OTHER_SPACE, OTHER_SALES)):
            assert written.workspace.rows(space) == source.pigment.workspace.rows(block_id(id_, "Accounts"))


@pytest.mark.long
@pytest.mark.parametrize("then", [SALES, None])
def test_states_of_one_application_go_on(source: Runner, then: str | None) -> None:
    """Also where the ID was taken out of the form since: the streams are the same, and so are their states."""
    config = {**in_parts(source), "application_id": SALES}
    config["block_requests"] = config["block_requests"][1:2]
    stream = discovered(source, **config)[None, "Accounts"]
    catalog = configured({"streams": [stream]}, destination_sync_mode="append")
    source.pigment.faults.queue("export_list", RespondStatus(503), times=2)
    broken = source.run("read", catalog=catalog, **config)
    again = source.run("read", catalog=catalog, state=broken.states[-1:], **{**config, "application_id": then})

    assert "namespace" not in broken.states[-1]["stream"]["stream_descriptor"]
    assert [len(each.records) for each in (broken, again)] == [3, 1]
    assert again.exit_code == 0
