"""Random breaks, kills and resumes: no part of an export ever leaves, and every stream ends exact.

`SOURCE_SCHEDULES=1000` runs a thousand of them; each has its own seed, which is all that is needed to see one again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Message, Run
from airbyte_platform.rules import SourceRules
from connectors import Runner, running, sliced_by_department, source_config
from local_pigment.faults import CutAfter, Fault, ResetBeforeResponse, RespondStatus
from local_pigment.sample import LEDGER, PLANNING, planning_model
from local_pigment.server import LocalPigment

SCHEDULES = int(os.environ.get("SOURCE_SCHEDULES", "6"))
ROWS = 400
STREAMS = (LEDGER, "Months", "Accounts", "Employees")
# The last attempts are undisturbed, so that every schedule comes to its end.
DISTURBED, ATTEMPTS = 3, 4


@pytest.fixture(scope="module")
def quick_fork_server() -> Iterator[ForkServer]:
    with ForkServer("source_pigment.run", speed=60.0) as server:
        yield server


@pytest.fixture(scope="module", params=[False, True], ids=["HTTP/1.1", "HTTP/2"])
def source(request: pytest.FixtureRequest, quick_fork_server: ForkServer) -> Iterator[Runner]:
    with LocalPigment(planning_model(ledger_rows=ROWS), tls=request.param) as pigment:
        pigment.workspace.limits.requests = 1_000_000
        with running(quick_fork_server, pigment, source_config(pigment)) as runner:
            runner.environment["WORKER_JOB_ID"] = "7"
            yield runner


def faults_of(chance: random.Random) -> list[Fault]:
    kinds: list[Fault] = [RespondStatus(503), ResetBeforeResponse(carried_out=True)]
    return [chance.choice([*kinds, *(CutAfter(chance.randint(0, 20_000)) for _ in range(6))]) for _ in range(6)]


def attempt(source: Runner, chance: random.Random, catalog: Any, state: list[Message], config: dict[str, Any]) -> Run:
    """One attempt, with breaks and maybe a kill."""
    faults = source.pigment.faults
    for fault in faults_of(chance):
        faults.queue("export_list", fault, after=chance.randint(0, 2))
    process = source.start("read", catalog=catalog, state=state or None, **config)
    os.close(process.stdin)
    if chance.random() < 0.4:
        number = chance.choice([signal.SIGTERM, signal.SIGKILL])
        threading.Timer(chance.uniform(0.0, 1.5), process.send_signal, [number]).start()
    try:
        return process.finish()
    finally:
        faults.forget()


def rows_by_stream(source: Runner) -> dict[str, Counter[str]]:
    return {name: Counter(row[0] for row in source.pigment.workspace.rows(name, PLANNING)) for name in STREAMS}


class Kept:
    """What the platform keeps: a stream in slices goes on after its last state, any other begins again."""

    def __init__(self, catalog: dict[str, Any]) -> None:
        self._keys = {
            each["stream"]["name"]: next(iter(each["stream"]["json_schema"]["properties"]))
            for each in catalog["streams"]
        }
        self._resumable = {each["stream"]["name"]: each["stream"]["is_resumable"] for each in catalog["streams"]}
        self.rows: dict[str, Counter[str]] = {name: Counter() for name in self._keys}
        self.states: dict[str, Message] = {}

    def take(self, run: Run) -> None:
        for name, resumable in self._resumable.items():
            if not resumable:
                self.rows[name].clear()
        since: dict[str, Counter[str]] = {name: Counter() for name in self._keys}
        for message in run.messages:
            if message["type"] == "RECORD":
                record = message["record"]
                since[record["stream"]][record["data"][self._keys[record["stream"]]]] += 1
            if message["type"] == "STATE":
                name = message["state"]["stream"]["stream_descriptor"]["name"]
                self.rows[name] += since.pop(name)
                since[name] = Counter()
                if self._resumable[name]:
                    self.states[name] = {"type": "STREAM", "stream": message["state"]["stream"]}
        if run.exit_code >= 0 and run.exit_code != 128 + signal.SIGTERM:
            # A source that was not killed has sent only whole exports, each with its state.
            assert not any(since.values())


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed > 1 else []) for seed in range(SCHEDULES)]
)
def test_no_schedule_sends_a_part_of_an_export(seed: int, source: Runner) -> None:
    chance = random.Random(seed)
    slices = chance.choice([1, 2, 5])
    config: dict[str, Any] = {"num_workers": chance.choice([1, 2, 3, 10]), "max_retries": chance.randint(0, 2)}
    if slices > 1:
        config |= sliced_by_department(source.pigment, slices)
    source.pigment.workspace.variants.gzip = chance.random() < 0.5
    catalog = source.catalog(*STREAMS, **config)
    kept = Kept(catalog)
    expected = rows_by_stream(source)
    for number in range(ATTEMPTS):
        states = list(kept.states.values())
        if number < DISTURBED:
            run = attempt(source, chance, catalog, states, config)
        else:
            run = source.run("read", catalog=catalog, state=states or None, **config)
        kept.take(run)
        if run.exit_code == 0:
            rules = SourceRules(catalog, strict_schemas=False)
            for line, message in zip(run.lines, run.messages, strict=True):
                rules.see(message, len(line.decode()))
            rules.end(0)
            break
    else:
        raise AssertionError(json.dumps(run.errors))
    assert kept.rows == expected
