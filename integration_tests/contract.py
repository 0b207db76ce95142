"""Finds Pigment's API description, which lies beside the repository where there is one, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_PLACE = Path(__file__).resolve().parents[2] / "shared" / "pigment-external-api.openapi.json"


def api_description() -> dict[str, Any]:
    """The API description; a test that asks for it is skipped where it is absent."""
    if not _PLACE.exists():
        pytest.skip("Pigment's API description is not beside this repository")
    parsed: dict[str, Any] = json.loads(_PLACE.read_text(encoding="utf-8"))
    return parsed
