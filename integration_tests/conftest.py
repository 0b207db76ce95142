"""Both connectors loaded once for all tests, and a destination with a local Pigment of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner, destination_config, running, unset_proxies
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment


def pytest_configure() -> None:
    unset_proxies()


@pytest.fixture(scope="session")
def source_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run") as server:
        yield server


@pytest.fixture(scope="session")
def destination_fork_server() -> Iterator[ForkServer]:
    with ForkServer("destination_pigment.run") as server:
        yield server


@pytest.fixture
def destination(destination_fork_server: ForkServer) -> Iterator[Runner]:
    """Ready to run, against a local Pigment in which the application "Consolidation" is empty."""
    with (
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
        running(destination_fork_server, pigment, destination_config(pigment)) as runner,
    ):
        yield runner
