"""The first law as a state machine: whatever comes in whatever order, no state leaves before its records are stored
or rejected, no row is lost, no row is added twice, and a source that did not succeed replaces nothing.
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
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.held_states import HeldStates
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import FileOptions, StreamFiles
from destination_pigment.imports.append import Append
from destination_pigment.imports.deletions import Deletions
from destination_pigment.imports.queue import Job
from destination_pigment.imports.replace import Replace
from destination_pigment.imports.report import Imported, RowRules
from destination_pigment.imports.running import InDoubt
from destination_pigment.input.cancel import Cancel, Cancelled, Patience
from destination_pigment.input.configured_streams import WriteMode, parse_catalog
from destination_pigment.states import States
from destination_pigment.sync import Pace, Streams, Sync
from destination_pigment.targets import Target
from pigment_client.errors import ImportFailed
from pigment_client.models import ImportCounts, RejectedRow
from pigment_csv.dialect import CsvDialect

SCHEDULES = int(os.environ.get("SCHEDULES", "300"))
MODES = {
    "added": "append",
    "misled": "append",
    "matched": "append_dedup",
    "replaced": "overwrite",
    "paired": "overwrite",
}
# "misled" appends through a configuration that clears.
TARGETS = {
    "added": Target("added"),
    "misled": Target("misled/clear"),
    "matched": Target("matched"),
    "replaced": Target("replaced/clear", "replaced/clear"),
    "paired": Target("paired", "paired/clear"),
}
REPLACED = ("replaced", "paired")
OUTCOMES = [
    "stored",
    "rejected",
    "failed",
    "failed, but cleared",
    "arrived, then in doubt",
    "in doubt",
    "unreported",
    "zero-based numbers",
]
STREAMS = st.sampled_from(sorted(MODES))


class Pigment:
    """What an import does, and what is known about all of them; stands in for `Importer`."""

    rules = RowRules(fail_on_rejected=False, may_leave_rows=True)

    def __init__(self, cancel: Cancel) -> None:
        self.blocks: dict[str, list[str]] = {name: ["old"] if name in REPLACED else [] for name in MODES}
        self.rejected: Counter[str] = Counter()
        self.in_doubt: set[str] = set()
        self.pushes = 0
        self.deletions = Deletions()
        self.outcomes: deque[str] = deque()
        self._cancel = cancel

    @property
    def cancelled(self) -> bool:
        return self._cancel.requested

    def wait(self, _seconds: float) -> None:
        """No time goes by."""

    def import_file(self, file: SpoolFile, _subject: str, configuration_id: str, *, repeatable: bool) -> Imported:
        if self.cancelled:
            raise Cancelled
        stream, _, clears = configuration_id.partition("/")
        with file.path.open(newline="") as opened:
            rows = [row["id"] for row in csv.DictReader(opened)]
        self.pushes += 1
        outcome = self.outcomes.popleft() if self.outcomes else "stored"
        if outcome == "failed, but cleared" and clears and stream == "misled":
            self.blocks[stream].clear()
        if outcome.startswith("failed"):
            raise ImportFailed("import")
        deleted = 0
        rejected = rows[:1] if outcome in {"rejected", "zero-based numbers"} else []
        if outcome != "in doubt":
            deleted = self._store(stream, [row for row in rows if row not in rejected], clears=bool(clears))
        if outcome in {"arrived, then in doubt", "in doubt"}:
            if not repeatable:
                self.in_doubt.update(rows)
            raise InDoubt("Nobody knows.")
        self.rejected.update(rejected)
        counts = ImportCounts(len(rows) - len(rejected), 0, deleted, len(rejected))
        first = 0 if outcome == "zero-based numbers" else 1
        numbered = tuple(RejectedRow(number + first) for number in range(len(rejected)))
        return Imported(None if outcome == "unreported" else counts, len(rejected), numbered)

    def _store(self, stream: str, rows: list[str], *, clears: bool) -> int:
        block = self.blocks[stream]
        deleted = len(block) if clears else 0
        if clears:
            block.clear()
        block += [row for row in rows if stream != "matched" or row not in block]
        return deleted


class Queues:
    """The queues without threads: a job ends when the machine says so, or when somebody waits for it."""

    def __init__(self, pigment: Pigment) -> None:
        self._pigment = pigment
        self._jobs: deque[Job] = deque()
        self._results: deque[tuple[Job, Imported | Exception]] = deque()
        self._stopped = False

    @property
    def outstanding(self) -> int:
        return len(self._jobs) + len(self._results)

    @property
    def unfinished(self) -> list[str]:
        return [job.configuration_id for job in self._jobs] + [job.configuration_id for job, _ in self._results]

    def has_room(self, job: Job) -> bool:
        return sum(each.configuration_id == job.configuration_id for each in self._jobs) < 2

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
            self._results.append((job, Cancelled() if self._stopped else job.run(self._pigment)))  # type: ignore[arg-type] # stands in for it
        except Exception as error:  # noqa: BLE001 - as the real queues do
            self._stopped = True
            self._results.append((job, error))


class Platform(RuleBasedStateMachine):
    """What the platform may do to a sync."""

    @initialize(rows=st.integers(1, 4), generations=st.booleans(), namespace=st.sampled_from([None, "ns"]))
    def begin(self, rows: int, generations: bool, namespace: str | None) -> None:
        self.now = 0.0
        self.namespace = namespace
        self.generations = generations
        self.cancel = Cancel()
        self.pigment = Pigment(self.cancel)
        self.queues = Queues(self.pigment)
        self.spool = Spool(CsvDialect())
        self.sent: dict[str, list[str]] = {name: [] for name in MODES}
        self.since_state: Counter[str] = Counter()
        self.states: list[tuple[str, int]] = []
        self.empty_states: Counter[str] = Counter()
        self.back: list[int] = []
        self.short: set[str] = set()
        self.ended = self.clean = self.cut = False
        self.has_statuses = False
        self.complete: set[str] = set()
        self.state_is_last = dict.fromkeys(MODES, True)
        self.stated: set[str] = set()
        self.sync = self._sync(rows)

    def _sync(self, rows: int) -> Sync:
        options = FileOptions(CsvDialect(), FileLimits(10**6, rows, timedelta(minutes=10)), lambda: self.now)
        schema = {"properties": {"id": {"type": "string"}}}
        ids = {"generation_id": 7, "minimum_generation_id": 0} if self.generations else {}
        catalog = {
            "streams": [
                {
                    "stream": {"name": name, "json_schema": schema, "namespace": self.namespace},
                    "destination_sync_mode": mode,
                    **ids,
                }
                for name, mode in MODES.items()
            ]
        }
        appends, replaces = {}, {}
        for each in parse_catalog(catalog):
            files = StreamFiles(each, RecordConverter(each, (), CsvDialect()), self.spool, options)
            if each.mode is WriteMode.REPLACE:
                replaces[each.key] = Replace(each, TARGETS[each.name], files, 0.0)
            else:
                appends[each.key] = Append(each, TARGETS[each.name], files, self.spool)
        held = HeldStates(lambda: self.spool.new_path(".states"), memory_bytes=300)
        states = States(held, self._on_lines, self.cancel)
        pace = Pace(600.0, Patience(still_wanted_seconds=0.0))
        return Sync(Streams(appends, replaces), self.queues, states, self.cancel, pace)  # type: ignore[arg-type] # stands in

    def _on_lines(self, lines: bytes) -> None:
        for line in lines.splitlines():
            self._on_state(json.loads(line)["state"]["id"])

    def _on_state(self, number: int) -> None:
        """A state came back: it must be true now."""
        name, count = self.states[number]
        assert number not in self.back
        assert all(each in self.back for each in range(number) if self.states[each][0] == name)
        stored = Counter(self.pigment.blocks[name])
        for row in self.sent[name][:count]:
            assert stored[row] or self.pigment.rejected[row], "a state left before its records were stored"
        self.back.append(number)

    def _send(self, *messages: dict[str, Any], end: bytes = b"\n") -> None:
        self.sync.take(b"".join(json.dumps(each).encode() + end for each in messages))
        self._end_if_failed()

    def _end_if_failed(self) -> None:
        if self.sync.failed:
            self._finish()

    def _finish(self, rest: bytes = b"") -> None:
        self.ended = True
        try:
            self.sync.finish(rest)
        except AirbyteTracedException:
            return
        self.clean = True

    def _descriptor(self, name: str, named: bool) -> dict[str, Any]:
        return {"name": name, **({"namespace": self.namespace} if named else {})}

    running = precondition(lambda self: not self.ended)

    @running
    @rule(name=STREAMS, count=st.integers(1, 5), named=st.booleans(), broken=st.sampled_from([0, 0, 0, 0, 0, 1]))
    def records(self, name: str, count: int, named: bool, broken: int) -> None:
        """Some records; one line of them may be unreadable, which only the source's count tells."""
        rows = [f"{name}-{len(self.sent[name]) + number}" for number in range(count)]
        self.since_state[name] += count
        if broken:
            self.short.add(name)
            rows.pop()
        self.sent[name] += rows
        if rows:
            self.state_is_last[name] = False
            self.complete.discard(name)
        lines = b"".join(
            json.dumps(
                {"type": "RECORD", "record": {"stream": name, "data": {"id": row}}}
                | ({} if not named else {"record": {"stream": name, "namespace": self.namespace, "data": {"id": row}}})
            ).encode()
            + b"\n"
            for row in rows
        )
        self.sync.take(lines + b"not JSON\n" * broken)
        self._end_if_failed()

    @running
    @rule(name=STREAMS, named=st.booleans(), empty=st.booleans())
    def state(self, name: str, named: bool, empty: bool) -> None:
        content = {
            "id": len(self.states),
            "stream": {"stream_descriptor": self._descriptor(name, named), "stream_state": None if empty else {"x": 1}},
            "sourceStats": {"recordCount": float(self.since_state[name])},
        }
        self.since_state[name] = 0
        self.states.append((name, len(self.sent[name])))
        self.state_is_last[name] = True
        self.stated.add(name)
        self._send({"type": "STATE", "state": content})

    @running
    @rule(name=STREAMS, word=st.sampled_from(["STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"]), named=st.booleans())
    def status(self, name: str, word: str, named: bool) -> None:
        content = {"stream_descriptor": self._descriptor(name, named), "status": word}
        self.has_statuses = True
        if word == "COMPLETE":
            self.complete.add(name)
        else:
            self.complete.discard(name)
        self._send({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": content}})

    @running
    @rule(outcome=st.sampled_from(OUTCOMES))
    def an_outcome_waits(self, outcome: str) -> None:
        self.pigment.outcomes.append(outcome)

    @running
    @rule()
    def an_import_ends(self) -> None:
        self.queues.run_one()
        self.sync.take(b"")
        self._end_if_failed()

    @running
    @rule()
    def time_goes_by(self) -> None:
        self.now += 700
        self.sync.take(b"")
        self._end_if_failed()

    @running
    @rule()
    def the_input_ends(self) -> None:
        self._finish()

    @running
    @rule()
    def the_input_ends_within_a_line(self) -> None:
        self.cut = True
        self._finish(b'{"type":"RECORD","record":{"stream":"replaced","data":{')

    @running
    @rule()
    def every_stream_completes_and_the_input_ends(self) -> None:
        for name in MODES:
            self.state(name, named=True, empty=False)
            if not self.ended and (self.generations or self.has_statuses):
                self.status(name, "COMPLETE", named=False)
            if self.ended:
                return
        self._finish()

    @running
    @rule()
    def the_platform_cancels(self) -> None:
        pushes = self.pigment.pushes
        self.ended = True
        self.cancel.request()
        try:
            self.sync.end()
        except AirbyteTracedException:
            return
        assert self.pigment.pushes == pushes, "a push began after the cancel"

    @running
    @rule()
    def sigkill(self) -> None:
        self.ended = True

    @invariant()
    def no_row_is_added_twice(self) -> None:
        if hasattr(self, "pigment"):
            for name in ("added", "misled"):
                assert all(count == 1 for count in Counter(self.pigment.blocks[name]).values())

    @invariant()
    def a_source_that_did_not_succeed_replaces_nothing(self) -> None:
        if not hasattr(self, "pigment"):
            return
        reported = self.generations or self.has_statuses
        for name in REPLACED:
            proven = name in self.complete if reported else name in self.stated and all(self.state_is_last.values())
            may_replace = self.ended and proven and not self.cut and not (name in self.short and self._counted(name))
            assert may_replace or self.pigment.blocks[name] == ["old"]

    @invariant()
    def a_sync_that_failed_confirms_no_replacement(self) -> None:
        """A second attempt begins with none of them, or their blocks would be cleared behind their states."""
        if hasattr(self, "pigment") and not self.clean:
            assert not any(self.states[number][0] in REPLACED for number in self.back)

    def _counted(self, name: str) -> bool:
        """Whether a state has told that a record of the stream is missing."""
        return self.since_state[name] == 0

    @precondition(lambda self: self.ended)
    @rule()
    def after_the_end(self) -> None:
        if not self.clean:
            return
        assert sorted(self.back) == list(range(len(self.states)))
        for name, rows in self.sent.items():
            held = Counter(self.pigment.blocks[name])
            assert all(held[row] or self.pigment.rejected[row] for row in rows)
            assert set(held) <= {*rows, "old"}
            if name in REPLACED and rows:
                assert "old" not in held

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.__exit__(None, None, None)


Platform.TestCase.settings = settings(max_examples=SCHEDULES, stateful_step_count=40, deadline=None)
TestPlatform = Platform.TestCase
