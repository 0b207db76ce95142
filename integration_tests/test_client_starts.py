"""Starting an import that Pigment runs itself: once and never twice, whatever happens to the response."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from local_pigment.faults import (
    FailImport,
    Fault,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
    RespondWith,
)
from local_pigment.sample import ACCOUNTS_FROM_OUTSIDE, add_copies, planning_model
from local_pigment.server import LocalPigment
from pigment_client import errors
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Keys
from pigment_client.models import CompletedImport, FailedImport, RunningImport

CLOCK = Clock(sleep=lambda _: None, random=lambda: 0.0)


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(add_copies(planning_model(ledger_rows=1))) as running:
        yield running


def client_for(pigment: LocalPigment, key: str = "import", clock: Clock = CLOCK) -> PigmentClient:
    keys = Keys.single(pigment.workspace.secret(key))
    return PigmentClient(keys, ClientOptions(base_url=pigment.url), clock=clock)


def started(pigment: LocalPigment) -> int:
    return pigment.workspace.started(ACCOUNTS_FROM_OUTSIDE)


def id_of(pigment: LocalPigment, name: str = ACCOUNTS_FROM_OUTSIDE) -> str:
    return pigment.workspace.configuration(name).id


def test_it_is_started_and_followed_like_an_import(pigment: LocalPigment) -> None:
    client = client_for(pigment)
    running = client.start_import(id_of(pigment))
    done = client.import_status(running.id)

    assert isinstance(running, RunningImport)
    assert isinstance(done, CompletedImport)
    assert done.counts is not None
    assert done.counts.inserted == 2


def test_a_response_with_the_immediate_result_is_understood(pigment: LocalPigment) -> None:
    pigment.workspace.variants.immediate_results = True
    assert isinstance(client_for(pigment).start_import(id_of(pigment)), CompletedImport)


def test_a_failure_is_a_value(pigment: LocalPigment) -> None:
    pigment.faults.queue("trigger_import", FailImport())
    client = client_for(pigment)
    assert isinstance(client.import_status(client.start_import(id_of(pigment)).id), FailedImport)


LOST = [
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    ResetBeforeBody(),
    RespondStatus(500),
    RespondStatus(503, retry_after="1"),
    RespondStatus(504),
    RespondStatus(408),
    RespondGarbage(),
    RespondWith(""),
    RespondWith("", status=202),
    RespondWith("[]"),
    RespondWith('{"importId": 5}'),
    RespondWith('{"id": "x"}'),
]


@pytest.mark.parametrize("fault", LOST, ids=repr)
def test_after_a_lost_response_it_is_never_started_again(pigment: LocalPigment, fault: Fault) -> None:
    pigment.faults.queue("trigger_import", fault)
    with pytest.raises(errors.ImportOutcomeUnknown):
        client_for(pigment).start_import(id_of(pigment))
    assert len(pigment.requests) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_limit_rejects_it_for_certain_so_it_is_started_later(pigment: LocalPigment, times: int) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pigment.faults.queue("trigger_import", RespondStatus(429), times=times)
    client_for(pigment, clock=Clock(lambda: now, sleep, lambda: 0.0)).start_import(id_of(pigment))
    assert len(pigment.requests) == times + 1
    assert started(pigment) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (307, errors.AddressMoved),
        (400, errors.RequestRejected),
        (401, errors.KeyRejected),
        (403, errors.PermissionMissing),
        (404, errors.NotFound),
    ],
)
def test_after_a_rejection_the_outcome_is_known(
    pigment: LocalPigment, status: int, error: type[errors.PigmentError]
) -> None:
    pigment.faults.queue("trigger_import", RespondStatus(status))
    with pytest.raises(error):
        client_for(pigment).start_import(id_of(pigment))
    assert len(pigment.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_where_no_server_could_be_reached_nothing_was_started(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    scheme = "http" if host == "127.0.0.1" else "https"
    waits: list[float] = []
    clock = Clock(sleep=waits.append, random=lambda: 1.0)
    client = PigmentClient(Keys.single("pgmt_x"), ClientOptions(base_url=f"{scheme}://{host}:{port}"), clock=clock)
    with pytest.raises(errors.Unavailable) as caught:
        client.start_import("any")
    assert not caught.value.arrived
    assert len(waits) == client.push_retry.retries


class GivesUpKeptConnections(socketserver.StreamRequestHandler):
    """Responds to the first request of a connection, and closes it when a second one comes."""

    def handle(self) -> None:
        self._read()
        body = b'{"importId": "1", "importStatus": "InProgress"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)
        self._read()

    def _read(self) -> None:
        while self.rfile.readline() not in {b"\r\n", b""}:
            pass


def test_an_old_connection_is_not_used_for_it() -> None:
    """A server that gives up kept connections would leave open whether the start arrived."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), GivesUpKeptConnections) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = ClientOptions(base_url=f"http://127.0.0.1:{server.server_address[1]}")
        client = PigmentClient(Keys.single("pgmt_x"), options, clock=CLOCK)
        client.import_status("1")
        assert isinstance(client.start_import("any"), RunningImport)
        client.close()
        server.shutdown()
