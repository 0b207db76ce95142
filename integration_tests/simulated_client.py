"""A client whose clock is simulated, and a local Pigment with a large list to export."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from local_pigment.blocks import ListBlock, Property
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Keys
from pigment_client.models import (
    ExportKind,
    ExportRequest,
)


class SimulatedTime:
    """A clock that moves only on sleep, and remembers each wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0.0
        self.slept: list[float] = []
        self.clock = Clock(monotonic=self.now, sleep=self.sleep)

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(seconds, 1e-6)
            self.slept.append(seconds)


ROWS = 40_000


LINE = b"0123456789;abcdefghij\r\n"


@contextmanager
def running(*, tls: bool, monkeypatch: pytest.MonkeyPatch, **options: object) -> Iterator[LocalPigment]:
    workspace = planning_model(ledger_rows=50)
    big = ListBlock(new_id("big"), "Big", [Property("a"), Property("b")])

    def body() -> Iterator[bytes]:
        yield b"a;b\r\n"
        for _ in range(ROWS // 100):
            yield LINE * 100

    big.stream = body
    workspace.application(PLANNING).put(big)
    with LocalPigment(workspace, tls=tls, **options) as pigment:  # type: ignore[arg-type] # passed on as they are
        if pigment.ca_file:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pigment.ca_file))
        yield pigment


def client_for(pigment: LocalPigment, key: str = "all", **options: object) -> PigmentClient:
    simulated = SimulatedTime()
    given = replace(ClientOptions(base_url=pigment.url), **options)  # type: ignore[arg-type] # passed on as they are
    client = PigmentClient(Keys.single(pigment.workspace.secret(key)), given, clock=simulated.clock)
    client.slept = simulated.slept  # type: ignore[attr-defined] # for the assertions of a test
    return client


def export_all(client: PigmentClient, block: str = "Big") -> int:
    request = ExportRequest(ExportKind.LIST, new_id("big") if block == "Big" else block, {})
    return client.export(request, lambda export: sum(map(len, export)))


WHOLE = 5 + len(LINE) * ROWS


def list_blocks(client: PigmentClient) -> object:
    return client.list_blocks(new_id(PLANNING))


def export_months(client: PigmentClient) -> object:
    return export_all(client, new_id(PLANNING, "Months"))
