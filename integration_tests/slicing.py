"""Slices of the sample's ledger that together are the whole."""

from __future__ import annotations

import json
from typing import Any

from local_pigment.blocks import ListBlock
from local_pigment.sample import PLANNING
from local_pigment.server import LocalPigment
from writing import LEDGER


def sliced_by_department(pigment: LocalPigment, slices: int) -> dict[str, Any]:
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
