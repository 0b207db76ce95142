"""What Pigment's reasons for skipped data mean: rejected rows, values stored as blank, or a wrong set-up. Pure.

The reasons are those of the API description (ApiSkippedDataReason). They count values, the summary counts rows, and
whether it also counts rows that were stored with a blank is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from destination_pigment.input.catalog import DestinationStream
from pigment_client.models import ImportCounts, RejectedRow, SkippedData
from pigment_client.wording import counted, shortened
from pigment_csv.dialect import CsvDialect

STORED_BLANK = "MissingModalityUseDefaultOrNullModality"
UNKNOWN_ITEM = "MissingModalitySkippedDataRow"
NO_WRITE_ACCESS = "MissingWriteAccessRights"
NOT_IN_SNAPSHOT = "MissingModalitiesFromSnapshot"
UNREADABLE = "ParsingError"

# Dates outside these years stand for "never" or "always" (9999-12-31): such a one may be rejected although it is read.
_USUAL_YEARS = range(1900, 2101)


def left_out(skipped: Iterable[SkippedData]) -> tuple[SkippedData, ...]:
    """What was not stored: everything that was skipped but what was stored as blank."""
    return tuple(each for each in skipped if each.reason != STORED_BLANK)


def count_left_out(counts: ImportCounts | None, numbered: Sequence[RejectedRow], skipped: Sequence[SkippedData]) -> int:
    """How many rows or values an import left out, without what it stored as blank."""
    by_reason = sum(each.count for each in left_out(skipped))
    stored_blank = sum(each.count for each in skipped) - by_reason
    explained = by_reason + len({each.row for each in numbered})
    if counts is None or not counts.skipped:
        return explained
    return min(counts.skipped, max(explained, counts.skipped - stored_blank))


def count_rejected(rows: int, written: int, not_stored: int) -> int:
    """How many rows of a file count as rejected.

    `not_stored` are the rows or values that the import left out. No more rows than were not written, but at least one
    where anything was left out: of a pivoted file, a row may be stored in part, and more cells may be written than it
    has rows.
    """
    return min(not_stored, rows if written > rows else max(1, rows - written), rows)


def describe_stored_blank(subject: str, skipped: Iterable[SkippedData]) -> list[str]:
    """A warning for each column whose values were stored as blank."""
    return [
        f"{counted(each.count, 'value')} of the {subject} {'was' if each.count == 1 else 'were'} stored as blank, "
        f"because {_column(each)} contains items that their dimension does not have{item_samples(each)}."
        for each in skipped
        if each.reason == STORED_BLANK and each.count
    ]


def find_wrong_set_up(
    stream: DestinationStream, configuration_id: str, dialect: CsvDialect, rows: int, skipped: Sequence[SkippedData]
) -> str | None:
    """What is wrong with rights or formats, as a sentence that says what to do; None where only rows are wrong."""
    reasons = {each.reason for each in skipped if each.count}

    def skipped_rows(reason: str) -> str:
        return counted(min(rows, sum(each.count for each in skipped if each.reason == reason)), "row")

    if NO_WRITE_ACCESS in reasons:
        return (
            f"Pigment did not store {skipped_rows(NO_WRITE_ACCESS)} of the {stream.subject}, because the owner of the "
            f"import API key has no write access to them ({NO_WRITE_ACCESS}): give the owner of the key write access "
            'to all items in the file, or the permission "Define Application Security", in Pigment, and run the sync '
            "again."
        )
    if NOT_IN_SNAPSHOT in reasons:
        return (
            f"Pigment did not store {skipped_rows(NOT_IN_SNAPSHOT)} of the {stream.subject}, because they refer to "
            f"items that are not in the snapshot of the application ({NOT_IN_SNAPSHOT}): let the import configuration "
            f"{configuration_id} write into the application itself, or update the snapshot in Pigment, and run the "
            "sync again."
        )
    for each in skipped:
        if each.reason == UNREADABLE:
            problem = _find_other_form(stream, configuration_id, dialect, each)
            if problem is not None:
                return problem
    return None


def describe_skipped(subject: str, skipped: SkippedData) -> str:
    """A line for one reason: how many rows or values, of which column; samples only where they are names of items."""
    left_out_of = f"Skipped {counted(skipped.count, _counts_of(skipped.reason))} of the {subject}:"
    items = _quoted_items(skipped)
    if skipped.reason == UNKNOWN_ITEM and skipped.column:
        # Of one row, the sample is its item; of several, there may be more than the samples.
        lacks = (
            (f"has no item {items}" if skipped.count == 1 else f"lacks items such as {items}")
            if items
            else "lacks items"
        )
        return f"{left_out_of} the dimension of {_column(skipped)} {lacks}."
    column = f" in {_column(skipped)}" if skipped.column else ""
    return f"{left_out_of} {skipped.reason}{column}{item_samples(skipped)}."


def _counts_of(reason: str) -> str:
    """What the count of a reason counts: one unknown item or missing right leaves out a row, others may be of cells."""
    return "row" if reason in {UNKNOWN_ITEM, NO_WRITE_ACCESS, NOT_IN_SNAPSHOT} else "value"


def item_samples(skipped: SkippedData) -> str:
    """The first samples, where they are names of items."""
    items = _quoted_items(skipped)
    return f", such as {items}" if items else ""


def _quoted_items(skipped: SkippedData) -> str:
    if not skipped.reason.startswith("MissingModalit"):
        return ""
    return ", ".join(f'"{shortened(sample)}"' for sample in skipped.samples[:5])


def _find_other_form(
    stream: DestinationStream, configuration_id: str, dialect: CsvDialect, skipped: SkippedData
) -> str | None:
    """The problem where Pigment could not read a value that is in the form in which this connector writes it."""
    column = skipped.column or ""
    if dialect.dates is not None and column in stream.date_columns:
        days = (dialect.dates.read_day(sample) for sample in skipped.samples)
        if any(day is not None and day.year in _USUAL_YEARS for day in days):
            return (
                f"Pigment could not read dates in {_column(skipped)} of the {stream.subject}, although they are in the "
                f'form that "Dates" sets (2024-12-01 is sent as {dialect.dates.example}): the import configuration '
                f"{configuration_id} reads another form, and dates that it did read may be wrong, with day and month "
                'swapped (01/12 and 12/01). Set the same form of dates under "Dates" and in the import configuration, '
                "look at the block and correct the rows that were stored, and run the sync again."
            )
    if column in stream.number_columns:
        separator = re.escape(dialect.decimal_separator)
        if any(re.fullmatch(rf"-?[0-9]+(?:{separator}[0-9]+)?", sample) for sample in skipped.samples):
            return (
                f"Pigment could not read numbers in {_column(skipped)} of the {stream.subject}, although they are in "
                f'the form that "Decimal separator" sets (one and a half is sent as 1{dialect.decimal_separator}5): '
                f"the import configuration {configuration_id} reads another form, and numbers that it did read may be "
                'wrong. Set the same decimal separator in "CSV" and in the import configuration, look at the block '
                "and correct the rows that were stored, and run the sync again."
            )
    return None


def _column(skipped: SkippedData) -> str:
    return f'the column "{skipped.column}"' if skipped.column else "a column"
