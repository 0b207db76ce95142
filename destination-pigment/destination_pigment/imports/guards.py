"""What must be true before files are sent and after they are stored, or the sync stops with a sentence. Pure.

Last: a stream that replaces its block and for which no row came, which may be a Clear, an empty source, or no value of
its scope.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto

from airbyte_cdk.models import FailureType

from destination_pigment.imports.verdicts import BlockDescribed, ClearingEvidence, NotPushed
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import CompletedImport, FailedImport, ImportCounts, ImportedBlock
from pigment_client.wording import and_the, counted


def require_known_deletions(evidence: ClearingEvidence, configuration_id: str, subject: str) -> None:
    """Raise `NotPushed` where a further file could delete the one before without a trace."""
    if evidence is ClearingEvidence.UNKNOWN:
        raise NotPushed(
            f"Pigment did not report whether the import of the {subject} deleted what was in its block, so a "
            "second file through the same import configuration could delete the first without a trace; it was not "
            'sent, and the first is stored. Check that "Clear items prior to import" is off for the import '
            f"configuration {configuration_id} in Pigment, and send all rows of a sync in one file: raise "
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


def require_enough_rows(subject: str, rows: int, rejected: int, minimum_rows: int) -> None:
    """Raise `ConfigProblem` if a block must be left as it is, because too few records became rows."""
    if not rows:
        raise ConfigProblem(
            f"Every record of the {subject} was rejected ({rejected:,} in all), so its block in Pigment was left as "
            "it was: see the log for the reasons, and fix the records at their source."
        )
    if rows < minimum_rows:
        raise ConfigProblem(
            f"The {subject} has {counted(rows, 'row')}, fewer than the {minimum_rows:,} that its target must have, so "
            "its block in Pigment was left as it was: look at the source, or lower "
            '"Fewest rows" under "Targets".'
        )


def require_every_value(subject: str, scope: str, left_out: Collection[str | None]) -> None:
    """Raise `ConfigProblem` if all records of a value of the scope are deleted, or replaced by other records."""
    if left_out:
        raise ConfigProblem(
            f'All records of the {subject} with {counted(len(left_out), "value")} of the column "{scope}", its '
            '"Scope", were deleted at the source or now have another value. A scope clears only values of which a row '
            "is sent, so their old rows would stay in Pigment; nothing was pushed: delete those rows in Pigment, and "
            "choose a sync mode that overwrites without deduplication."
        )


def require_one_that_adds(subject: str, files: int, *, clearing_id: str | None, adding_id: str) -> None:
    """Raise `ConfigProblem` if a second file would have to go through the import configuration that clears."""
    if files > 1 and clearing_id == adding_id:
        raise ConfigProblem(
            f"The {subject} is larger than one file, and a second file through an import configuration that clears "
            "would delete the first; nothing was pushed: let this one add, and enter another one that clears as "
            '"Replacing import configuration ID", or raise "Largest file (MB)" and "Most rows in a file".'
        )


def require_no_rejection_by_pigment(
    fail_on_rejected: bool, rejected: int, stored: int, subject: str, *, adds_again: bool
) -> None:
    """Raise `ConfigProblem` if a row that Pigment rejected is to stop the sync.

    `adds_again`: the next sync adds the stored rows once more, because nothing matches or replaces them.
    """
    if rejected and fail_on_rejected:
        first = (
            " Delete the stored rows from the block before the next sync, which adds them once more."
            if adds_again and stored
            else ""
        )
        raise ConfigProblem(
            f"Pigment rejected {counted(rejected, 'row')} of the {subject} and stored {stored:,}, which the next "
            'sync sends again, because "Rejected rows" is set to fail: see the log for reasons and columns, and '
            f'fix the rows at their source, or set "Rejected rows" to report.{first}'
        )


def require_enough_written(subject: str, rows: int, rejected: int, minimum_rows: int) -> None:
    """Raise `BlockDescribed` where Pigment cleared the block and stored nothing, or less than it must have."""
    stored = rows - rejected
    if not rows or stored >= max(1, minimum_rows):
        return
    few = f", fewer than the {minimum_rows:,} that its target must have" if stored else ""
    lower = ', or lower "Fewest rows" under "Targets"' if stored else ""
    raise BlockDescribed(
        f"Pigment wrote {stored:,} of the {counted(rows, 'row')} of the {subject}{few}, and skipped {rejected:,}, so "
        "its block may be empty or contain only a part now: see the log for reasons and columns, fix the rows or the "
        f"import configuration{lower}, and run the sync again, which replaces all of the block."
    )


def has_stored(counts: ImportCounts | None) -> bool:
    """Whether a dry run stored rows: what a response without deletions calls accepted, it has only looked at."""
    if counts is None or counts.deleted is None:
        return False
    return counts.inserted + counts.updated + counts.deleted > 0


def require_nothing_stored(counts: ImportCounts | None, subject: str) -> None:
    """Raise `ConfigProblem` where a dry run stored rows."""
    if has_stored(counts):
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


def require_one_block(
    subject: str, ids: tuple[str, str], first: Sequence[ImportedBlock], later: Sequence[ImportedBlock]
) -> None:
    """Raise `BlockDescribed` if a later file of a pair of import configurations went into another block."""
    if first and later and {each.block_id for each in first}.isdisjoint(each.block_id for each in later):
        raise BlockDescribed(
            f"The two import configurations of the {subject}, {ids[0]} and {ids[1]}, fill different blocks, so each "
            'contains only a part of its rows now: correct "Replacing import configuration ID" under "Targets", delete '
            "the rows that do not belong in the other block, and run the sync again."
        )


def require_right_block(subject: str, block_id: str | None, blocks: Sequence[ImportedBlock]) -> None:
    """Raise `BlockDescribed` if the block that was counted is not the one that was replaced."""
    if block_id is not None and blocks and all(each.block_id != block_id for each in blocks):
        raise BlockDescribed(
            f'The {subject} was imported into the block {blocks[0].block_id}, and the "Block ID" of its target is '
            f"{block_id}, so the load was compared with another block: look at the block, "
            'correct the ID under "Targets", and run the sync again.'
        )


def require_emptied(subject: str, clearing_id: str, rows_counted: int | None) -> None:
    """Raise `ConfigProblem` if a file without a row has left rows in the block."""
    if rows_counted:
        raise ConfigProblem(
            f"The block of the {subject} was to be emptied, and it still has {counted(rows_counted, 'row')} in "
            'Pigment: empty it there, and check that "Clear items prior to import" is on, without a scope, for the '
            f"import configuration {clearing_id}."
        )


class Unfilled(Enum):
    """What becomes of a block that is to be replaced where no row came."""

    EMPTIED = auto()  # a Clear, or the user allows it: a file with a header and no row goes through what clears
    STILL_FILLED = auto()  # a Clear of what no file can empty: the rows stay in Pigment, and the log says so
    AS_IT_WAS = auto()  # no value of the scope came, so nothing of it is replaced
    REFUSED = auto()  # the source is empty, and the user has not allowed that


def decide_unfilled(*, clears: bool, has_scope: bool, minimum_rows: int | None, is_clear: bool) -> Unfilled:
    """What an end without a row means for a stream of which the source has succeeded.

    `clears` and `has_scope`: what the target does. `is_clear`: the platform asks to clear the stream.
    """
    empties = clears and not has_scope
    if is_clear:
        return Unfilled.EMPTIED if empties else Unfilled.STILL_FILLED
    if empties and minimum_rows == 0:
        return Unfilled.EMPTIED
    if has_scope and not minimum_rows:
        return Unfilled.AS_IT_WAS
    return Unfilled.REFUSED


class EmptySource(ConfigProblem):
    """A source that has succeeded sent no row for a stream that replaces its block, which stays as it is."""


def describe_empty_sources(subjects: Sequence[str]) -> ConfigProblem:
    """The one error for all streams without a row, after everything else of the sync is stored."""
    block, its = ("block", "its") if len(subjects) == 1 else ("blocks", "their")
    was, target = ("was", "its target") if len(subjects) == 1 else ("were", "their targets")
    return ConfigProblem(
        f"The source succeeded without a row for the {and_the(subjects)}, so {its} {block} in Pigment {was} left as "
        f"{'it was' if len(subjects) == 1 else 'they were'}, and everything else of the sync is stored. If a source "
        f'without rows is right, set "Fewest rows" of {target} to 0 under "Targets", and the next sync empties the '
        f"{block}; otherwise look at the source."
    )


def describe_empty_rehearsal(subjects: Sequence[str]) -> ConfigProblem:
    """The error of a dry run without a row for these streams, where a sync would leave their blocks and stop."""
    block, its, it_is = (
        ("block", "its target", "it is") if len(subjects) == 1 else ("blocks", "their targets", "they are")
    )
    return ConfigProblem(
        f"No row came for the {and_the(subjects)}, so a sync would leave the {block} in Pigment as {it_is} and end "
        "with an error; nothing was pushed in this dry run: if a source without rows is right, set "
        f'"Fewest rows" of {its} to 0 under "Targets"; otherwise look at the source.'
    )


def describe_nothing_came(subjects: Sequence[str]) -> ConfigProblem:
    """The error where the whole input was empty and blocks are to be replaced."""
    block = "block" if len(subjects) == 1 else "blocks"
    return ConfigProblem(
        f"Nothing at all came for the {and_the(subjects)}, not even a state. That is how a Clear looks here, and also "
        f"a source that is empty or has failed, so the {block} in Pigment {'was' if len(subjects) == 1 else 'were'} "
        f"left as {'it was' if len(subjects) == 1 else 'they were'}: if this was a Clear, empty the {block} in Pigment "
        f"and cancel the Clear in Airbyte, or it runs again before every sync; otherwise look at the source."
    )


def with_advice_on_clear(error: Exception, subject: str) -> Exception:
    """The error of a Clear, with what the user must know of it."""
    failure = explain(error, subject=subject)
    message = (
        f"{failure.message} This was a Clear of the {subject}: cancel it in Airbyte, or it runs again before every "
        "sync."
    )
    return ConfigProblem(message) if failure.type is FailureType.config_error else TransientProblem(message)
