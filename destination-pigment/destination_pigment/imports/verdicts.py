"""What Pigment's counts mean: are the rows of a file stored, and will they stay? Pure.

In: what was sent, what Pigment reports of it, the effect that the target promises, and what this sync has seen of the
import configuration so far. Out: confirm the rows, keep them provisional until more is known, or fail with a sentence.

Nothing in Pigment's API says whether an import configuration clears its block before it imports, and a block that was
empty shows nothing at its first file. Only an import that deletes nothing although one before it stored rows proves
that the configuration adds. So the first file is provisional until a second one proves that, or until the sync ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    ImportCounts,
    ImportedBlock,
    RejectedRow,
    SkippedData,
)
from pigment_client.wording import counted


class PartialWrite(ConfigProblem):
    """Rows may be in Pigment, or no longer: an automatic retry could do harm, so the user must look."""


class NotPushed(ConfigProblem):
    """The file was kept back; what was stored before it stands."""


class NotPushedYet(TransientProblem):
    """The file was kept back for a reason that may pass; what was stored before it stands."""


class BlockDescribed(PartialWrite):
    """The error itself says what the block may contain now."""


class Effect(Enum):
    """What the target promises that the import of a file does to its block."""

    ADDS = auto()
    ADDS_AGAIN = auto()  # rows of an earlier file that were rejected there
    CLEARS_FIRST = auto()  # the first file of a replacement
    ADDS_TO_REPLACEMENT = auto()  # a later file of a replacement


class ClearingEvidence(Enum):
    """Does this configuration clear? What the imports of this sync have shown."""

    NOTHING = auto()  # nothing was imported through it
    NO_ROWS = auto()  # nothing was stored that a further import could delete
    FILLED = auto()  # rows were stored and none deleted: the next import shows whether it deletes them
    UNKNOWN = auto()  # Pigment did not report whether rows were deleted
    ADDS = auto()


@dataclass(frozen=True, slots=True)
class Imported:
    """What Pigment reports of a file: its counts (None without a report), and how many rows it rejected permanently.

    `numbered` are the rejected rows that the response names, `skipped` those that it counts by reason. `has_mode` says
    that the file ran in an import mode, in which Pigment may leave rows out. `in_doubt` of the rejected rows may be
    stored: no response came to their second push.
    """

    counts: ImportCounts | None
    rejected: int
    numbered: tuple[RejectedRow, ...] = ()
    has_mode: bool = False
    skipped: tuple[SkippedData, ...] = field(default=(), repr=False)
    in_doubt: int = 0
    blocks: tuple[ImportedBlock, ...] = ()

    @property
    def deleted(self) -> int | None:
        """How many rows it deleted; None where that is not reported."""
        return None if self.counts is None else self.counts.deleted

    @property
    def has_rows(self) -> bool:
        """Whether the block certainly contains rows after it: stored by it, or there before and unchanged."""
        counts = self.counts
        return counts is not None and (counts.inserted + counts.updated > 0 or counts.skipped == 0)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A replacement that inserted rows, and updated and deleted none: its block was empty, or now has all rows twice.

    `expected_rows` are the rows of its files less those rejected; `before` is how many rows its block had, if counted.
    """

    stream: DestinationStream
    configuration_id: str
    inserted: int
    expected_rows: int
    blocks: tuple[ImportedBlock, ...]
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rows are confirmed, or provisional until a later import or the end, or a `problem` ends the sync.

    `evidence` is what is known of the configuration from now on; `warnings` are for the log.
    """

    evidence: ClearingEvidence
    problem: ConfigProblem | None = None
    is_provisional: bool = False
    warnings: tuple[str, ...] = ()


def judge(
    stream: DestinationStream,
    configuration_id: str,
    rows: int,
    done: Imported,
    *,
    effect: Effect,
    evidence: ClearingEvidence,
    is_dry_run: bool,
) -> Verdict:
    """What the report of a file of this number of rows means."""
    match effect:
        case Effect.ADDS | Effect.ADDS_AGAIN:
            verdict = judge_adding(stream, configuration_id, rows, done, evidence)
        case Effect.CLEARS_FIRST:
            verdict = _judge_clearing(stream, configuration_id, rows, done, evidence)
        case Effect.ADDS_TO_REPLACEMENT:
            verdict = Verdict(evidence, _problem_of_later_file(stream, configuration_id, done, is_dry_run=is_dry_run))
    counts = done.counts
    if verdict.problem is not None or counts is None or effect is Effect.ADDS_AGAIN:
        return verdict
    written = counts.inserted + counts.updated
    # Unchanged values may not count, nor cells that two rows share, so fewer is possible. More is not, and neither is
    # nothing at all, unless rows are matched by a key, or a mode or a dry run leaves them out.
    may_be_unchanged = stream.mode is WriteMode.APPEND_DEDUP or is_dry_run or done.has_mode
    is_nothing = rows > 0 and written + counts.skipped == 0 and not may_be_unchanged
    sentence = (
        f"The file for the {stream.subject} has {counted(rows, 'row')}, and Pigment reports {counts.inserted:,} "
        f"inserted, {counts.updated:,} updated and {counts.skipped:,} skipped"
    )
    if written > rows or is_nothing:
        problem = PartialWrite(
            f'{sentence}, which contradict each other: look at the block\'s "Update history" in Pigment before '
            "you run the sync again, which sends these rows once more."
        )
        return Verdict(verdict.evidence, problem)
    if written + counts.skipped >= rows:
        return verdict
    warning = f"{sentence}: the others may be unchanged, or share a cell; look at the block if in doubt."
    return replace(verdict, warnings=(*verdict.warnings, warning))


def is_provisional_without_file(evidence: ClearingEvidence) -> bool:
    """Whether a job of only rejected records must wait: they are certain, but what is ahead of them may not be."""
    return evidence not in {ClearingEvidence.NOTHING, ClearingEvidence.ADDS}


def judge_adding(
    stream: DestinationStream, configuration_id: str, rows: int, done: Imported, evidence: ClearingEvidence
) -> Verdict:
    """What the reported deletions mean where a file is to add to its block."""
    if done.deleted:
        problem = PartialWrite(
            f"The import configuration of the {stream.subject} deletes what is in its block before each import: "
            f"{counted(done.deleted, 'row that was there is', 'rows that were there are')} gone, and the file of "
            f"{counted(rows, 'row')} is stored. Empty or restore the block, switch off "
            '"Clear items prior to import" in Pigment and run the sync again, which sends these rows once more; or '
            "choose a sync mode that overwrites."
        )
        return Verdict(evidence, problem)
    if evidence is ClearingEvidence.ADDS:
        return Verdict(evidence)
    if done.deleted is None and evidence is ClearingEvidence.FILLED:
        sentence = (
            f"Pigment did not report whether the last import of the {stream.subject} deleted what was in its block."
        )
        return Verdict(evidence, _maybe_deleted(sentence, configuration_id))
    if done.deleted is None:
        return Verdict(ClearingEvidence.UNKNOWN, is_provisional=True)
    if evidence is ClearingEvidence.FILLED:
        return Verdict(ClearingEvidence.ADDS)
    return Verdict(ClearingEvidence.FILLED if done.has_rows else ClearingEvidence.NO_ROWS, is_provisional=True)


def _judge_clearing(
    stream: DestinationStream, configuration_id: str, rows: int, done: Imported, evidence: ClearingEvidence
) -> Verdict:
    counts = done.counts
    if counts is None or counts.deleted != 0:
        return Verdict(evidence)
    if counts.updated:
        problem = BlockDescribed(
            f"The import configuration {configuration_id} of the {stream.subject} updated "
            f"{counted(counts.updated, 'row')} and deleted none, so it does not clear its block, and old rows may "
            'still be there: switch on "Clear items prior to import" for it in Pigment, or choose a sync mode that '
            "appends."
        )
        return Verdict(evidence, problem)
    warning = (
        f"No rows were deleted before {counted(rows, 'row')} of the {stream.subject} came in. That is expected if the "
        f'block was empty; otherwise "Clear items prior to import" is off in the import configuration '
        f"{configuration_id}, and the old rows are still there."
    )
    return Verdict(evidence, warnings=(warning,) if counts.inserted else ())


def _problem_of_later_file(
    stream: DestinationStream, configuration_id: str, done: Imported, *, is_dry_run: bool
) -> ConfigProblem | None:
    if done.deleted:
        return PartialWrite(
            f"The import configuration {configuration_id} of the {stream.subject} deletes what is there before each "
            'import, so it cannot add the later files: switch off "Clear items prior to import" in it, and leave it on '
            "only in the replacing one."
        )
    if done.deleted is None and not is_dry_run:
        return BlockDescribed(
            f"Pigment did not report whether a later file of the {stream.subject} deleted those before it, so its "
            'block may contain only a part now: check that "Clear items prior to import" is off for the import '
            f"configuration {configuration_id} in Pigment, and let the stream go in one file: raise "
            '"Largest file (MB)" and "Most rows in a file".'
        )
    return None


def require_known_deletions(evidence: ClearingEvidence, configuration_id: str, subject: str) -> None:
    """Raise `NotPushed` where a further file could delete the one before without a trace."""
    if evidence is ClearingEvidence.UNKNOWN:
        raise NotPushed(
            f"Pigment did not report whether the import of the {subject} deleted what was in its block, so a "
            "second file through the same import configuration could delete the first without a trace; it was not "
            'sent, and the first is stored. Check that "Clear items prior to import" is off for the import '
            f"configuration {configuration_id} in Pigment, and let the rows of a sync go in one file: raise "
            '"Largest file (MB)", "Most rows in a file" and "Import at least every (minutes)".'
        )


def require_no_rejection_on_arrival(fail_on_rejected: bool, rejected: int, subject: str) -> None:
    """Raise `NotPushed` where a row that was rejected on arrival is to stop the sync: nothing is sent then."""
    if rejected and fail_on_rejected:
        raise NotPushed(
            f"{counted(rejected, 'row')} of the {subject} {'was' if rejected == 1 else 'were'} rejected before upload. "
            'Nothing that came with it was sent, because "Rejected rows" is set to fail: see the log for reasons and '
            'columns, and fix the rows at their source, or set "Rejected rows" to report.'
        )


def require_no_rejection_by_pigment(fail_on_rejected: bool, rejected: int, stored: int, subject: str) -> None:
    """Raise `ConfigProblem` where a row that Pigment rejected is to stop the sync."""
    if rejected and fail_on_rejected:
        raise ConfigProblem(
            f"Pigment rejected {counted(rejected, 'row')} of the {subject} and stored {stored:,}, which the next "
            'sync sends again, because "Rejected rows" is set to fail: see the log for reasons and columns, and '
            'fix the rows at their source, or set "Rejected rows" to report.'
        )


def require_enough_written(subject: str, done: list[Imported], rows: int, minimum_rows: int) -> None:
    """Raise `BlockDescribed` where Pigment cleared the block and wrote nothing, or less than it must have."""
    counts = [each.counts for each in done if each.counts is not None]
    if not rows or len(counts) < len(done):
        return
    written = sum(each.inserted + each.updated for each in counts)
    if written and written >= minimum_rows:
        return
    few = f", fewer than the {minimum_rows:,} that its target must have" if written else ""
    lower = ', or lower "Fewest rows" under "Targets"' if written else ""
    raise BlockDescribed(
        f"Pigment wrote {written:,} of the {counted(rows, 'row')} of the {subject}{few}, and skipped "
        f"{sum(each.skipped for each in counts):,}, so its block may be empty or contain only a part now: see the log "
        f"for reasons and columns, fix the rows or the import configuration{lower}, and run the sync again, which "
        "replaces all of the block."
    )


def require_nothing_stored(counts: ImportCounts | None, subject: str) -> None:
    """Raise `ConfigProblem` where a dry run stored rows.

    What a response without deletions calls accepted, a dry run has only looked at.
    """
    if counts is not None and counts.deleted is not None and counts.inserted + counts.updated + counts.deleted:
        raise ConfigProblem(
            f'Pigment stored rows of the {subject} although "Dry run" is on, which its public API does not know: '
            "the sync stopped after this file; switch the dry run off, and look at the block before the next sync."
        )


def require_completed(ended: CompletedImport | FailedImport, subject: str) -> CompletedImport:
    """The completed import; raises `ImportFailed`, or `ImportOutcomeUnknown` where a failed one stored rows anyway."""
    if isinstance(ended, CompletedImport):
        return ended
    if ended.accepted:
        raise ImportOutcomeUnknown(
            reason=f"Pigment reports the import of the {subject} as failed, and {counted(ended.accepted, 'row')} as "
            "accepted."
        )
    raise ImportFailed("import", object_id=ended.id, names=ended.error_names)


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
