"""Rejected rows are pushed once more, where it is certain which they are; the first result stands in any case.

Pigment rejects a row that refers to an item which a later row of the same file creates; a second push finds the item.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace

from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.imports.importer import Importer, check_effect
from destination_pigment.imports.verdicts import ClearingEvidence, Effect, Imported
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.csv_table import are_quoted_right
from pigment_airbyte.failures import TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import RejectedRow
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


def push_rejected_again(
    importer: Importer,
    stream: DestinationStream,
    configuration_id: str,
    spool: Spool,
    file: SpoolFile,
    rows: int,
    first: Imported,
) -> Imported:
    """The result after the rejected rows of a file were pushed once more, if they may be."""
    if importer.cancelled or not _may_push_again(stream, rows, first):
        return first
    try:
        second = _push(importer, stream, configuration_id, spool, file, first)
    except Exception as error:  # noqa: BLE001 - whatever it is, the first import is stored and must be confirmed
        is_known = not isinstance(error, ImportOutcomeUnknown)
        reason = explain(error, subject=stream.subject).message if is_known else str(error)
        # The first result stands; what the second import may have done to it is for the user to look at.
        may_have_begun = isinstance(error, ImportOutcomeUnknown | ImportFailed)
        look = (
            f' If "Clear items prior to import" is on for the import configuration {configuration_id}, the other rows '
            "may have been deleted by it: look at the block."
        )
        logger.warning(
            "Sending %s of the %s again failed, so %s rejected: %s%s",
            counted(first.rejected, "rejected row"),
            stream.subject,
            "it remains" if first.rejected == 1 else "they remain",
            reason,
            look if may_have_begun and importer.evidence[configuration_id] is ClearingEvidence.FILLED else "",
        )
        return first if is_known else replace(first, in_doubt=first.rejected)
    if second is None:
        return first
    check_effect(importer, stream, configuration_id, rows, second, Effect.ADDS_AGAIN)
    rejected = min(first.rejected, second.rejected)
    return Imported(first.counts, rejected, _numbered_as_first(first, second), skipped=second.skipped)


def _may_push_again(stream: DestinationStream, rows: int, done: Imported) -> bool:
    """Whether it is certain which rows were rejected, and harmless to push them once more."""
    numbers = {each.row for each in done.numbered}
    return (
        stream.mode is WriteMode.APPEND
        and done.counts is not None
        and done.counts.deleted == 0
        and 0 < len(numbers) == done.counts.skipped
        and all(1 <= number <= rows for number in numbers)
    )


def _push(
    importer: Importer,
    stream: DestinationStream,
    configuration_id: str,
    spool: Spool,
    file: SpoolFile,
    first: Imported,
) -> Imported | None:
    """Push the rejected rows in one file; None where they do not contain the values that the response quotes."""
    numbers = sorted({each.row for each in first.numbered})
    again = spool.selected(file, frozenset(numbers))
    try:
        in_new_file = {number: position for position, number in enumerate(numbers, start=1)}
        renumbered = [replace(each, row=in_new_file[each.row]) for each in first.numbered]
        if not are_quoted_right(again.columns, again.read_rows, renumbered):
            return None
        subject = f"{stream.subject} (its rejected rows once more)"
        return importer.import_file(again, subject, configuration_id, repeatable=False)
    finally:
        with suppress(OSError, TransientProblem):  # it goes with its folder
            again.remove()


def _numbered_as_first(first: Imported, second: Imported) -> tuple[RejectedRow, ...]:
    """The rows that were rejected twice, by their numbers in the first file; none where it is not certain which."""
    numbers = sorted({each.row for each in first.numbered})
    if not second.numbered:
        return first.numbered if second.rejected == len(numbers) else ()
    if any(not 1 <= each.row <= len(numbers) for each in second.numbered):
        return ()
    return tuple(replace(each, row=numbers[each.row - 1]) for each in second.numbered)
