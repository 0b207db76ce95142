"""Imports and copies that the local Pigment runs inside itself: started by their id, asynchronous, by its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local_pigment.sample import (
    CONSOLIDATION,
    DEPARTMENTS_TO_FTE,
    FAILING_COPY,
    FTE,
    PLANNING,
    add_copies,
    planning_model,
)
from local_pigment.server import LocalPigment
from local_pigment.workspace import ImportsOfABlock, Workspace


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
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


def ask(pigment: LocalPigment, method: str, path: str, **params: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {pigment.workspace.secret('import')}"}
    return requests.request(method, pigment.url + path, params=params, headers=headers, timeout=10)


def start(pigment: LocalPigment, name: str) -> str:
    id_ = pigment.workspace.configuration(name).id
    response = ask(pigment, "POST", "/api/v1/import/trigger", configurationId=id_)
    assert response.status_code == 200
    return str(response.json()["importId"])


def report(pigment: LocalPigment, import_id: str) -> dict[str, Any]:
    path = f"/api/v1/import/{import_id}/status"
    response: dict[str, Any] = ask(pigment, "GET", path, includedDetailedReport="true").json()
    return response


@pytest.mark.parametrize("rule", list(ImportsOfABlock))
def test_a_copy_reads_its_block_when_it_begins_and_takes_its_time(pigment: LocalPigment, rule: ImportsOfABlock) -> None:
    now = 0.0
    workspace = pigment.workspace
    workspace.clock = lambda: now
    workspace.variants.import_seconds, workspace.variants.imports_of_a_block = 5.0, rule
    import_id = start(pigment, DEPARTMENTS_TO_FTE)

    assert report(pigment, import_id)["importStatus"] == "InProgress"
    assert workspace.rows(FTE, CONSOLIDATION) == []
    now = 6.0
    assert report(pigment, import_id)["importStatus"] == "Completed"
    assert len(workspace.rows(FTE, CONSOLIDATION)) == 12


@pytest.mark.parametrize("gone", [False, True])
def test_a_copy_that_cannot_run_fails(pigment: LocalPigment, gone: bool) -> None:
    name = DEPARTMENTS_TO_FTE if gone else FAILING_COPY
    if gone:
        consolidation = pigment.workspace.application(CONSOLIDATION)
        del consolidation.blocks[pigment.workspace.block("Departments", CONSOLIDATION).id]
    done = report(pigment, start(pigment, name))

    assert done["importStatus"] == "Failed"
    assert done["errorsDetails"][0]["name"] == ("SourceBlockNotFound" if gone else "MissingColumn")
