"""Both connectors loaded once for all tests, and a destination with a local Pigment of its own."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import impatient_destination
from airbyte_platform.fork_server import ForkServer
from connectors import Runner, destination_config, running, source_config
from disturbances import ATTEMPTS_MADE, Broken
from local_bucket.server import LocalBucket
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from writing import SPEED


def pytest_configure() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored; tests that send it need what a terminal gives."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The outcome of the schedules, in one line."""
    seen: Counter[str] = Counter()
    for report in [each for word in ("passed", "failed") for each in terminalreporter.stats.get(word, ())]:
        if report.when == "call":
            properties = dict(report.user_properties)
            seen.update(properties)
            seen["schedules"] += ATTEMPTS_MADE in properties
    if seen["schedules"]:
        counts = ", ".join(f"{broken} {seen[broken]}" for broken in Broken)
        line = f"{seen['schedules']} schedules with {seen[ATTEMPTS_MADE]} attempts; rows or blocks: {counts}"
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def source_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run") as server:
        yield server


@pytest.fixture(scope="session")
def destination_fork_server() -> Iterator[ForkServer]:
    with ForkServer("integration_tests.impatient_destination", speed=impatient_destination.SPEED) as server:
        yield server


@pytest.fixture(scope="session")
def fast_source_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run", speed=SPEED) as server:
        yield server


@pytest.fixture(scope="session")
def fast_destination_fork_server() -> Iterator[ForkServer]:
    with ForkServer("destination_pigment.destination", speed=SPEED) as server:
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


@pytest.fixture(params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    """A small planning model; a module whose tests need another has a fixture of its own."""
    with LocalPigment(planning_model(ledger_rows=50), tls=request.param) as started:
        yield started


@pytest.fixture
def source(pigment: LocalPigment, source_fork_server: ForkServer) -> Iterator[Runner]:
    """Ready to run, against `pigment`."""
    with running(source_fork_server, pigment, source_config(pigment)) as runner:
        yield runner


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    """A file for the import configuration "Departments"."""
    path = tmp_path / "rows.csv"
    path.write_text("Department,Parent\r\nNew one,Über\r\n", encoding="utf-8")
    return path


@pytest.fixture
def bucket() -> Iterator[LocalBucket]:
    """A bucket for rejected rows."""
    with LocalBucket() as started:
        yield started
