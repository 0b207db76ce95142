"""The local Pigment as awkward as the real one may be: every variant and fault, seen by a stranger's client."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import h2.connection
import h2.events
import pytest
import requests

from local_pigment.blocks import ListBlock, Property
from local_pigment.faults import EndWithTrailer, FailImport, Misreport
from local_pigment.sample import CONSOLIDATION, LEDGER, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import ImportsOfABlock, Workspace, new_id


@pytest.fixture
def workspace() -> Workspace:
    return planning_model(ledger_rows=5)


@pytest.fixture
def pigment(workspace: Workspace) -> Any:
    with LocalPigment(workspace) as running:
        yield running


def headers(pigment: LocalPigment) -> dict[str, str]:
    return {"Authorization": f"Bearer {pigment.workspace.secret('all')}"}


def export(pigment: LocalPigment, name: str = LEDGER) -> requests.Response:
    block = pigment.workspace.block(name, PLANNING)
    return requests.post(f"{pigment.url}/api/v1/export/list/{block.id}", json={}, headers=headers(pigment), timeout=10)


def push(pigment: LocalPigment, text: str, configuration: str = LEDGER, **query: str) -> dict[str, Any]:
    response = requests.post(
        f"{pigment.url}/api/v1/import/push/csv",
        params={"configurationId": pigment.workspace.configuration(configuration).id, **query},
        data=text.encode(),
        headers={**headers(pigment), "Content-Type": "text/csv"},
        timeout=10,
    )
    pushed: dict[str, Any] = response.json()
    return pushed


def status(pigment: LocalPigment, pushed: dict[str, Any]) -> dict[str, Any]:
    response = requests.get(
        f"{pigment.url}/api/v1/import/{pushed['importId']}/status",
        params={"includedDetailedReport": "true"},
        headers=headers(pigment),
        timeout=10,
    )
    report: dict[str, Any] = response.json()
    return report


def entries(pigment: LocalPigment) -> list[str]:
    return [row[0] for row in pigment.workspace.rows(LEDGER, CONSOLIDATION)]


def test_imports_of_one_block_wait_for_each_other(pigment: LocalPigment) -> None:
    now = [0.0]
    pigment.workspace.clock = lambda: now[0]
    pigment.workspace.variants.import_seconds = 10
    first, second = push(pigment, "Entry\r\n1\r\n"), push(pigment, "Entry\r\n2\r\n", f"{LEDGER} (replace)")
    seen = []
    for moment in (9, 10, 19, 20):
        now[0] = moment
        seen.append((status(pigment, first)["importStatus"], status(pigment, second)["importStatus"], entries(pigment)))

    assert seen == [
        ("InProgress", "InProgress", []),
        ("Completed", "InProgress", ["1"]),
        ("Completed", "InProgress", ["1"]),
        ("Completed", "Completed", ["2"]),
    ]


def test_imports_of_one_block_that_overlap_clear_first_and_add_both(pigment: LocalPigment) -> None:
    pigment.workspace.variants.import_seconds = 10
    pigment.workspace.variants.imports_of_a_block = ImportsOfABlock.OVERLAP
    for number in (1, 2):
        push(pigment, f"Entry\r\n{number}\r\n", f"{LEDGER} (replace)")
    pigment.workspace.settle()

    assert entries(pigment) == ["1", "2"]


def test_a_running_import_goes_on_although_nobody_asks(pigment: LocalPigment) -> None:
    pigment.workspace.variants.import_seconds = 10
    push(pigment, "Entry\r\n1\r\n")
    assert entries(pigment) == []
    pigment.workspace.settle()
    assert entries(pigment) == ["1"]


def test_a_report_can_contradict_the_file(pigment: LocalPigment) -> None:
    pigment.faults.queue("push_csv", Misreport({"insertedCount": 0, "deletedCount": 3}))
    report = status(pigment, push(pigment, "Entry\r\n1\r\n"))

    summary = report["detailedReport"]["summary"]
    assert summary == {"insertedCount": 0, "updatedCount": 0, "deletedCount": 3, "skippedCount": 0}
    assert entries(pigment) == ["1"]


def test_a_status_can_be_a_word_that_nobody_knows_and_a_report_can_be_missing(pigment: LocalPigment) -> None:
    pigment.faults.queue("push_csv", Misreport(status="CompletedWithWarnings", detailed=False))
    report = status(pigment, push(pigment, "Entry\r\n1\r\n"))

    assert report["importStatus"] == "CompletedWithWarnings"
    assert report["detailedReport"] is None


@pytest.mark.parametrize("named", [True, False])
def test_a_failure_can_be_without_a_name(pigment: LocalPigment, named: bool) -> None:
    pigment.faults.queue("push_csv", FailImport(named=named))
    report = status(pigment, push(pigment, "Entry\r\n1\r\n"))

    assert report["importStatus"] == "Failed"
    assert ["name" in each for each in report["errorsDetails"]] == [named]
    assert entries(pigment) == []


@pytest.mark.parametrize(("first_row", "row"), [(1, 2), (0, 1), (1000, 1001)])
def test_rejected_rows_can_be_numbered_otherwise(pigment: LocalPigment, first_row: int, row: int) -> None:
    pigment.workspace.variants.immediate_results = True
    pigment.faults.queue("push_csv", Misreport(first_row=first_row))
    result = push(pigment, "Entry,Amount\r\n1,5\r\n2,x\r\n")

    assert [each["row"] for each in result["errors"]] == [row]


def test_a_result_at_once_can_contradict_the_file(pigment: LocalPigment) -> None:
    pigment.workspace.variants.immediate_results = True
    pigment.faults.queue("push_csv", Misreport({"recordsAccepted": 7}))

    assert push(pigment, "Entry\r\n1\r\n")["recordsAccepted"] == 7


def test_a_pigment_that_has_never_heard_of_dry_runs_stores(pigment: LocalPigment) -> None:
    pigment.workspace.variants.respects_dry_run = False
    push(pigment, "Entry\r\n1\r\n", dryRun="true")

    assert entries(pigment) == ["1"]


def test_others_behind_the_same_address_spend_the_budget(pigment: LocalPigment) -> None:
    limits = pigment.workspace.limits
    limits.spend("127.0.0.1", limits.requests - 1, pigment.workspace.clock())

    assert [export(pigment).status_code for _ in range(2)] == [200, 429]


def large(workspace: Workspace) -> ListBlock:
    block = ListBlock(new_id("large"), "Large", [Property("Name")])
    line = b"x" * 999 + b"\n"
    block.stream = lambda: (line * 1000 for _ in range(64))
    workspace.application(PLANNING).put(block)
    workspace.variants.client_patience_seconds = 0.5
    return block


def test_over_http_1_1_the_server_leaves_a_client_that_takes_nothing(workspace: Workspace) -> None:
    block = large(workspace)
    with LocalPigment(workspace) as pigment, requests.Session() as session:
        response = session.post(
            f"{pigment.url}/api/v1/export/list/{block.id}",
            json={},
            headers={**headers(pigment), "Accept-Encoding": "identity"},
            stream=True,
            timeout=10,
        )
        time.sleep(1.5)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            assert response.content is None


class Http2Client:
    """One request over HTTP/2, with the h2 package and nothing of ours."""

    def __init__(self, pigment: LocalPigment, block: ListBlock) -> None:
        context = ssl.create_default_context(cafile=str(pigment.ca_file))
        context.set_alpn_protocols(["h2"])
        host, port = "127.0.0.1", int(pigment.url.rpartition(":")[2])
        self.socket = context.wrap_socket(socket.create_connection((host, port), 10), server_hostname=host)
        self.machine = h2.connection.H2Connection()
        self.machine.initiate_connection()
        path = f"/api/v1/export/list/{block.id}"
        pseudo = [(":method", "POST"), (":path", path), (":scheme", "https"), (":authority", f"{host}:{port}")]
        own = [(name.lower(), value) for name, value in headers(pigment).items()]
        self.machine.send_headers(1, [*pseudo, *own, ("content-type", "application/json")])
        self.machine.send_data(1, b"{}", end_stream=True)
        self.socket.sendall(self.machine.data_to_send())

    def end(self, *, takes: bool) -> list[str]:
        """The kinds of event up to the end of the stream."""
        kinds = []
        while not {"StreamEnded", "StreamReset"} & set(kinds):
            for event in self.machine.receive_data(self.socket.recv(1 << 16)):
                kinds.append(type(event).__name__)
                if isinstance(event, h2.events.DataReceived) and takes:
                    self.machine.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            self.socket.sendall(self.machine.data_to_send())
        self.socket.close()
        return kinds


def test_over_http_2_the_server_resets_a_stream_that_nobody_takes(workspace: Workspace) -> None:
    block = large(workspace)
    with LocalPigment(workspace, tls=True) as pigment:
        assert Http2Client(pigment, block).end(takes=False)[-1] == "StreamReset"
        assert Http2Client(pigment, block).end(takes=True)[-1] == "StreamEnded"


def test_an_export_over_http_2_can_end_with_an_error_in_its_trailer(workspace: Workspace) -> None:
    block = workspace.block("Months", PLANNING)
    assert isinstance(block, ListBlock)
    with LocalPigment(workspace, tls=True) as pigment:
        pigment.faults.queue("export_list", EndWithTrailer())
        assert Http2Client(pigment, block).end(takes=True)[-2:] == ["TrailersReceived", "StreamEnded"]
