"""The first law end to end: random faults and kills, both connectors as processes, run again as the platform would.

`SCHEDULES=100` runs a hundred of them; each has its own seed, which is all that is needed to see one again.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Message, Run, as_lines, configured
from airbyte_platform.rules import DestinationRules
from connectors import Runner, destination_config, running, source_config
from local_pigment.blocks import ListBlock
from local_pigment.faults import (
    CutAfter,
    FailImport,
    Late,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
)
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from slicing import sliced_by_department
from writing import LEDGER

SCHEDULES = int(os.environ.get("SCHEDULES", "12"))
ROWS = 120
MODES = ("append", "append_dedup", "overwrite")
# The last attempts are undisturbed, so that every schedule comes to its end.
DISTURBED, ATTEMPTS = 4, 6


@dataclass
class Schedule:
    """One sync with all its attempts."""

    seed: int
    mode: str
    source: Runner
    destination: Runner
    catalog: dict[str, Any]
    chance: random.Random = field(init=False)
    sent: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    killed: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def run(self) -> bool:
        """Attempt until one succeeds."""
        state: list[Message] = []
        for attempt in range(ATTEMPTS):
            self.attempts += 1
            disturbed = attempt < DISTURBED
            self._queue_faults(disturbed=disturbed)
            read = self.source.run("read", catalog=self.catalog, state=state)
            wrote, rules = self._write(read, disturbed=disturbed)
            self.source.pigment.faults.forget()
            for message in wrote.messages:
                rules.see(message)
            if read.exit_code == 0 and wrote.exit_code == 0:
                rules.end(0)
                return True
            # A full refresh that overwrites starts again; the others go on behind the last state that came back.
            if self.mode != "overwrite" and wrote.states:
                state = [{name: value for name, value in wrote.states[-1].items() if name in {"type", "stream"}}]
        return False

    def _write(self, read: Run, *, disturbed: bool) -> tuple[Run, DestinationRules]:
        rules = DestinationRules()
        lines: list[bytes] = []
        for line, message in zip(read.lines, read.messages, strict=True):
            if message["type"] == "STATE":
                lines.append(as_lines([{**message, "state": rules.send(message["state"])}]))
            elif message["type"] in {"RECORD", "TRACE"}:
                # As it came: read and written again, a number would lose digits here.
                lines.append(line + b"\n")
        if self.mode != "overwrite":
            self.sent.update(record["data"]["Entry"] for record in read.records)
        process = self.destination.start("write", catalog=self.catalog, max_file_rows=self.chance.randint(20, 60))
        if disturbed and self.chance.random() < 0.5:
            self.killed += 1
            number = self.chance.choice([signal.SIGTERM, signal.SIGKILL])
            threading.Thread(target=self._kill, args=(process, number, self.chance.uniform(0.1, 3))).start()
        process.feed(b"".join(lines))
        return process.finish(), rules

    @staticmethod
    def _kill(process: Any, number: int, seconds: float) -> None:
        time.sleep(seconds)
        process.send_signal(number)

    def _queue_faults(self, *, disturbed: bool) -> None:
        if not disturbed:
            return
        pigment, chance = self.source.pigment, self.chance
        pigment.workspace.variants.polls_until_done = chance.randint(0, 1)
        pigment.workspace.variants.immediate_results = chance.random() < 0.3
        pushing = [
            RespondStatus(429),
            RespondStatus(503),
            RespondGarbage(),
            ResetBeforeBody(),
            ResetBeforeResponse(carried_out=True),
            ResetBeforeResponse(carried_out=False),
            FailImport(),
            Late(0.5),
        ]
        asking = [RespondStatus(503), RespondStatus(404), ResetBeforeResponse(carried_out=True), Late(0.3)]
        exporting = [CutAfter(3), CutAfter(1500), RespondStatus(500), ResetBeforeResponse(carried_out=True)]
        for operation, faults in (("push_csv", pushing), ("import_status", asking), ("export_list", exporting)):
            if chance.random() < 0.6:
                pigment.faults.queue(operation, chance.choice(faults), after=chance.randint(0, 3))


def prepared(pigment: LocalPigment, mode: str) -> dict[str, Any]:
    """The destination's configuration for a sync mode: keyed, replacing with its pair, or simply adding."""
    workspace = pigment.workspace
    adding = workspace.configuration(LEDGER).id
    target = {"stream": LEDGER, "import_configuration_id": adding}
    if mode == "append_dedup":
        target["import_configuration_id"] = workspace.configuration(f"{LEDGER} (by entry)").id
    if mode == "overwrite":
        target["replace_import_configuration_id"] = workspace.configuration(f"{LEDGER} (replace)").id
    return {"targets": [target]}


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed >= len(MODES) else []) for seed in range(SCHEDULES)]
)
def test_rows_in_pigment_are_the_rows_that_were_sent(
    seed: int, source_fork_server: ForkServer, destination_fork_server: ForkServer
) -> None:
    mode = MODES[seed % len(MODES)]
    with LocalPigment(planning_model(ledger_rows=ROWS, seed=seed)) as pigment:
        pigment.workspace.limits.requests = 100_000
        slices = {"num_workers": 1, "max_retries": 1, **sliced_by_department(pigment, 4)}
        with (
            running(source_fork_server, pigment, {**source_config(pigment), **slices}) as source,
            running(
                destination_fork_server,
                pigment,
                {**destination_config(pigment), "max_retries": 2, **prepared(pigment, mode)},
            ) as destination,
        ):
            chosen = {"streams": [source.discovered()[LEDGER]]}
            catalog = configured(chosen, destination_sync_mode=mode)
            if mode == "overwrite":
                destination.run("write", stdin=b"", catalog=catalog)
                old = pigment.workspace.block(LEDGER, CONSOLIDATION)
                assert isinstance(old, ListBlock)
                old.add("old", *[""] * (len(old.properties) - 1))
            schedule = Schedule(seed, mode, source, destination, catalog)
            assert schedule.run()
        expected = Counter(map(tuple, pigment.workspace.rows(LEDGER, PLANNING)))
        stored = Counter(map(tuple, pigment.workspace.rows(LEDGER, CONSOLIDATION)))
    assert set(stored) == set(expected)
    if mode == "append":
        # What was sent again behind the last state may be there again; nothing is there more often than it was sent.
        assert all(count <= schedule.sent[row[0]] for row, count in stored.items())
    else:
        assert stored == expected
