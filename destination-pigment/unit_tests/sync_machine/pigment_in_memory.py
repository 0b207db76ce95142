"""A Pigment in memory, as the client shows it: imports that take their time, and whatever can become of a request.

Rows are (id, version). An import that was accepted is carried out later, and where the response was lost, no one can
know when. Either imports of one block run in the order in which they were accepted, or all side by side; then a file
whose response was lost is imported at once, because nothing could ever be certain otherwise.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pigment_client.errors import (
    ImportLimitReached,
    ImportOutcomeUnknown,
    KeyRejected,
    LimitReached,
    NotFound,
    RequestRejected,
    ResponseNotUnderstood,
    Unavailable,
)
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    PushOptions,
    RejectedRow,
    RunningImport,
    UnreadableStatus,
)

Row = tuple[str, str]

# What becomes of the rows; the last two are stored, and reported as what they cannot be.
ENDS = (
    "stored",
    "one rejected",
    "all rejected",
    "numbered from zero",
    "numbered out of range",
    "failed",
    "failed, but cleared",
    "failed, but some accepted",
    "counted as nothing",
    "counted as too much",
)

# What the client raises although the file may have arrived, and where it certainly did not.
LOST = ("lost, arrived", "lost, still to run", "lost on the way")
NOT_TAKEN: Mapping[str, Exception] = {
    "400": RequestRejected("push CSV", status=400),
    "401": KeyRejected("push CSV", status=401),
    "404": NotFound("push CSV", status=404),
    "429": LimitReached("push CSV", status=429),
    "429 of the configuration": ImportLimitReached("push CSV", status=429),
    "refused": Unavailable("push CSV", arrived=False),
}

# What a question for an import may meet; the named ones answer, and leave something out.
UNANSWERED: Mapping[str, Exception] = {
    "404": NotFound("import status", status=404),
    "timed out": Unavailable("import status"),
    "429": LimitReached("import status", status=429),
    "not understood": ResponseNotUnderstood("import status"),
    "401": KeyRejected("import status", status=401),
    "nested too deep": RecursionError(),
}
ANSWERED = ("still running", "an unknown status", "no report", "an unreadable report")


@dataclass(frozen=True, slots=True)
class Configuration:
    """An import configuration: the block that it fills, and how."""

    block: str
    clears: bool = False
    is_keyed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the next push; `seconds` is how long the import takes."""

    end: str = "stored"
    response: str | None = None
    seconds: float = 0.0
    is_immediate: bool = False


@dataclass(slots=True)
class _Accepted:
    """An import that was accepted; `ended` is what is reported of it once it has ended."""

    id: str
    configuration: Configuration
    rows: list[Row]
    outcome: Outcome
    ends_at: float
    ended: CompletedImport | FailedImport | None = None


@dataclass(slots=True)
class Pigment:
    """Stands in for `PigmentClient`; `on_sleep` is called in every wait.

    Without `has_reports` only an immediate response says what an import did.
    """

    configurations: Mapping[str, Configuration]
    blocks: dict[str, list[Row]]
    is_in_order: bool
    has_reports: bool
    on_sleep: Callable[[], None]
    now: float = 0.0
    pushes: int = 0
    outcomes: deque[Outcome] = field(default_factory=deque)
    questions: deque[str] = field(default_factory=deque)
    # What only we know: rows that the last import of them rejected, and any; rows that were in a file
    # whose response was lost permanently; whether every import that ended was reported as it was.
    rejected: set[Row] = field(default_factory=set)
    ever_rejected: set[Row] = field(default_factory=set)
    lost: set[Row] = field(default_factory=set)
    is_reported: bool = True
    # Blocks that rejected rows have cleared when they were sent once more: the first result stands where the outcome of
    # the second import is not known, and the log says so.
    cleared_again: set[str] = field(default_factory=set)
    _accepted: list[_Accepted] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.on_sleep()
        self._carry_out(self.now)

    def settle(self) -> None:
        """Carry out whatever was accepted."""
        self._carry_out(float("inf"))

    def push_csv(self, configuration_id: str, path: Path, options: PushOptions) -> Import:
        """As the client does it: a file that may arrive twice is sent again where a response is lost."""
        with path.open(newline="") as opened:
            rows = [(row["id"], row["v"]) for row in csv.DictReader(opened, delimiter=";")]
        for _ in range(3):
            outcome = self.outcomes.popleft() if self.outcomes else Outcome()
            self.pushes += 1
            if outcome.response in NOT_TAKEN:
                raise NOT_TAKEN[outcome.response]
            accepted = self._accept(configuration_id, rows, outcome)
            if outcome.response not in LOST and not self._times_out(accepted, options):
                return self._response(accepted)
            if not options.repeatable:
                break
        if not self._were_rejected(rows):
            self.lost.update(rows)
        raise ImportOutcomeUnknown("push CSV")

    def import_status(self, import_id: str) -> Import:
        """How far an import is, unless a fault waits for the question."""
        fault = self.questions.popleft() if self.questions else ""
        if fault in UNANSWERED:
            raise UNANSWERED[fault]
        accepted = next(each for each in self._accepted if each.id == import_id)
        self._carry_out(self.now)
        ended = accepted.ended
        if fault == "an unknown status":
            return UnreadableStatus(import_id, completed=False)
        if ended is None or fault == "still running":
            return RunningImport(import_id)
        if fault == "an unreadable report" and isinstance(ended, CompletedImport):
            self.is_reported = False
            return UnreadableStatus(import_id, completed=True)
        if isinstance(ended, CompletedImport) and (fault == "no report" or not self.has_reports):
            self.is_reported = False
            return CompletedImport(import_id)
        return ended

    def _accept(self, configuration_id: str, rows: list[Row], outcome: Outcome) -> _Accepted:
        configuration = self.configurations[configuration_id]
        seconds = outcome.seconds
        is_lost = outcome.response in LOST or outcome.is_immediate
        if outcome.response == "lost, arrived" or (is_lost and not self.is_in_order):
            seconds = 0.0
        others = [each.ends_at for each in self._accepted if each.configuration.block == configuration.block]
        begins = max([self.now, *others]) if self.is_in_order else self.now
        accepted = _Accepted(str(len(self._accepted)), configuration, rows, outcome, begins + seconds)
        if outcome.response != "lost on the way":
            self._accepted.append(accepted)
            self._carry_out(self.now)
        return accepted

    def _were_rejected(self, rows: list[Row]) -> bool:
        """Whether these are rejected rows that are sent once more: their first result stands."""
        return bool(rows) and self.ever_rejected.issuperset(rows)

    def _times_out(self, accepted: _Accepted, options: PushOptions) -> bool:
        """Whether a response that comes with the end of its import comes too late."""
        longest = options.response_timeout_seconds or 60.0
        if not accepted.outcome.is_immediate or accepted.ends_at - self.now <= longest:
            return False
        self.now += longest
        return True

    def _response(self, accepted: _Accepted) -> Import:
        end = accepted.outcome.end
        if not accepted.outcome.is_immediate:
            return RunningImport(accepted.id)
        self.now = max(self.now, accepted.ends_at)
        self._carry_out(self.now)
        if isinstance(accepted.ended, FailedImport):
            taken = len(accepted.rows) if end == "failed, but some accepted" else 0
            return FailedImport(accepted.id, ("BadFile",), accepted=taken)
        assert accepted.ended is not None
        assert accepted.ended.counts is not None
        counts = accepted.ended.counts
        numbers = _numbers(end, len(accepted.rows))
        at_once = ImportCounts(counts.inserted + counts.updated, 0, None, counts.skipped)
        return CompletedImport(accepted.id, at_once, (), tuple(map(RejectedRow, numbers)))

    def _carry_out(self, until: float) -> None:
        for each in sorted(self._accepted, key=lambda each: each.ends_at):
            if each.ended is None and each.ends_at <= until:
                each.ended = self._imported(each)

    def _imported(self, accepted: _Accepted) -> CompletedImport | FailedImport:
        """Carry out an import."""
        end, configuration = accepted.outcome.end, accepted.configuration
        block = self.blocks[configuration.block]
        if end in {"failed", "failed, but some accepted"}:
            return FailedImport(accepted.id, ("BadFile",))
        deleted = len(block) if configuration.clears else 0
        if configuration.clears:
            block.clear()
        if deleted and self._were_rejected(accepted.rows):
            self.cleared_again.add(configuration.block)
        if end == "failed, but cleared":
            return FailedImport(accepted.id, ("BadFile",))
        rejected = accepted.rows[: len(_numbers(end, len(accepted.rows)))]
        inserted = updated = 0
        for row in accepted.rows[len(rejected) :]:
            self.rejected.discard(row)
            is_there = configuration.is_keyed and any(each[0] == row[0] for each in block)
            if is_there:
                block[:] = [row if each[0] == row[0] else each for each in block]
            else:
                block.append(row)
            inserted, updated = inserted + (not is_there), updated + is_there
        self.rejected.update(rejected)
        self.ever_rejected.update(rejected)
        if end == "counted as nothing":
            inserted = updated = 0
        if end == "counted as too much":
            inserted += len(accepted.rows) + 1
        return CompletedImport(accepted.id, ImportCounts(inserted, updated, deleted, len(rejected)))


def _numbers(end: str, rows: int) -> list[int]:
    """The numbers of the rejected rows, as a response at once gives them."""
    match end:
        case "one rejected":
            return [1][:rows]
        case "all rejected":
            return list(range(1, rows + 1))
        case "numbered from zero":
            return [0][:rows]
        case "numbered out of range":
            return [rows + 1][:rows]
        case _:
            return []
