"""A Pigment in memory, as the client shows it: imports that take their time, and whatever can become of a request.

An import that was accepted is carried out later, and where the response was lost, no one can know when. Either imports
of one block run in the order in which they were accepted, or all side by side; then a file whose response was lost is
imported at once, because nothing could ever be certain otherwise. What no page of Pigment says is in `Nature`.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

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
    ExportKind,
    ExportRequest,
    FailedImport,
    Import,
    ImportCounts,
    ImportedBlock,
    PushOptions,
    RejectedRow,
    RunningImport,
    SkippedData,
    UnreadableStatus,
)


class Row(NamedTuple):
    """A row: its key, its value, its cursor, its day, and when it was deleted in the source."""

    id: str
    v: str = ""
    c: str = ""
    m: str = ""
    d: str = ""


# The columns of a file, by the fields of a row.
COLUMNS = {"id": "id", "v": "v", "c": "c", "m": "m", "d": "_ab_cdc_deleted_at"}


class Kind(StrEnum):
    """What a block is: a list to which every row is added, one that matches rows by their key, or a metric."""

    LIST = "list"
    KEYED = "keyed list"
    METRIC = "metric"


# What becomes of the rows; the last two are stored, and reported as what they cannot be.
ENDS = (
    "stored",
    "one rejected",
    "all rejected",
    "numbered from zero",
    "numbered out of range",
    "one without the right to write it",
    "one stored with a blank",
    "counted in cells",
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
    """An import configuration: the block that it fills, and what it clears before it imports."""

    block: str
    clears: bool = False
    clears_scope: bool = False


@dataclass(frozen=True, slots=True)
class Nature:
    """What is not known of Pigment; `sees_half` is about the owner of the export key."""

    clear_is_counted: bool = True
    unchanged_are_counted: bool = True
    blanks_are_counted: bool = True
    blanked_are_counted: bool = False
    header_only_clears: bool = True
    duplicates: str = "fail"
    scope_is_coarser: bool = False
    can_be_counted: bool = True
    sees_half: bool = False


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
    configuration_id: str
    configuration: Configuration
    rows: list[Row]
    columns: int
    outcome: Outcome
    ends_at: float
    ended: CompletedImport | FailedImport | None = None


@dataclass(slots=True)
class Pigment:
    """Stands in for `PigmentClient`; `on_sleep` is called in every wait, and `on_push` before every push.

    Without `has_reports` only an immediate response says what an import did.
    """

    configurations: Mapping[str, Configuration]
    kinds: Mapping[str, Kind]
    blocks: dict[str, list[Row]]
    nature: Nature
    is_in_order: bool
    has_reports: bool
    on_sleep: Callable[[], None]
    on_push: Callable[[str], None]
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
    # Whether a report said that rights are missing; files in which a key stood twice, by their configuration; and the
    # configurations of which a report said what was imported, and was true.
    lacks_rights: bool = False
    # Rows stored with a blank that a response at once counts as skipped, without a reason.
    unexplained: int = 0
    repeated_keys: Counter[str] = field(default_factory=Counter)
    reported: set[str] = field(default_factory=set)
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

    def has_key_for(self, _purpose: Any) -> bool:
        """Whether the user entered a key with which blocks can be exported."""
        return self.nature.can_be_counted

    def export(self, request: ExportRequest, consume: Callable[[Any], Any]) -> Any:
        """What the owner of the export key sees of a block."""
        kind = ExportKind.METRIC if self.kinds[request.id] is Kind.METRIC else ExportKind.LIST
        if request.kind is not kind:
            raise NotFound("export", status=404)
        seen = self.blocks[request.id][:: 2 if self.nature.sees_half else 1]
        return consume(_Lines([b"id\r\n", *(f"{number}\r\n".encode() for number, _ in enumerate(seen))]))

    def push_csv(self, configuration_id: str, path: Path, options: PushOptions) -> Import:
        """As the client does it: a file that may arrive twice is sent again where a response is lost."""
        self.on_push(configuration_id)
        with path.open(newline="") as opened:
            reader = csv.DictReader(opened, delimiter=";")
            rows = [Row(*(row.get(COLUMNS[name], "") for name in Row._fields)) for row in reader]
            columns = len(reader.fieldnames or ())
        if max(Counter(row.id for row in rows).values(), default=0) > 1:
            self.repeated_keys[configuration_id] += 1
        for attempt in range(3):
            outcome = self.outcomes.popleft() if self.outcomes else Outcome()
            self.pushes += 1
            if outcome.response in NOT_TAKEN:
                raise NOT_TAKEN[outcome.response]
            accepted = self._accept(configuration_id, rows, columns, outcome)
            if outcome.response not in LOST and not self._times_out(accepted, options):
                return replace(self._response(accepted), was_repeated=attempt > 0)
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
        if isinstance(ended, CompletedImport):
            if fault == "no report" or not self.has_reports:
                self.is_reported = False
                return CompletedImport(import_id)
            self.reported.update([] if accepted.outcome.end == "counted as nothing" else [accepted.configuration_id])
            self.lacks_rights |= any(each.reason == "MissingWriteAccessRights" for each in ended.skipped)
        return ended

    def _accept(self, configuration_id: str, rows: list[Row], columns: int, outcome: Outcome) -> _Accepted:
        configuration = self.configurations[configuration_id]
        seconds = outcome.seconds
        is_lost = outcome.response in LOST or outcome.is_immediate
        if outcome.response == "lost, arrived" or (is_lost and not self.is_in_order):
            seconds = 0.0
        others = [each.ends_at for each in self._accepted if each.configuration.block == configuration.block]
        begins = max([self.now, *others]) if self.is_in_order else self.now
        id_ = str(len(self._accepted))
        accepted = _Accepted(id_, configuration_id, configuration, rows, columns, outcome, begins + seconds)
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
        end, rows, nature = accepted.outcome.end, accepted.rows, self.nature
        name = accepted.configuration.block
        has_twice = self.kinds[name] is Kind.KEYED and len({row.id for row in rows}) < len(rows)
        if end in {"failed", "failed, but some accepted"} or (has_twice and nature.duplicates == "fail"):
            return FailedImport(accepted.id, ("BadFile",))
        deleted = self._clear(accepted.configuration, rows)
        if deleted and self._were_rejected(rows):
            self.cleared_again.add(name)
        if end == "failed, but cleared":
            return FailedImport(accepted.id, ("BadFile",))
        deleted = deleted if nature.clear_is_counted else 0
        rejected = rows[: len(_numbers(end, len(rows)))]
        inserted = updated = 0
        for row in rows[len(rejected) :]:
            self.rejected.discard(row)
            was_inserted, was_updated, was_deleted = self._write(name, row)
            inserted, updated, deleted = inserted + was_inserted, updated + was_updated, deleted + was_deleted
        self.rejected.update(rejected)
        self.ever_rejected.update(rejected)
        skipped: tuple[SkippedData, ...] = ()
        skipped_count = len(rejected)
        if end == "one without the right to write it" and rejected:
            skipped = (SkippedData("MissingWriteAccessRights", 1, "id"),)
        if end == "one stored with a blank" and rows:
            skipped = (SkippedData("MissingModalityUseDefaultOrNullModality", 1, "v"),)
            skipped_count += nature.blanked_are_counted
            self.unexplained += nature.blanked_are_counted and accepted.outcome.is_immediate
        if end == "counted as nothing":
            inserted = updated = 0
        if end == "counted in cells":
            inserted, updated = inserted * accepted.columns, updated * accepted.columns
        if end == "counted as too much":
            inserted += len(rows) * accepted.columns + 1
        kind = ExportKind.METRIC if self.kinds[name] is Kind.METRIC else ExportKind.LIST
        counts = ImportCounts(inserted, updated, deleted, skipped_count)
        return CompletedImport(accepted.id, counts, skipped, blocks=(ImportedBlock(name, kind),))

    def _clear(self, configuration: Configuration, rows: list[Row]) -> int:
        """Delete what the configuration clears; how many rows that were. A row whose key is in the file stays."""
        if not configuration.clears or not (rows or self.nature.header_only_clears):
            return 0
        block = self.blocks[configuration.block]
        named = {row.id for row in rows} if self.kinds[configuration.block] is Kind.KEYED else set()
        scope = {self.scope_of(row) for row in rows} if configuration.clears_scope else None
        kept = [row for row in block if row.id in named or (scope is not None and self.scope_of(row) not in scope)]
        deleted = len(block) - len(kept)
        block[:] = kept
        return deleted

    def can_empty(self, configuration_ids: Collection[str]) -> bool:
        """Whether one of these configurations clears its block where the file has no row, or a count shows the rest."""
        empties = self.clears(configuration_ids) and self.nature.header_only_clears
        return empties or (self.nature.can_be_counted and not self.reported.isdisjoint(configuration_ids))

    def clears(self, configuration_ids: Collection[str]) -> bool:
        """Whether one of these configurations clears its block."""
        return any(self.configurations[each].clears for each in configuration_ids)

    def scope_of(self, row: Row) -> str:
        """The value by which a configuration with a scope clears: the day, or its month."""
        return row.m[:7] if self.nature.scope_is_coarser else row.m

    def _write(self, name: str, row: Row) -> tuple[bool, bool, bool]:
        """Write a row; whether it counts as inserted, updated or deleted."""
        block, kind, nature = self.blocks[name], self.kinds[name], self.nature
        place = next((at for at, each in enumerate(block) if each.id == row.id), None)
        if kind is Kind.METRIC and not row.v:
            if place is not None:
                del block[place]
            return False, False, place is not None and nature.blanks_are_counted
        if kind is Kind.LIST or place is None:
            block.append(row)
            return True, False, False
        is_new = block[place] != row
        block[place] = row
        return False, is_new or nature.unchanged_are_counted, False


class _Lines(list[bytes]):
    """The lines of an export."""

    def close(self) -> None:
        """Nothing is left open."""


def _numbers(end: str, rows: int) -> list[int]:
    """The numbers of the rows that are not stored, as a response at once gives them."""
    match end:
        case "one rejected" | "one without the right to write it":
            return [1][:rows]
        case "all rejected":
            return list(range(1, rows + 1))
        case "numbered from zero":
            return [0][:rows]
        case "numbered out of range":
            return [rows + 1][:rows]
        case _:
            return []
