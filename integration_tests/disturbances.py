"""One attempt of a schedule: what is passed on, what disturbs it, how it ends, and which broken promise it can find."""

from __future__ import annotations

import copy
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airbyte_platform.delivery import Cancelled, Delivery, Ending, Killed, SourceFailed, Succeeded
from airbyte_platform.job import Job, complete
from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules, RuleBroken
from local_pigment.faults import (
    CutAfter,
    EndWithTrailer,
    FailImport,
    Fault,
    Late,
    Misreport,
    ResetBeforeBody,
    ResetBeforeResponse,
    RespondGarbage,
    RespondStatus,
    RespondWith,
)
from local_pigment.workspace import ImportsOfABlock
from writing import COLUMNS

if TYPE_CHECKING:
    from schedules import Schedule

# The column by which a record says that its row was deleted, and how the key of such a row begins.
DELETED_AT, DELETED = "_ab_cdc_deleted_at", "deleted"

# The name under which a test records how many attempts its schedule made.
ATTEMPTS_MADE = "attempts of schedules"


class Broken(StrEnum):
    """The promises that a schedule looks at, by what became of them."""

    LOST = "lost"
    DOUBLED = "doubled"
    CHANGED = "changed"
    TOUCHED = "touched without proof"
    OTHER = "other"


class Finding(AssertionError):
    """A promise that was not kept, and for how many rows or blocks."""

    def __init__(self, broken: Broken, count: int = 1, words: str = "") -> None:
        super().__init__(f"{count} {broken}. {words}".rstrip())
        self.broken, self.count = broken, count


Row = tuple[str, ...]


@dataclass(slots=True)
class PassedOn:
    """The rows of one stream in their order, and how many of them went before which state."""

    rows: list[Row] = field(default_factory=list)
    _before: dict[int, int] = field(default_factory=dict)

    def state(self, state: Message) -> None:
        """A state goes."""
        self._before[state["id"]] = len(self.rows)

    def unreported(self, back: Iterable[Message]) -> Counter[Row]:
        """The rows after the last state that came back: a repeated attempt sends them again."""
        return Counter(self.rows[max((self._before[each["id"]] for each in back), default=0) :])


# A failing platform closes the outputs long before 90 s are over for the destination, which are 1.5 s here.
GRACE_SECONDS = 0.25

PUSHING: list[Fault] = [
    RespondStatus(429),
    RespondStatus(503),
    RespondGarbage(),
    RespondWith("try later", "text/plain"),
    ResetBeforeBody(),
    ResetBeforeResponse(carried_out=True),
    ResetBeforeResponse(carried_out=False),
    FailImport(),
    FailImport(named=False),
    Misreport(status="CompletedWithWarnings", detailed=False),
    Late(0.3),
]
ASKING: list[Fault] = [
    RespondStatus(503),
    RespondStatus(404),
    RespondGarbage(),
    ResetBeforeResponse(carried_out=True),
    Late(0.2),
]
LISTING: list[Fault] = [
    RespondStatus(503),
    RespondStatus(429),
    RespondGarbage(),
    ResetBeforeResponse(carried_out=True),
    Late(0.2),
]
EXPORTING: list[Fault] = [
    CutAfter(3),
    CutAfter(1500),
    RespondStatus(500),
    RespondStatus(429),
    RespondWith('{"error": "try later"}'),
    EndWithTrailer(),
    ResetBeforeResponse(carried_out=True),
]


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the destination: a record with the row that it becomes, or a state, which gets its id on the way."""

    content: bytes
    row: Row | None = None
    state: Message | None = None


@dataclass(slots=True)
class Input:
    """What the platform passes on of a source, and how that ended."""

    lines: list[Line]
    succeeded: bool
    # A record was lost on the way: what the source announced is more than what arrives.
    is_short: bool = False


@dataclass(slots=True)
class DisturbedAttempt:
    """One attempt of a job."""

    sync: Schedule
    job: Job
    disturbed: bool
    rules: DestinationRules = field(default_factory=DestinationRules)
    states: list[Message] = field(default_factory=list)
    passed_on: PassedOn = field(default_factory=PassedOn)
    # Whether the destination asks the platform to repeat the sync automatically, or leaves that to a user.
    asks_again: bool = False
    stopped: bool = False
    # Whether a fault is queued that no repeat can undo: Pigment itself has ended the import.
    final_faults: bool = False
    _ending: Ending | None = None
    # What is set for how long an import may take.
    _patience: dict[str, Any] = field(default_factory=dict)

    def run(self) -> bool:
        """Whether both sides succeeded."""
        self._queue_faults()
        given = self._disturbed(self._with_repeats(self._read()))
        workspace = self.sync.source.pigment.workspace
        imports = len(workspace.imports)
        delivery = self.sync.destination.deliver(self._catalog(), **self.sync.plan.settings, **self._patience)
        proved = given.succeeded and not given.is_short
        if self.disturbed and self._happens(0.3):
            wrote, after_input = self._interrupted(delivery, given)
            proved &= after_input
        elif given.succeeded:
            wrote = self._whole(delivery, given)
        else:
            wrote = self._failed(delivery, given)
        self._look(wrote, is_whole=isinstance(self._ending, Succeeded))
        if self.sync.replaces and not proved and len(workspace.imports) > imports:
            raise Finding(Broken.TOUCHED, 1, f"{len(workspace.imports) - imports} imports.")
        if given.is_short and wrote.exit_code == 0:
            raise Finding(Broken.LOST, 1, "A record did not arrive, and it was not noticed.")
        return given.succeeded and wrote.exit_code == 0

    def _happens(self, probability: float) -> bool:
        return self.sync.chance.random() < probability

    def _read(self) -> Input:
        self.sync.source.environment.update(self.job.environment)
        process = self.sync.source.start("read", catalog=self.job.source_catalog, state=self.job.state)
        os.close(process.stdin)
        if self.disturbed and self._happens(0.1):
            time.sleep(self.sync.chance.uniform(0.05, 0.6))
            process.send_signal(self.sync.chance.choice([signal.SIGTERM, signal.SIGKILL]))
        run = process.finish()
        self.sync.note(f"read {run.exit_code}")
        return Input(list(self._passed(run)), run.exit_code == 0)

    def _passed(self, read: Run) -> list[Line]:
        """What reaches the destination; a record as it came, because a number would lose digits here."""
        lines = []
        for line, message in zip(read.lines, read.messages, strict=True):
            if message["type"] == "STATE":
                lines.append(self._state(message["state"]))
            elif message["type"] == "RECORD":
                lines.append(Line(line + b"\n", _row(message["record"]["data"])))
        return lines

    def _catalog(self) -> dict[str, Any]:
        """The catalog for the destination: records can be deletions, and the cursor is a date."""
        catalog = copy.deepcopy(self.job.catalog)
        for each in catalog["streams"] if self.sync.plan.repeats else ():
            each["stream"]["json_schema"]["properties"][DELETED_AT] = {"type": ["null", "string"]}
            each["cursor_field"] = ["Posted"]
        return catalog

    def _with_repeats(self, given: Input) -> Input:
        """Older versions of records at any place, and a record with its deletion, in the order of the schedule."""
        records = [json.loads(each.content) for each in given.lines if each.row is not None]
        if not (self.sync.plan.repeats and records):
            return given
        for record in self.sync.chance.sample(records, min(5, len(records))):
            if record["record"]["data"].get("Posted"):
                self._insert(given, record, self._place(given), Posted="2019-01-01", Memo="older", Amount=1)
        first, second = sorted((self._place(given), self._place(given)))
        deleted = {"Entry": f"{DELETED} 1", DELETED_AT: "2026-01-02T00:00:00Z", "Posted": "2026-01-02", "Amount": 1}
        there = {"Entry": f"{DELETED} 1", "Posted": "2026-01-01", "Amount": 1}
        earlier, later = (deleted, there) if self.sync.plan.deleted_first else (there, deleted)
        self._insert(given, records[0], second, **later)
        self._insert(given, records[0], first, **earlier)
        return given

    def _place(self, given: Input) -> int:
        return self.sync.chance.randint(0, max(0, len(given.lines) - 1))

    def _insert(self, given: Input, record: Message, place: int, **values: Any) -> None:
        """Put a record with other values into the input; the next state counts one more."""
        data = {**record["record"]["data"], **values}
        line = as_lines([{**record, "record": {**record["record"], "data": data}}])
        row = _row(data)
        self.sync.passing.add(row)
        given.lines.insert(place, Line(line, row))
        following = next((each for each in given.lines[place:] if each.state is not None), None)
        if following is not None and following.state is not None:
            following.state["sourceStats"]["recordCount"] += 1.0

    def _disturbed(self, given: Input) -> Input:
        """The source fails at any place, sends its last state anyway, or a record is lost on the way."""
        chance, records = self.sync.chance, [each for each in given.lines if each.row is not None]
        if not (self.disturbed and given.succeeded and records):
            return given
        if self._happens(0.45):
            kept = given.lines[: chance.randint(0, len(given.lines))]
            if self.sync.plan.slices == 1 and self._happens(0.7):
                kept.append(self._last_state_of_a_stock_source(kept))
            last = " and a last state" if kept and kept[-1] not in given.lines else ""
            self.sync.note(f"the source failed after {len(kept)} of {len(given.lines)} lines{last}")
            return Input(kept, succeeded=False)
        if self._happens(0.08):
            given.lines.remove(chance.choice(records))
            self.sync.note("a record was lost on the way")
            return Input(given.lines, succeeded=True, is_short=True)
        return given

    def _last_state_of_a_stock_source(self, kept: list[Line]) -> Line:
        uncovered = next((number for number, each in enumerate(reversed(kept)) if each.row is None), len(kept))
        descriptor = {name: self.sync.stream[name] for name in ("name", "namespace") if self.sync.stream.get(name)}
        stream = {"stream_descriptor": descriptor, "stream_state": {"__ab_no_cursor_state_message": True}}
        return self._state({"type": "STREAM", "stream": stream, "sourceStats": {"recordCount": float(uncovered)}})

    def _state(self, state: Message) -> Line:
        """A state as the platform passes it on."""
        if self.sync.plan.states_of_all:
            every = {"shared_state": None, "stream_states": [state["stream"]]}
            state = {"type": "GLOBAL", "global": every, "sourceStats": state["sourceStats"]}
        return Line(as_lines([{"type": "STATE", "state": state}]), state=state)

    def _send(self, delivery: Delivery, lines: list[Line]) -> None:
        """At once, or bit by bit, so that records wait for their file to grow old."""
        bits = 4 if self.sync.plan.is_slow else 1
        for number in range(bits):
            bit = lines[len(lines) * number // bits : len(lines) * (number + 1) // bits]
            delivery.send(b"".join(map(self._on_its_way, bit)))
            if number + 1 < bits:
                time.sleep(self.sync.chance.uniform(0, 0.8))

    def _on_its_way(self, line: Line) -> bytes:
        if line.state is not None:
            passed = self.rules.send(line.state)
            self.passed_on.state(passed)
            return as_lines([{"type": "STATE", "state": passed}])
        if line.row is not None:
            self.sync.sent(line.row)
            self.passed_on.rows.append(line.row)
        return line.content

    def _whole(self, delivery: Delivery, given: Input) -> Run:
        self._send(delivery, given.lines)
        if self.job.way.statuses:
            delivery.send_messages(complete(self.sync.stream))
        return self._end(delivery, Succeeded())

    def _failed(self, delivery: Delivery, given: Input) -> Run:
        self._send(delivery, given.lines)
        if given.lines and self._happens(0.2):
            delivery.send(given.lines[-1].content[: len(given.lines[-1].content) // 2])
        grace = self.sync.chance.choice([0.0, GRACE_SECONDS, GRACE_SECONDS])
        number = self.sync.chance.choice([signal.SIGTERM, signal.SIGTERM, None])
        return self._end(delivery, SourceFailed(grace, number, kill_after_seconds=5))

    def _interrupted(self, delivery: Delivery, given: Input) -> tuple[Run, bool]:
        """In the middle of the input or after its end; returns whether it was after."""
        chance = self.sync.chance
        endings: list[Ending] = [Cancelled(None, 5), Cancelled(signal.SIGTERM, 5), Killed()]
        ending = chance.choice(endings)
        if not given.succeeded or self._happens(0.5):
            self._send(delivery, given.lines[: chance.randint(0, len(given.lines))])
            time.sleep(chance.uniform(0, 0.3))
            return self._end(delivery, ending), False
        self._send(delivery, given.lines)
        if self.job.way.statuses:
            delivery.send_messages(complete(self.sync.stream))
        delivery.finish_input()
        time.sleep(chance.uniform(0, 2))
        return self._end(delivery, ending), True

    def _end(self, delivery: Delivery, ending: Ending) -> Run:
        self._ending, began = ending, time.monotonic()
        try:
            run = delivery.end(ending, timeout_seconds=120)
        except TimeoutError:
            raise Finding(Broken.OTHER, words=f"{type(ending).__name__}: the destination did not end.") from None
        self.sync.note(f"{type(ending).__name__} {run.exit_code} after {time.monotonic() - began:.1f} s")
        return run

    def _look(self, wrote: Run, *, is_whole: bool) -> None:
        """Hold what came back to the platform's rules."""
        try:
            for message in wrote.messages:
                self.rules.see(message)
            if is_whole:
                self.rules.end(wrote.exit_code)
        except RuleBroken as broken:
            raise Finding(Broken.OTHER, words=f"A rule of the platform: {broken}.") from broken
        self.states = wrote.states
        self.stopped = any(each["failure_type"] == "config_error" for each in wrote.errors)
        self.asks_again = bool(wrote.errors) and not self.stopped
        for each in wrote.errors:
            self.sync.note(f"{each['failure_type']}: {each['message'][:200]}")
        if self.stopped and not self.sync.adds and not self.final_faults:
            raise Finding(Broken.OTHER, words="A passing fault became a config error.")

    def _queue_faults(self) -> None:
        pigment, chance = self.sync.source.pigment, self.sync.chance
        variants = pigment.workspace.variants
        if not self.disturbed:
            variants.import_seconds = 0.0
            return
        variants.polls_until_done = chance.randint(0, 1)
        variants.immediate_results = self._happens(0.3)
        # The last one is longer than the patience that is set then.
        variants.import_seconds = chance.choice([0.0, 0.0, 0.0, 0.2, 1.5])
        if variants.import_seconds > 1:
            self._patience = {"import_timeout_minutes": 1}
            self.final_faults = True
        if not self.sync.replaces:
            # A replacement counts on their order where even the id of an import was lost.
            variants.imports_of_a_block = chance.choice(list(ImportsOfABlock))
        disturbed = (
            ("push_csv", PUSHING),
            ("import_status", ASKING),
            ("export_list", EXPORTING),
            ("list_import_configurations", LISTING),
        )
        for operation, faults in disturbed:
            if self._happens(0.5):
                fault, after = chance.choice(faults), chance.randint(0, 2)
                pigment.faults.queue(operation, fault, after=after)
                # What the source does not meet of these, the count of a block may meet, and a doubt then stays.
                is_final = operation == "export_list" and self.sync.replaces
                # A file that a key matches is sent again, and whether its first rows came twice is for a user to see.
                is_lost = operation == "push_csv" and not isinstance(fault, Late) and fault != RespondStatus(429)
                is_final |= is_lost and self.sync.plan.mode == "append_dedup" and not self.sync.replaces
                self.final_faults |= is_final or isinstance(fault, FailImport | Misreport)
                self.sync.note(f"{operation}+{after} {fault}")


def _row(data: dict[str, Any]) -> Row:
    """A record of the ledger as the row that it becomes."""

    def text(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        return str(getattr(value, "text", value))

    return tuple(text(data.get(name)) for name in COLUMNS)
