"""Both connectors loaded once for all tests, and a destination with a local Pigment of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airbyte_platform.fork_server import ForkServer
from attempts import SPEED
from connectors import PRELOAD, Runner, destination_config, running
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment


@pytest.fixture(scope="session")
def source_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run", preload=PRELOAD) as server:
        yield server


@pytest.fixture(scope="session")
def destination_fork_server() -> Iterator[ForkServer]:
    with ForkServer("integration_tests.impatient_destination") as server:
        yield server


@pytest.fixture(scope="session")
def fast_source_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run", speed=SPEED, preload=PRELOAD) as server:
        yield server


@pytest.fixture(scope="session")
def fast_destination_fork_server() -> Iterator[ForkServer]:
    with ForkServer("destination_pigment.run", speed=SPEED) as server:
        yield server


@pytest.fixture
def fast_destination(fast_destination_fork_server: ForkServer) -> Iterator[Runner]:
    """A destination for which a minute and a half is over in three seconds."""
    with (
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
        running(fast_destination_fork_server, pigment, destination_config(pigment)) as runner,
    ):
        yield runner


@pytest.fixture
def destination(destination_fork_server: ForkServer) -> Iterator[Runner]:
    """Ready to run, against a local Pigment in which the application "Consolidation" is empty."""
    with (
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
        running(destination_fork_server, pigment, destination_config(pigment)) as runner,
    ):
        yield runner
