"""Both connectors loaded once for all tests, and a destination with a local Pigment of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airbyte_platform.warm import Warm
from connectors import Runner, destination_config, running
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment


@pytest.fixture(scope="session")
def warm_source() -> Iterator[Warm]:
    with Warm("source_pigment.run") as warm:
        yield warm


@pytest.fixture(scope="session")
def warm_destination() -> Iterator[Warm]:
    with Warm("destination_pigment.run") as warm:
        yield warm


@pytest.fixture
def destination(warm_destination: Warm) -> Iterator[Runner]:
    """Ready to run, against a local Pigment in which the application "Consolidation" is empty."""
    with (
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
        running(warm_destination, pigment, destination_config(pigment)) as runner,
    ):
        yield runner
