"""Both connectors, where Pigment says that a key expires soon: one warning in every command, and in the status."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from airbyte_cdk.models import Status

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run
from connectors import Runner, destination_config, running, source_config
from destination_pigment.check import check_connection as check_destination
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from source_pigment.check import check_connection as check_source
from writing import catalog, many, state, write

LOGGER = logging.getLogger("airbyte")
TODAY = datetime.now(UTC).date()


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        started.workspace.variants.key_expiry_header = "X-Api-Key-Expires-At"
        yield started


@pytest.fixture
def source(source_fork_server: ForkServer, pigment: LocalPigment) -> Iterator[Runner]:
    with running(source_fork_server, pigment, source_config(pigment)) as runner:
        yield runner


@pytest.fixture
def destination(destination_fork_server: ForkServer, pigment: LocalPigment) -> Iterator[Runner]:
    with running(destination_fork_server, pigment, destination_config(pigment)) as runner:
        yield runner


def expire(pigment: LocalPigment, **days: int) -> None:
    """Let keys expire in so many days, by their names."""
    workspace = pigment.workspace
    workspace.keys = [
        replace(key, expires=TODAY + timedelta(days=days[key.name])) if key.name in days else key
        for key in workspace.keys
    ]


def warnings(run: Run) -> list[str]:
    return [each["message"] for each in run.of("LOG") if each["level"] == "WARN" and "expires on" in each["message"]]


def separate(pigment: LocalPigment) -> dict[str, Any]:
    keys = {f"{name}_api_key": pigment.workspace.secret(name) for name in ("export", "metadata")}
    return {"auth_type": "separate_keys", **keys}


def day(days: int) -> str:
    return date.fromordinal(TODAY.toordinal() + days).isoformat()


def test_check_says_which_key_expires_soon(pigment: LocalPigment, caplog: pytest.LogCaptureFixture) -> None:
    expire(pigment, export=3, metadata=60, all=14)
    read = check_source({**source_config(pigment), "credentials": separate(pigment)}, LOGGER)
    written = check_destination(destination_config(pigment), LOGGER)

    assert (read.status, written.status) == (Status.SUCCEEDED, Status.SUCCEEDED)
    assert f'The key under "Export key" expires on {day(3)}' in (read.message or "")
    assert "Metadata key" not in caplog.text
    assert f'The key under "API key" expires on {day(14)}' in (written.message or "")
    assert sum("expires on" in each.message for each in caplog.records if each.levelno == logging.WARNING) == 2


@pytest.mark.long
def test_every_sync_says_it_once(source: Runner, destination: Runner, pigment: LocalPigment) -> None:
    expire(pigment, all=2)
    read = source.run("read", catalog=source.catalog("Departments", "Months"))
    written = write(destination, [*many(3), state(1)], catalog())
    for run in (source.run("discover"), read, destination.run("discover"), written):
        assert run.exit_code == 0
        assert len(warnings(run)) == 1
        assert pigment.workspace.secret("all") not in run.everything


@pytest.mark.long
def test_nothing_is_said_of_a_key_that_lasts(source: Runner, pigment: LocalPigment) -> None:
    expire(pigment, all=15)
    assert not warnings(source.run("check"))
