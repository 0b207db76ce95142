"""Rejected rows are pushed once more, if it is certain which they are; the first result remains valid in any case.

Pigment rejects a row that refers to an item which a later row of the same file creates; a second push finds the item.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.imports.importer import Importer, check_effect, count_blanks
from destination_pigment.imports.skipped import left_out
from destination_pigment.imports.verdicts import ClearingEvidence, Effect, Imported, Sent
from destination_pigment.input.catalog import WriteMode
from destination_pigment.rejected_rows.csv_table import are_quoted_right
from pigment_airbyte.failures import TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import RejectedRow, SkippedData
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


@dataclass(frozen=True, slots=True)
class Rejected:
    """How many rows of a file Pigment rejected permanently, those that it names, and its reasons.

    `maybe_stored` is how many of them may be stored anyway, because no response came to their second push.
    """

    count: int
    numbered: tuple[RejectedRow, ...] = ()
    skipped: tuple[SkippedData, ...] = field(default=(), repr=False)
    maybe_stored: int = 0


def push_rejected_again(
    importer: Importer, sent: Sent, configuration_id: str, spool: Spool, file: SpoolFile, done: Imported, rejected: int
) -> Rejected:
    """What stays rejected of a file after its rejected rows were pushed once more, if they may be."""
    first = Rejected(rejected, done.numbered, left_out(done.skipped))
    if importer.cancelled or not _may_push_again(sent, done, rejected):
        return first
    try:
        second = _push(importer, sent, configuration_id, spool, file, first)
    except Exception as error:  # noqa: BLE001 - whatever it is, the first import is stored and must be confirmed
        is_known = not isinstance(error, ImportOutcomeUnknown)
        reason = explain(error, subject=sent.stream.subject).message if is_known else str(error)
        # The first result remains valid, but the user must look at what the second import may have done to it.
        may_have_begun = isinstance(error, ImportOutcomeUnknown | ImportFailed)
        look = (
            f' If "Clear items prior to import" is on for the import configuration {configuration_id}, the other rows '
            "may have been deleted by it: look at the block."
        )
        logger.warning(
            "Sending %s of the %s again failed, so %s rejected: %s%s",
            counted(rejected, "rejected row"),
            sent.stream.subject,
            "it remains" if rejected == 1 else "they remain",
            reason,
            look if may_have_begun and importer.evidence[configuration_id] is ClearingEvidence.FILLED else "",
        )
        return first if is_known else replace(first, maybe_stored=rejected)
    if second is None:
        return first
    numbers = {each.row for each in done.numbered}
    again = replace(sent, rows=rejected, count_blanks=partial(count_blanks, file, sent.columns, numbers))
    verdict = check_effect(importer, again, configuration_id, second, Effect.ADDS_AGAIN)
    # Only what its own counts call written is stored: without counts, or with none written, nothing is settled.
    settled = min(second.written, rejected - verdict.rejected)
    if second.written > again.cells or settled <= 0:
        return first
    return Rejected(rejected - settled, _numbered_as_first(first, second, rejected - settled), left_out(second.skipped))


def _may_push_again(sent: Sent, done: Imported, rejected: int) -> bool:
    """Whether it is certain which rows were rejected, and harmless to push them once more."""
    numbers = {each.row for each in done.numbered}
    return (
        sent.stream.mode is WriteMode.APPEND
        and done.counts is not None
        and done.counts.deleted == 0
        and 0 < len(numbers) == rejected
        # Of a pivoted file, a row may be stored in part.
        and done.written + rejected <= sent.rows
        and all(1 <= number <= sent.rows for number in numbers)
    )


def _push(
    importer: Importer, sent: Sent, configuration_id: str, spool: Spool, file: SpoolFile, first: Rejected
) -> Imported | None:
    """Push the rejected rows in one file; None where they do not contain the values that the response quotes."""
    numbers = sorted({each.row for each in first.numbered})
    again = spool.selected(file, frozenset(numbers))
    try:
        in_new_file = {number: position for position, number in enumerate(numbers, start=1)}
        renumbered = [replace(each, row=in_new_file[each.row]) for each in first.numbered]
        if not are_quoted_right(again.columns, again.read_rows, renumbered):
            return None
        subject = f"{sent.stream.subject} (its rejected rows once more)"
        return importer.import_file(again, subject, configuration_id, rows=len(numbers), repeatable=False)
    finally:
        with suppress(OSError, TransientProblem):  # it goes with its folder
            again.remove()


def _numbered_as_first(first: Rejected, second: Imported, left: int) -> tuple[RejectedRow, ...]:
    """The rows that were rejected twice, by their numbers in the first file; none where it is not certain which."""
    numbers = sorted({each.row for each in first.numbered})
    again = {each.row for each in second.numbered}
    if len(again) != left or not again <= set(range(1, len(numbers) + 1)):
        return ()
    return tuple(replace(each, row=numbers[each.row - 1]) for each in second.numbered)
