"""What Pigment's counts mean: are the rows of a file stored, and will they stay? Pure.

In: what was sent, what Pigment reports of it, the effect that the target promises, and what this sync has seen of the
import configuration so far. Out: confirm the rows, keep them provisional until more is known, ask for a count of the
block, or fail with a sentence.

Nothing in Pigment's API says whether an import configuration clears its block before it imports, and a block that was
empty shows nothing at its first file. Only an import that deletes nothing although one before it stored rows proves
that the configuration adds. So the first file is provisional until a second one proves that, or until the sync ends.

Where the target replaces all of its block, deleted rows prove that it was cleared. A list with a unique identifier is
updated where a row is still there, so updated rows without deleted ones are normal for it. Rows that were
inserted while none was updated or deleted leave two possibilities: the block was empty, or it has them twice now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from destination_pigment.imports.skipped import count_left_out, count_rejected, describe_stored_blank, find_wrong_set_up
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import (
    ExportKind,
    ImportCounts,
    ImportedBlock,
    RejectedRow,
    SkippedData,
)
from pigment_client.wording import counted
from pigment_csv.dialect import CsvDialect
from pigment_csv.totals import Totals


class PartialWrite(ConfigProblem):
    """Rows may be in Pigment, or no longer: an automatic retry could do harm, so the user must look."""


class NotPushed(ConfigProblem):
    """The file was not sent; what was stored before it remains."""


class NotPushedYet(TransientProblem):
    """The file was not sent, for a reason that may pass; what was stored before it remains."""


class BlockDescribed(PartialWrite):
    """The error itself says what the block may contain now."""


class Effect(Enum):
    """What the target promises that the import of a file does to its block."""

    ADDS = auto()
    ADDS_AGAIN = auto()  # rows of an earlier file that were rejected there
    CLEARS_ALL = auto()  # the first or only file of a reload of the whole block
    CLEARS_SCOPE = auto()  # the first or only file of a reload of what shares the values of one column
    ADDS_TO_RELOAD = auto()  # a later file of either


class ClearingEvidence(Enum):
    """Does this configuration clear? What the imports of this sync have shown."""

    NOTHING = auto()  # nothing was imported through it
    NO_ROWS = auto()  # nothing was stored that a further import could delete
    FILLED = auto()  # rows were stored and none deleted: the next import shows whether it deletes them
    UNKNOWN = auto()  # Pigment did not report whether rows were deleted
    ADDS = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was sent; `count_blanks` counts its blank cells, for which it is read once more.

    `may_delete` is how many rows the block had in the scope, if enough of them were sent by "Smallest share of rows
    (%)" of the target; None if that was not compared. `rows_to_follow` are those of the later files of a reload.
    """

    stream: DestinationStream
    rows: int
    columns: tuple[str, ...]
    dialect: CsvDialect
    count_blanks: Callable[[], int]
    may_delete: int | None = None
    rows_to_follow: int = 0

    @property
    def cells(self) -> int:
        """The most that an import can write where the file is pivoted (months as columns)."""
        return self.rows * len(self.columns)


@dataclass(frozen=True, slots=True)
class Imported:
    """What Pigment reports of a file: its counts (None without a report), and what it did not take.

    `numbered` are the rejected rows that the response names, `skipped` what it counts by reason. `has_mode` says that
    the file ran in an import mode, in which Pigment may leave rows out. `was_repeated`: the push was sent again because
    a response was lost, so the file may have been imported twice. `totals` are those of the file, if they are wanted.
    """

    counts: ImportCounts | None
    numbered: tuple[RejectedRow, ...] = ()
    has_mode: bool = False
    skipped: tuple[SkippedData, ...] = field(default=(), repr=False)
    blocks: tuple[ImportedBlock, ...] = ()
    was_repeated: bool = False
    totals: Totals | None = None

    @property
    def deleted(self) -> int | None:
        """How many rows it deleted; None where that is not reported."""
        return None if self.counts is None else self.counts.deleted

    @property
    def written(self) -> int:
        """How many rows (of a pivoted file: cells) it wrote."""
        return 0 if self.counts is None else self.counts.inserted + self.counts.updated

    @property
    def is_into_list(self) -> bool:
        return any(each.kind is ExportKind.LIST for each in self.blocks)

    @property
    def is_into_metric(self) -> bool:
        return any(each.kind is ExportKind.METRIC for each in self.blocks)

    @property
    def has_rows(self) -> bool:
        """Whether the block certainly contains rows after it: stored by it, or there before and unchanged."""
        counts = self.counts
        return counts is not None and (counts.inserted + counts.updated > 0 or counts.skipped == 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rows are confirmed, or provisional until a later import or the end, or a `problem` ends the sync.

    `evidence` is what is known of the configuration from now on; `warnings` and `information` are for the log.
    `rejected` is how many rows count as rejected by Pigment. `is_doubtful`: the rows are stored, and only a count of
    their block can show that it contains nothing else.
    """

    evidence: ClearingEvidence
    problem: ConfigProblem | None = None
    is_provisional: bool = False
    warnings: tuple[str, ...] = ()
    information: tuple[str, ...] = ()
    rejected: int = 0
    is_doubtful: bool = False


def judge(
    sent: Sent,
    configuration_id: str,
    done: Imported,
    *,
    effect: Effect,
    evidence: ClearingEvidence,
    is_dry_run: bool,
) -> Verdict:
    """What the report of a file means."""
    rejected = count_rejected(sent.rows, done.written, count_left_out(done.counts, done.numbered, done.skipped))
    stored = sent.rows - rejected
    match effect:
        case Effect.ADDS | Effect.ADDS_AGAIN:
            verdict = judge_adding(sent, configuration_id, done, stored, evidence)
        case Effect.CLEARS_ALL:
            verdict = _judge_clearing(sent, done, stored, evidence)
        case Effect.CLEARS_SCOPE:
            verdict = _judge_scope(sent, configuration_id, done, evidence)
        case Effect.ADDS_TO_RELOAD:
            problem = _problem_of_later_file(sent, configuration_id, done, is_dry_run=is_dry_run)
            verdict = Verdict(evidence, problem)
    verdict = replace(verdict, rejected=rejected, is_doubtful=verdict.is_doubtful and not is_dry_run)
    if verdict.problem is not None or effect is Effect.ADDS_AGAIN:
        return verdict
    blank = describe_stored_blank(sent.stream.subject, done.skipped)
    verdict = replace(verdict, warnings=(*verdict.warnings, *blank))
    rows_again = "" if is_dry_run else _rows_again(sent.stream, stored)
    if _contradicts(sent, done, effect, is_dry_run=is_dry_run):
        sentence = (
            f"{_describe_counts(sent, done)}, which contradict each other: look at the block's "
            '"Update history" in Pigment before you run the sync again.'
        )
        return replace(verdict, problem=PartialWrite(sentence + rows_again))
    wrong = find_wrong_set_up(sent.stream, configuration_id, sent.dialect, sent.rows, done.skipped)
    if wrong is not None:
        return replace(verdict, problem=ConfigProblem(wrong + rows_again))
    if _may_be_there_twice(sent, done, rejected):
        return replace(verdict, problem=_doubled_by_repeat(sent, configuration_id, done))
    if done.counts is not None and done.written != stored:
        return replace(verdict, information=(*verdict.information, _describe_other_count(sent, done)))
    return verdict


def _contradicts(sent: Sent, done: Imported, effect: Effect, *, is_dry_run: bool) -> bool:
    """Whether the counts cannot be those of this file.

    Cells may be counted, so more than the rows is possible. Unchanged values may not count, nor cells that two rows
    share, so fewer is possible. Nothing at all is not, where each row is new and no mode or dry run leaves rows out.
    """
    if done.counts is None:
        return False
    may_be_unchanged = sent.stream.mode is not WriteMode.APPEND or is_dry_run or done.has_mode
    is_nothing = sent.rows > 0 and done.written + done.counts.skipped == 0 and not done.skipped
    return done.written > sent.cells or (effect is Effect.ADDS and is_nothing and not may_be_unchanged)


def _describe_counts(sent: Sent, done: Imported) -> str:
    counts = done.counts or ImportCounts()
    return (
        f"The file for the {sent.stream.subject} has {counted(sent.rows, 'row')}, and Pigment reports "
        f"{counts.inserted:,} inserted, {counts.updated:,} updated and {counts.skipped:,} skipped"
    )


def _describe_other_count(sent: Sent, done: Imported) -> str:
    if done.written > sent.rows:
        return (
            f"{_describe_counts(sent, done)}: it counts cells, because the import configuration reads columns as items."
        )
    return f"{_describe_counts(sent, done)}: the others may be unchanged, or share a cell with another row."


def _rows_again(stream: DestinationStream, stored: int) -> str:
    """What an error after the import of a file says of its rows, where the next sync would add them once more."""
    if stream.mode is not WriteMode.APPEND or stored <= 0:
        return ""
    verb, them = ("is", "it") if stored == 1 else ("are", "them")
    return f" {counted(stored, 'row')} of this file {verb} stored, and the next sync sends {them} once more."


def _may_be_there_twice(sent: Sent, done: Imported, rejected: int) -> bool:
    """Whether a repeated file was added once more although its rows are matched by a key."""
    counts = done.counts
    return (
        sent.stream.mode is WriteMode.APPEND_DEDUP
        and done.was_repeated
        and counts is not None
        and counts.updated == 0
        and counts.inserted > 0
        and counts.inserted + rejected >= sent.rows
    )


def _doubled_by_repeat(sent: Sent, configuration_id: str, done: Imported) -> PartialWrite:
    inserted = 0 if done.counts is None else done.counts.inserted
    return PartialWrite(
        f"A response to the file for the {sent.stream.subject} was lost, so it was sent once more, and Pigment "
        f"inserted {counted(inserted, 'row')} and updated none: they may be in the block twice. Look at the block. If "
        f"they are there twice, the import configuration {configuration_id} does not match rows by a unique "
        "identifier: remove the duplicates, and set the unique identifier in Pigment or choose another import "
        "configuration. If they are there once, run the sync again."
    )


def is_provisional_without_file(evidence: ClearingEvidence) -> bool:
    """Whether a job of only rejected records must wait: they are certain, but what is ahead of them may not be."""
    return evidence not in {ClearingEvidence.NOTHING, ClearingEvidence.ADDS}


def judge_adding(sent: Sent, configuration_id: str, done: Imported, stored: int, evidence: ClearingEvidence) -> Verdict:
    """What the reported deletions mean where a file is to add to its block."""
    subject = sent.stream.subject
    if done.deleted and not _explained_by_blanks(sent, done):
        again = _rows_again(sent.stream, stored) or f" The {counted(stored, 'row')} of this file {_are(stored)} stored."
        problem = PartialWrite(
            f"The import configuration {configuration_id} of the {subject} deletes what is in its block before each "
            f"import: {counted(done.deleted, 'row that was there is', 'rows that were there are')} gone. Empty or "
            'restore the block, switch off "Clear items prior to import" in Pigment and run the sync again, or choose '
            f"a sync mode that overwrites.{again}"
        )
        return Verdict(evidence, problem)
    if evidence is ClearingEvidence.ADDS:
        return Verdict(evidence)
    if done.deleted is None and evidence is ClearingEvidence.FILLED:
        sentence = f"Pigment did not report whether the last import of the {subject} deleted what was in its block."
        return Verdict(evidence, _maybe_deleted(sentence, configuration_id))
    if done.deleted is None:
        return Verdict(ClearingEvidence.UNKNOWN, is_provisional=True)
    if evidence is ClearingEvidence.FILLED and not done.deleted:
        return Verdict(ClearingEvidence.ADDS)
    has_rows = done.has_rows or evidence is ClearingEvidence.FILLED
    return Verdict(ClearingEvidence.FILLED if has_rows else ClearingEvidence.NO_ROWS, is_provisional=True)


def _explained_by_blanks(sent: Sent, done: Imported) -> bool:
    """Whether the file itself may have deleted that many cells: a blank deletes a cell of a metric."""
    return not done.is_into_list and (done.deleted or 0) <= sent.count_blanks()


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _judge_clearing(sent: Sent, done: Imported, stored: int, evidence: ClearingEvidence) -> Verdict:
    """What the counts of a file that is to replace all of its block show of that."""
    counts, subject = done.counts, sent.stream.subject
    if counts is None or counts.deleted is None:
        return Verdict(evidence)
    if _may_be_doubled(sent, done, counts, stored):
        return Verdict(evidence, is_doubtful=True)
    if counts.deleted or not sent.rows:
        return Verdict(evidence)
    information = (
        f"Pigment updated {counted(counts.updated, 'row')} of the {subject}, inserted {counts.inserted:,} and deleted "
        "none, as is usual for a list with a unique identifier if no item was removed at the source."
    )
    return Verdict(evidence, information=(information,))


def _may_be_doubled(sent: Sent, done: Imported, counts: ImportCounts, stored: int) -> bool:
    """Whether the block was empty, or has the rows of earlier syncs as well: nothing there was updated or deleted."""
    if counts.updated or not counts.inserted:
        return False
    if done.is_into_list and counts.inserted < stored:
        # Some rows were there and unchanged, which Pigment may not count: the list matches rows by a key.
        return False
    return counts.deleted == 0 or (done.is_into_metric and _explained_by_blanks(sent, done))


def _judge_scope(sent: Sent, configuration_id: str, done: Imported, evidence: ClearingEvidence) -> Verdict:
    """What the counts of a file that is to replace its scope show; nothing of the rest of the block."""
    counts, subject = done.counts, sent.stream.subject
    if counts is None or counts.deleted is None:
        return Verdict(evidence)
    if counts.deleted > done.written + sent.rows_to_follow:
        later = f", with {sent.rows_to_follow:,} to follow in later files" if sent.rows_to_follow else ""
        fewer = (
            f"Pigment deleted {counted(counts.deleted, 'row')} of the scope of the {subject} and wrote "
            f"{done.written:,}{later}"
        )
        if sent.may_delete is not None and counts.deleted <= sent.may_delete:
            information = f'{fewer}, which "Smallest share of rows (%)" of its target allows.'
            return Verdict(evidence, information=(information,))
        warning = (
            f"{fewer}: if the source did not send all rows of the values in its scope (whole months, for "
            "example), rows are missing now; look at the block, and have the source send every row of each value."
        )
        return Verdict(evidence, warnings=(warning,))
    if counts.inserted and not counts.updated and not counts.deleted:
        information = (
            f"Pigment inserted {counted(counts.inserted, 'row')} of the {subject} and deleted none. That is expected "
            'where the block had no rows of these values; otherwise "Clear items prior to import" is off in the import '
            f"configuration {configuration_id}, or its scope is another column."
        )
        return Verdict(evidence, information=(information,))
    return Verdict(evidence)


def _problem_of_later_file(
    sent: Sent, configuration_id: str, done: Imported, *, is_dry_run: bool
) -> ConfigProblem | None:
    if done.deleted and not _explained_by_blanks(sent, done):
        return PartialWrite(
            f"The import configuration {configuration_id} of the {sent.stream.subject} deletes what is there before "
            'each import, so it cannot add the later files: switch off "Clear items prior to import" in it, and leave '
            "it on only in the replacing one."
        )
    if done.deleted is None and not is_dry_run:
        return BlockDescribed(
            f"Pigment did not report whether a later file of the {sent.stream.subject} deleted those before it, so its "
            'block may contain only a part now: check that "Clear items prior to import" is off for the import '
            f"configuration {configuration_id} in Pigment, and send all rows of the stream in one file: raise "
            '"Largest file (MB)" and "Most rows in a file".'
        )
    return None


def judge_failed_addition(
    stream: DestinationStream,
    configuration_id: str,
    rows: int,
    error: ImportFailed | ImportOutcomeUnknown,
    evidence: ClearingEvidence,
) -> Exception:
    """The error that ends the sync where the import of a file that adds failed, or its outcome is not known."""
    if isinstance(error, ImportFailed):
        if evidence is not ClearingEvidence.FILLED:
            return error
        return _maybe_deleted(explain(error, subject=stream.subject).message, configuration_id)
    if stream.mode is WriteMode.APPEND_DEDUP:
        return TransientProblem(f"{error} Run the sync again: rows that are matched by a key may be sent twice.")
    return PartialWrite(
        f'{error} Its {counted(rows, "row")} may be stored: look at the block\'s "Update history" in '
        "Pigment before you run the sync again, which sends these rows once more."
    )


def _maybe_deleted(sentence: str, configuration_id: str) -> PartialWrite:
    """An import may have deleted what the same sync stored before."""
    return PartialWrite(
        f"{sentence} Rows that this sync imported earlier through the import configuration {configuration_id} may have "
        'been deleted, if "Clear items prior to import" is on for it: look at the block before you run the sync again, '
        "which sends these rows once more."
    )
