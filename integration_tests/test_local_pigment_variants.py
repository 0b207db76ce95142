"""The local Pigment as awkward as the real one may be: started imports, variants and faults, seen from outside."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import h2.connection
import h2.events
import pytest
import requests

from local_pigment.audit import AuditNames
from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import (
    CONSOLIDATION,
    DEPARTMENTS_TO_FTE,
    FAILING_COPY,
    FTE,
    LEDGER,
    PLANNING,
    add_copies,
    planning_model,
)
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


def test_a_running_import_goes_on_without_status_requests(pigment: LocalPigment) -> None:
    pigment.workspace.variants.import_seconds = 10
    push(pigment, "Entry\r\n1\r\n")
    assert entries(pigment) == []
    pigment.workspace.settle()
    assert entries(pigment) == ["1"]


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


def test_over_http_2_the_server_resets_a_stream_that_is_not_read(workspace: Workspace) -> None:
    block = large(workspace)
    with LocalPigment(workspace, tls=True) as pigment:
        assert Http2Client(pigment, block).end(takes=False)[-1] == "StreamReset"
        assert Http2Client(pigment, block).end(takes=True)[-1] == "StreamEnded"


@pytest.fixture
def copies() -> Iterator[LocalPigment]:
    with LocalPigment(add_copies(planning_model(ledger_rows=1))) as running:
        fill(running.workspace)
        yield running


def fill(workspace: Workspace) -> None:
    """What a sync would have written."""
    for name in ("Departments", "Months"):
        for row in workspace.rows(name, PLANNING):
            workspace.block(name, CONSOLIDATION).add(*row)  # type: ignore[union-attr] # it is a list
    cells = workspace.block("Headcount", PLANNING).of()  # type: ignore[union-attr] # it is a metric
    workspace.block("Headcount", CONSOLIDATION).of().update(cells)  # type: ignore[union-attr] # likewise


def ask(copies: LocalPigment, method: str, path: str, **params: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {copies.workspace.secret('import')}"}
    return requests.request(method, copies.url + path, params=params, headers=headers, timeout=10)


def start(copies: LocalPigment, name: str) -> str:
    id_ = copies.workspace.configuration(name).id
    response = ask(copies, "POST", "/api/v1/import/trigger", configurationId=id_)
    assert response.status_code == 200
    return str(response.json()["importId"])


def report(copies: LocalPigment, import_id: str) -> dict[str, Any]:
    path = f"/api/v1/import/{import_id}/status"
    response: dict[str, Any] = ask(copies, "GET", path, includedDetailedReport="true").json()
    return response


@pytest.mark.parametrize("rule", list(ImportsOfABlock))
def test_a_copy_reads_its_block_when_it_begins_and_takes_its_time(copies: LocalPigment, rule: ImportsOfABlock) -> None:
    now = 0.0
    workspace = copies.workspace
    workspace.clock = lambda: now
    workspace.variants.import_seconds, workspace.variants.imports_of_a_block = 5.0, rule
    import_id = start(copies, DEPARTMENTS_TO_FTE)

    assert report(copies, import_id)["importStatus"] == "InProgress"
    assert workspace.rows(FTE, CONSOLIDATION) == []
    now = 6.0
    assert report(copies, import_id)["importStatus"] == "Completed"
    assert len(workspace.rows(FTE, CONSOLIDATION)) == 11  # one of 12 is blank


@pytest.mark.parametrize("gone", [False, True])
def test_a_copy_that_cannot_run_fails(copies: LocalPigment, gone: bool) -> None:
    name = DEPARTMENTS_TO_FTE if gone else FAILING_COPY
    if gone:
        consolidation = copies.workspace.application(CONSOLIDATION)
        del consolidation.blocks[copies.workspace.block("Departments", CONSOLIDATION).id]
    done = report(copies, start(copies, name))

    assert done["importStatus"] == "Failed"
    assert done["errorsDetails"][0]["name"] == ("SourceBlockNotFound" if gone else "MissingColumn")


def audit_page(pigment: LocalPigment, **query: str) -> dict[str, Any]:
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    response = requests.get(
        f"{pigment.url}/api/audit/v1/events",
        params={"ingestedSince": since, **query},
        headers=headers(pigment),
        timeout=10,
    )
    page: dict[str, Any] = response.json()
    return page


@pytest.mark.parametrize("absent", [False, True])
def test_the_audit_log_has_the_names_that_public_notes_have_seen(pigment: LocalPigment, absent: bool) -> None:
    """A cursor beside the events or under `pagination`, and on the last page null or absent."""
    names = AuditNames(absent_at_end=absent)
    pigment.workspace.variants.audit_names, pigment.workspace.audit.page_size = names, 8
    first = audit_page(pigment)
    last = audit_page(pigment, cursor=first["nextEventsCursor"])

    assert [len(page["events"]) for page in (first, last)] == [8, 4]
    assert {"eventId", "eventType"} <= first["events"][0].keys()
    assert last.get("nextEventsCursor", "absent") == ("absent" if absent else None)
    assert "pagination" not in first


def test_the_audit_log_can_have_its_cursor_under_pagination(pigment: LocalPigment) -> None:
    names = AuditNames(id="id", type="type", next_cursor="pagination.nextCursor", absent_at_end=False)
    pigment.workspace.variants.audit_names = names
    page = audit_page(pigment)

    assert page["pagination"] == {"nextCursor": None}
    assert {"id", "type"} <= page["events"][0].keys()
