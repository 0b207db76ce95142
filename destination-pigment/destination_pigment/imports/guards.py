"""What must hold before a file is sent and after it is stored, or the sync stops with a sentence. Pure."""

from __future__ import annotations

from destination_pigment.imports.verdicts import BlockDescribed, ClearingEvidence, NotPushed
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import CompletedImport, FailedImport, ImportCounts
from pigment_client.wording import counted


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
