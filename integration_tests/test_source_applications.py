"""source-pigment as a process: one connection that reads every application, each as a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run, configured
from airbyte_platform.rules import SourceRules, StreamKey
from connectors import Runner, key, running
from local_pigment.blocks import Application, ListBlock, MetricBlock, Property, TableBlock
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace, new_id

PEOPLE, SALES, OTHER_SALES = (new_id("application", name) for name in ("People", "Sales", "another Sales"))
SALES_SPACE, OTHER_SPACE = f"Sales ({SALES[:8]})", f"Sales ({OTHER_SALES[:8]})"
EVERYWHERE = {(space, name) for space in ("People", SALES_SPACE, OTHER_SPACE) for name in ("Accounts", "Result")}


def block_id(application_id: str, name: str) -> str:
    return new_id(application_id, name)


def application(id_: str, name: str) -> Application:
    """A list, a metric over it and a table, with values that are this application's own."""
    made = Application(id_, name, scenarios={new_id("scenario", id_): "Actual"})
    accounts = ListBlock(block_id(id_, "Accounts"), "Accounts", [Property("Account"), Property("Owner")])
    for number in range(4):
        accounts.add(f"{id_[:4]}-{number}", name)
    revenue = MetricBlock(block_id(id_, "Revenue"), "Revenue", [accounts.id])
    for position, item in enumerate(accounts.items):
        revenue.of()[(item.values[0],)] = f"{position}.50"
    for block in (accounts, revenue, TableBlock(block_id(id_, "Result"), "Result", [revenue.id])):
        made.put(block)
    return made


def three_applications() -> Workspace:
    workspace = planning_model(ledger_rows=1)
    made = [application(PEOPLE, "People"), application(SALES, "Sales"), application(OTHER_SALES, "Sales")]
    workspace.applications = {each.id: each for each in made}
    return workspace


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(three_applications()) as started:
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    config = {"credentials": key(pigment), "base_url": pigment.url, "max_retries": 1}
    with running(source_fork_server, pigment, config) as runner:
        yield runner


def streams_of(run: Run) -> dict[StreamKey, dict[str, Any]]:
    assert run.of("CATALOG"), run.errors
    return {(each.get("namespace"), each["name"]): each for each in run.of("CATALOG")[0]["streams"]}


def discovered(source: Runner, **config: Any) -> dict[StreamKey, dict[str, Any]]:
    return streams_of(source.run("discover", **config))


def of(*streams: dict[str, Any]) -> dict[str, Any]:
    return configured({"streams": list(streams)}, destination_sync_mode="append")


def read(source: Runner, streams: dict[StreamKey, dict[str, Any]], state: Any = None, **config: Any) -> Run:
    """A read that keeps the platform's rules, which tell streams apart by namespace and name."""
    catalog = of(*streams.values())
    run = source.run("read", catalog=catalog, state=state, **config)
    rules = SourceRules(catalog)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code)
    return run


def records(run: Run) -> dict[StreamKey, list[list[Any]]]:
    found: dict[StreamKey, list[list[Any]]] = {}
    for each in run.records:
        found.setdefault((each.get("namespace"), each["stream"]), []).append(list(each["data"].values()))
    return found


def ends(run: Run) -> dict[StreamKey, str]:
    """The last status of each stream."""
    traces = [each["stream_status"] for each in run.of("TRACE") if each["type"] == "STREAM_STATUS"]
    described = [(each["stream_descriptor"], each["status"]) for each in traces]
    return {(each.get("namespace"), each["name"]): status for each, status in described}


def logged(run: Run, level: str = "ERROR") -> str:
    return "\n".join(each["message"] for each in run.of("LOG") if each["level"] == level)


def hide(source: Runner, *ids: str) -> None:
    """From now on the owner of the key does not see these applications or blocks."""
    keys = source.pigment.workspace.keys
    keys[:] = [replace(each, hidden=each.hidden | set(ids)) for each in keys]


# What becomes a namespace --------------------------------------------------------------------------------------


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


def test_one_id_has_no_namespace_anywhere(source: Runner) -> None:
    found = discovered(source, application_id=SALES)

    assert set(found) == {(None, "Accounts"), (None, "Result")}
    assert found[None, "Accounts"]["json_schema"]["x-pigment"].keys() == {"id", "header"}
    run = read(source, found, application_id=SALES)
    assert b"namespace" not in b"".join(run.lines)
