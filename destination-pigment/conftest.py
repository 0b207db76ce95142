"""A local Pigment for Airbyte's standard suite: `airbyte-cdk connector test` in this folder needs no workspace."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    """Serve for the standard suite only: it makes this folder the root of its session."""
    if config.rootpath != FOLDER:
        return
    sys.path[:0] = [str(FOLDER.parent / "testbench"), str(FOLDER.parent / "integration_tests")]
    from acceptance_pigment import AcceptancePigment  # noqa: PLC0415 - other sessions have no use for it

    pigment = AcceptancePigment(FOLDER)
    pigment.start()
    config.add_cleanup(pigment.stop)
