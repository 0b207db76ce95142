"""A workspace of three applications, two of one name, and a source that reads all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run, configured
from airbyte_platform.rules import SourceRules, StreamKey
from connectors import Runner, key, running
from deviating_pigment import DeviatingPigment, Proceed
from local_pigment.blocks import Application, ListBlock, MetricBlock, Property, TableBlock
from local_pigment.http_messages import Request, Response, problem
from local_pigment.sample import planning_model
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


class PigmentOfApplications(DeviatingPigment):
    """Answers some requests with a status: by a part of the address."""

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        super().__init__(three_applications(), self._change)

    def _change(self, request: Request, proceed: Proceed) -> Response:
        # The local Pigment counts the request anyway.
        response = proceed(request)
        status = next((each for part, each in self.statuses.items() if part in request.target), None)
        return response if status is None else problem(status, "Turned")


@contextmanager
def source_of_applications(server: ForkServer) -> Iterator[Runner]:
    """A source that reads all of them."""
    with PigmentOfApplications() as pigment:
        config = {"credentials": key(pigment), "base_url": pigment.url, "max_retries": 1}
        with running(server, pigment, config) as runner:
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


def statuses(source: Runner) -> dict[str, int]:
    """What is answered, by a part of the address."""
    assert isinstance(source.pigment, PigmentOfApplications)
    return source.pigment.statuses


def hide(source: Runner, *ids: str) -> None:
    """From now on the owner of the key does not see these applications or blocks."""
    keys = source.pigment.workspace.keys
    keys[:] = [replace(each, hidden=each.hidden | set(ids)) for each in keys]


def assert_only_sales_failed(run: Run, type_: str, words: str) -> None:
    """One of the two applications called Sales failed, with a sentence for each stream and one at the end."""
    assert run.exit_code != 0
    failed = {each for each in EVERYWHERE if each[0] == SALES_SPACE}
    assert ends(run) == {each: "INCOMPLETE" if each in failed else "COMPLETE" for each in EVERYWHERE}
    assert set(records(run)) == EVERYWHERE - failed
    *streams, summary = run.errors
    assert {(each["stream_descriptor"]["namespace"], each["stream_descriptor"]["name"]) for each in streams} == failed
    assert all(words in each["message"] for each in streams), streams
    assert {each["failure_type"] for each in run.errors} == {type_}
    assert f'every stream of "{SALES_SPACE}"' in summary["message"]


def check(source: Runner, **config: Any) -> tuple[str, str]:
    said = source.run("check", **config).of("CONNECTION_STATUS")[0]
    return said["status"], said["message"]
