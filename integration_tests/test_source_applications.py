"""source-pigment as a process: one connection that reads every application, each as a namespace."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Connector, Run, configured
from airbyte_platform.rules import SourceRules, StreamKey
from airbyte_platform.sync import Side, sync
from connectors import Runner, destination_config, key, running
from local_pigment.blocks import Application, ListBlock, MetricBlock, Property, TableBlock, View
from local_pigment.faults import RespondStatus
from local_pigment.http_messages import Request, Response, problem
from local_pigment.imports import ImportConfiguration
from local_pigment.sample import CONSOLIDATION, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace, new_id
from turned_pigment import Proceed, TurnedPigment

BINARIES = Path(sys.executable).parent

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


class PigmentOfApplications(TurnedPigment):
    """Answers some requests with a status: by a part of the address."""

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        super().__init__(three_applications(), self._change)

    def _change(self, request: Request, proceed: Proceed) -> Response:
        # The local Pigment counts the request all the same.
        response = proceed(request)
        status = next((each for part, each in self.statuses.items() if part in request.target), None)
        return response if status is None else problem(status, "Turned")


@pytest.fixture
def pigment() -> Iterator[PigmentOfApplications]:
    with PigmentOfApplications() as started:
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


def statuses(source: Runner) -> dict[str, int]:
    """What is answered, by a part of the address."""
    assert isinstance(source.pigment, PigmentOfApplications)
    return source.pigment.statuses


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


@pytest.mark.long
def test_one_id_has_no_namespace_anywhere(source: Runner) -> None:
    found = discovered(source, application_id=SALES)

    assert set(found) == {(None, "Accounts"), (None, "Result")}
    assert found[None, "Accounts"]["json_schema"]["x-pigment"].keys() == {"id", "header"}
    run = read(source, found, application_id=SALES)
    assert b"namespace" not in b"".join(run.lines)


# An application that is gone or hidden -------------------------------------------------------------------------


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
def test_a_key_that_was_revoked_meanwhile_is_said_once(source: Runner) -> None:
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


# check ---------------------------------------------------------------------------------------------------------


def check(source: Runner, **config: Any) -> tuple[str, str]:
    said = source.run("check", **config).of("CONNECTION_STATUS")[0]
    return said["status"], said["message"]


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
    assert (result, "have no block" in message) == ("FAILED", True)
    hide(source, PEOPLE, SALES, OTHER_SALES)
    result, message = check(source)
    assert (result, "and there is none: share the applications" in message) == ("FAILED", True)


@pytest.mark.long
@pytest.mark.parametrize("status", [403, 404])
def test_check_tries_a_block_of_another_application_before_a_second_one(source: Runner, status: int) -> None:
    workspace = source.pigment.workspace
    for number in range(4):
        workspace.application(PEOPLE).put(ListBlock(new_id("more", str(number)), f"More {number}", [Property("x")]))
        statuses(source)[new_id("more", str(number))] = status
    statuses(source)[block_id(PEOPLE, "Accounts")] = status
    assert check(source)[0] == "SUCCEEDED"


# What a catalog and a state of before go on to mean ------------------------------------------------------------


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


# Views, patterns and custom exports ----------------------------------------------------------------------------


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


# What it costs -------------------------------------------------------------------------------------------------


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
