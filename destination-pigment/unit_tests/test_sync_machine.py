"""The first law as a state machine: whatever comes in whatever order, no state leaves before its records are stored
or refused, no row is lost, no append file is pushed twice, and a source that did not finish replaces nothing.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter, deque
from datetime import timedelta
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from destination_pigment.config import FileLimits
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import FileOptions, StreamWriter
from destination_pigment.imports.importer import Imported, Route
from destination_pigment.imports.queue import Job, NotBegun
from destination_pigment.imports.replace import ReplacingWriter
from destination_pigment.input.configured_streams import StreamKey, WriteMode, parse_catalog
from destination_pigment.sync import Writer
from destination_pigment.targets import Target
from pigment_client.errors import ImportFailed, OutcomeUnknown
from pigment_client.models import ImportCounts
from pigment_csv.dialect import CsvDialect

SCHEDULES = int(os.environ.get("SCHEDULES", "400"))
MODES = {"added": "append", "matched": "append_dedup", "replaced": "overwrite", "paired": "overwrite"}
OUTCOMES = ["stored", "rejected", "failed", "arrived, answer lost", "lost"]
STREAMS = st.sampled_from(sorted(MODES))


class Pigment:
    """What an import does, and what is known about all of them; stands in for `Importer`."""

    stopped = False

    def __init__(self) -> None:
        self.blocks: dict[str, list[str]] = {
            name: ["old"] if mode == "overwrite" else [] for name, mode in MODES.items()
        }
        self.refused: Counter[str] = Counter()
        self.pushes: Counter[str] = Counter()
        self.outcomes: deque[str] = deque()

    def refuse(self, _rejected: int, _subject: str) -> None:
        """Rejected rows are reported here."""

    def import_file(self, file: SpoolFile, _subject: str, route: Route) -> Imported:
        stream, _, clears = route.configuration_id.partition("/")
        repeatable = route.repeatable
        with file.path.open(newline="") as opened:
            rows = [row["id"] for row in csv.DictReader(opened)]
        self.pushes.update(rows)
        outcome = self.outcomes.popleft() if self.outcomes else "stored"
        if outcome == "failed":
            raise ImportFailed("import")
        if outcome == "lost" and not repeatable:
            raise OutcomeUnknown("push CSV")
        rejected = rows[:1] if outcome == "rejected" else []
        self._store(stream, [row for row in rows if row not in rejected], clears=bool(clears))
        self.refused.update(rejected)
        if outcome == "arrived, answer lost":
            if not repeatable:
                raise OutcomeUnknown("push CSV")
            self._store(stream, rows, clears=bool(clears))
        return Imported(ImportCounts(inserted=len(rows) - len(rejected)), len(rejected))

    def _store(self, stream: str, rows: list[str], *, clears: bool) -> None:
        block = self.blocks[stream]
        if clears:
            block.clear()
        block += [row for row in rows if stream != "matched" or row not in block]


class Lanes:
    """The lanes without threads: a job ends when the machine says so, or when somebody waits for it."""

    cancelled = False

    def __init__(self, pigment: Pigment) -> None:
        self._pigment = pigment
        self._jobs: deque[Job] = deque()
        self._results: deque[tuple[Job, Imported | Exception]] = deque()
        self._stopped = False

    @property
    def outstanding(self) -> int:
        return len(self._jobs) + len(self._results)

    def cancelled_within(self, _seconds: float) -> bool:
        return False

    def has_room(self, job: Job) -> bool:
        return sum(each.target == job.target for each in self._jobs) < 2

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def stop(self) -> None:
        self._stopped = True

    def collect(self, timeout_seconds: float) -> tuple[Job, Imported | Exception] | None:
        if not self._results and timeout_seconds > 0:
            self.run_one()
        return self._results.popleft() if self._results else None

    def run_one(self) -> None:
        if not self._jobs:
            return
        job = self._jobs.popleft()
        try:
            self._results.append((job, NotBegun() if self._stopped else job.run(self._pigment)))  # type: ignore[arg-type] # stands in for it
        except Exception as error:  # noqa: BLE001 - as the real lanes do
            self._stopped = True
            self._results.append((job, error))


class Platform(RuleBasedStateMachine):
    """What the platform may do to a writer."""

    @initialize(rows=st.integers(1, 4))
    def begin(self, rows: int) -> None:
        self.now = 0.0
        self.pigment = Pigment()
        self.lanes = Lanes(self.pigment)
        self.spool = Spool(CsvDialect())
        self.sent: dict[str, list[str]] = {name: [] for name in MODES}
        self.states: list[tuple[str, int]] = []
        self.back: list[int] = []
        self.ended = False
        self.clean = False
        self.statuses: dict[str, str] = {}
        self.state_is_last = dict.fromkeys(MODES, False)
        options = FileOptions(CsvDialect(), FileLimits(10**6, rows, timedelta(minutes=10)), lambda: self.now)
        self.writer = Writer(self._writers(options), self.lanes, self._on_line)  # type: ignore[arg-type] # stand in

    def _writers(self, options: FileOptions) -> dict[StreamKey, StreamWriter]:
        schema = {"properties": {"id": {"type": "string"}}}
        catalog = {
            "streams": [
                {"stream": {"name": name, "json_schema": schema}, "destination_sync_mode": mode}
                for name, mode in MODES.items()
            ]
        }
        targets = {
            "added": Target("added"),
            "matched": Target("matched"),
            "replaced": Target("replaced/clear"),
            "paired": Target("paired", "paired/clear"),
        }
        writers: dict[StreamKey, StreamWriter] = {}
        for each in parse_catalog(catalog):
            kind = ReplacingWriter if each.mode is WriteMode.REPLACE else StreamWriter
            writers[each.key] = kind(each, targets[each.name], (), self.spool, options)
        return writers

    def _on_line(self, line: bytes) -> None:
        """A state came back: it must be true now."""
        number = json.loads(line)["state"]["id"]
        name, count = self.states[number]
        assert number not in self.back
        assert all(each in self.back for each in range(number) if self.states[each][0] == name)
        stored = Counter(self.pigment.blocks[name])
        for row in self.sent[name][:count]:
            assert stored[row] or self.pigment.refused[row], "a state left before its records were stored"
        self.back.append(number)

    def _send(self, *messages: dict[str, Any]) -> None:
        self.writer.take(b"".join(json.dumps(each).encode() + b"\n" for each in messages))
        self._end_if_failed()

    def _end_if_failed(self) -> None:
        if self.writer.failed:
            self._finish()

    def _finish(self) -> None:
        self.ended = True
        try:
            self.writer.finish()
        except AirbyteTracedException:
            return
        self.clean = True

    running = precondition(lambda self: not self.ended)

    @running
    @rule(name=STREAMS, count=st.integers(1, 5))
    def records(self, name: str, count: int) -> None:
        rows = [f"{name}-{len(self.sent[name]) + number}" for number in range(count)]
        self.sent[name] += rows
        self.state_is_last[name] = False
        self._send(*({"type": "RECORD", "record": {"stream": name, "data": {"id": row}}} for row in rows))

    @running
    @rule(name=STREAMS)
    def state(self, name: str) -> None:
        content = {"id": len(self.states), "stream": {"stream_descriptor": {"name": name}}}
        self.states.append((name, len(self.sent[name])))
        self.state_is_last[name] = True
        self._send({"type": "STATE", "state": content})

    @running
    @rule(name=STREAMS, word=st.sampled_from(["STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"]))
    def status(self, name: str, word: str) -> None:
        content = {"stream_descriptor": {"name": name}, "status": word}
        self.statuses[name] = word
        self._send({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": content}})

    @running
    @rule(outcome=st.sampled_from(OUTCOMES))
    def an_outcome_waits(self, outcome: str) -> None:
        self.pigment.outcomes.append(outcome)

    @running
    @rule()
    def an_import_ends(self) -> None:
        self.lanes.run_one()
        self.writer.tick()
        self._end_if_failed()

    @running
    @rule()
    def time_goes_by(self) -> None:
        self.now += 700
        self.writer.tick()
        self._end_if_failed()

    @running
    @rule()
    def the_input_ends(self) -> None:
        self._finish()

    @running
    @rule()
    def sigterm(self) -> None:
        pushed = self.pigment.pushes.total()
        self.ended = True
        self.writer.stop()
        assert self.pigment.pushes.total() == pushed, "a push began after SIGTERM"

    @running
    @rule()
    def sigkill(self) -> None:
        self.ended = True

    @invariant()
    def no_append_file_is_pushed_twice(self) -> None:
        if hasattr(self, "pigment"):
            assert all(count == 1 for row, count in self.pigment.pushes.items() if row.startswith("added"))
            assert all(count == 1 for count in Counter(self.pigment.blocks["added"]).values())

    @invariant()
    def an_unfinished_source_replaces_nothing(self) -> None:
        if not hasattr(self, "pigment"):
            return
        for name in ("replaced", "paired"):
            word = self.statuses.get(name)
            may_replace = self.ended and (word == "COMPLETE" or (not self.statuses and self.state_is_last[name]))
            assert may_replace or self.pigment.blocks[name] == ["old"]

    @precondition(lambda self: self.ended)
    @rule()
    def after_the_end(self) -> None:
        if not self.clean:
            return
        assert sorted(self.back) == list(range(len(self.states)))
        for name, rows in self.sent.items():
            held = Counter(self.pigment.blocks[name])
            assert all(held[row] or self.pigment.refused[row] for row in rows)
            assert set(held) <= {*rows, "old"}
            if name in {"replaced", "paired"} and rows:
                assert "old" not in held

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.__exit__(None, None, None)


Platform.TestCase.settings = settings(max_examples=SCHEDULES, stateful_step_count=40, deadline=None)
TestPlatform = Platform.TestCase
