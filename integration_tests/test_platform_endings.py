"""The platform witness ends a destination as the platform does: seen by one that writes down what it meets."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.delivery import (
    GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS,
    Cancelled,
    Delivery,
    Ending,
    Killed,
    SourceFailed,
    Succeeded,
)
from airbyte_platform.job import CUSTOM_IMAGE, REGISTRY, Job, catalog_for, complete, refreshed
from airbyte_platform.process import Connector, Run

DIARY = """
import json, os, select, signal, sys, time
began, seen = time.monotonic(), open(sys.argv[3], "a", buffering=1)
note = lambda word: seen.write(json.dumps([word, time.monotonic() - began]) + "\\n")
terminated = []
signal.signal(signal.SIGTERM, lambda *_: (note("SIGTERM"), terminated.append(True)))
note("started")
lines = sys.stdin.buffer.read().count(b"\\n")
note("end of input")
try:
    os.write(1, json.dumps({"type": "LOG", "log": {"level": "INFO", "message": str(lines)}}).encode() + b"\\n")
except BrokenPipeError:
    note("broken pipe")
poll = select.poll()
poll.register(1, 0)
patience, _, expected = sys.argv[1].removeprefix("write").partition("+")
patience = float(patience)
while time.monotonic() - began < patience:
    if poll.poll(10):
        note("output closed")
        while expected and not terminated and time.monotonic() - began < patience:
            time.sleep(0.01)
        sys.exit(3)
note("still wanted")
"""


class Diary:
    """Starts the destination that writes down what it meets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.executable = folder / "diary"
        self.executable.write_text(f"#!{sys.executable}\n{DIARY}")
        self.executable.chmod(0o700)

    def run(
        self, ending: Ending, *, patience: float = 0.0, expects_signal: bool = False
    ) -> tuple[Run, dict[str, float]]:
        """What it printed, and what it met when; one that expects a signal does not end before it."""
        command = f"write{patience}" + ("+SIGTERM" if expects_signal else "")
        process = Connector(self.executable).start(command, self.folder, config={})
        diary = self.folder / "config.json"
        diary.write_text("")
        delivery = Delivery(process)
        assert delivery.send_messages({"type": "RECORD"}, {"type": "RECORD"})
        while not diary.read_text():
            time.sleep(0.02)
        if isinstance(ending, SourceFailed):  # the grace begins once the destination has seen the end of its input
            delivery.finish_input()
            while not delivery.printed:
                time.sleep(0.02)
        run = delivery.end(ending)
        met = dict(json.loads(line) for line in diary.read_text().splitlines())
        return run, {word: moment for word, moment in met.items() if word not in {"started", "broken pipe"}}


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    return Diary(tmp_path)


def test_a_success_waits_as_long_as_the_destination_needs(diary: Diary) -> None:
    run, met = diary.run(Succeeded(), patience=1.5)

    assert run.exit_code == 0
    assert run.of("LOG") == [{"level": "INFO", "message": "2"}]
    assert list(met) == ["end of input", "still wanted"]


def test_a_failed_source_closes_the_input_then_the_outputs_then_terminates(diary: Diary) -> None:
    run, met = diary.run(SourceFailed(grace_seconds=0.8), patience=20, expects_signal=True)

    assert list(met) == ["end of input", "output closed", "SIGTERM"] or list(met) == [
        "end of input",
        "SIGTERM",
        "output closed",
    ]
    assert met["output closed"] - met["end of input"] >= 0.8
    assert run.of("LOG")
    assert run.exit_code == 3


def test_a_cancel_closes_everything_at_once_and_sigterm_never_comes(diary: Diary) -> None:
    run, met = diary.run(Cancelled(), patience=20)

    assert list(met) == ["end of input", "output closed"]
    assert run.exit_code == 3


def test_older_platforms_give_a_failed_source_no_grace_and_a_lost_machine_none_at_all(diary: Diary) -> None:
    assert diary.run(SourceFailed(grace_seconds=0, signal=None), patience=20)[0].exit_code == 3
    assert diary.run(Killed(), patience=20)[0].exit_code == -signal.SIGKILL
    assert GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS == 60


def test_who_does_not_end_is_killed(diary: Diary) -> None:
    run, _ = diary.run(Cancelled(kill_after_seconds=0.05), patience=20, expects_signal=True)

    assert run.exit_code == -signal.SIGKILL


STREAMS: list[dict[str, Any]] = [
    {"name": "S", "json_schema": {}, "is_resumable": True},
    {"name": "S", "namespace": "n", "json_schema": {}},
]


@pytest.mark.parametrize(
    ("mode", "sent", "minimum"),
    [
        ("overwrite", "append", 3),
        ("overwrite_dedup", "append_dedup", 3),
        ("append", "append", 0),
        ("append_dedup", "append_dedup", 0),
    ],
)
def test_a_registry_connector_gets_generations_and_a_custom_image_gets_the_mode(
    mode: str, sent: str, minimum: int
) -> None:
    (registry,) = catalog_for(STREAMS[:1], mode, REGISTRY, generations={0: 3})["streams"]
    (custom,) = catalog_for(STREAMS[:1], mode, CUSTOM_IMAGE, generations={0: 3})["streams"]

    assert (registry["destination_sync_mode"], registry["minimum_generation_id"]) == (sent, minimum)
    assert registry["generation_id"] == 3
    assert custom["destination_sync_mode"] == mode
    assert "generation_id" not in custom
    assert complete(STREAMS[1])["trace"]["stream_status"]["stream_descriptor"] == {"name": "S", "namespace": "n"}


def test_a_refresh_that_removes_records_leaves_a_stream_incremental() -> None:
    usual = catalog_for(STREAMS[:1], "append", REGISTRY, generations={0: 3}, sync_id=9, sync_mode="incremental")
    (configured,) = refreshed(usual)["streams"]

    assert (configured["sync_mode"], configured["destination_sync_mode"]) == ("incremental", "append")
    assert (configured["generation_id"], configured["minimum_generation_id"]) == (4, 4)


def test_the_next_attempt_keeps_state_and_generation_only_where_the_source_can_resume() -> None:
    job = Job(STREAMS, "overwrite", REGISTRY, first_generation=4, id=9)
    assert job.state is None

    def back(place: int, **descriptor: str) -> dict[str, Any]:
        inner = {"stream_descriptor": {"name": "S", **descriptor}, "stream_state": {"place": place}}
        return {"type": "STREAM", "id": place, "stream": inner, "destinationStats": {}}

    job.attempt_failed([back(1), back(2), back(3, namespace="n")])

    assert [each["stream"]["stream_state"] for each in job.state or ()] == [{"place": 2}]
    assert all("id" not in each for each in job.state or ())
    assert [each["generation_id"] for each in job.catalog["streams"]] == [4, 5]
    assert {each["sync_id"] for each in job.catalog["streams"]} == {9}
    assert job.environment == {"WORKER_JOB_ID": "9", "WORKER_JOB_ATTEMPT": "1"}
