"""Slices of the sample's ledger that together are the whole."""

from __future__ import annotations

import json
from typing import Any

from fake_pigment.blocks import ListBlock
from fake_pigment.sample import PLANNING
from fake_pigment.server import FakePigment
from writing import LEDGER


def sliced_by_department(pigment: FakePigment, slices: int) -> dict[str, Any]:
    """A source configuration that exports the ledger in so many parts."""
    departments = pigment.workspace.block("Departments", PLANNING)
    ledger = pigment.workspace.block(LEDGER, PLANNING)
    assert isinstance(departments, ListBlock)
    assert isinstance(ledger, ListBlock)
    names = [item.id for item in departments.items]
    filters = [
        {"propertyFilters": [{"propertyTechnicalName": ledger.properties[2].technical, "modalityIds": part}]}
        for part in (names[start::slices] for start in range(slices))
    ]
    return {"block_requests": [{"block": LEDGER, "slices": json.dumps(filters)}]}
