"""Control totals: the rows and sums of what Pigment took of a stream, and of its block where that was counted.

What is summed are the files as they were sent: without what was rejected before, one row of each key, and rows that are
sent a second time once. Rows that Pigment rejects cannot be taken out, because it seldom says which they are.
"""

from __future__ import annotations

from collections.abc import Collection

from destination_pigment.files.spool import SpoolFile
from pigment_client.models import ImportCounts
from pigment_client.wording import counted
from pigment_csv.totals import Total, Totals
from pigment_native.number_columns import NumberColumns


def total_file(file: SpoolFile, rows: int, columns: Collection[str]) -> Totals:
    """The totals of a file with this many rows; a column that it lacks is not summed."""
    places = {name: place for place, name in enumerate(file.columns) if name in columns}
    totals = Totals(places)
    if places:
        numbers = NumberColumns(places, len(file.columns), file.dialect)
        for lines in file.read_lines(file.columns):
            totals.add_totals(numbers.totals(lines))
    totals.rows = rows
    return totals


def describe_sums(sent: Totals | None, counts: ImportCounts | None) -> str:
    """The sums of a file as the end of a sentence about its import."""
    if sent is None or not sent.by_column:
        return ""
    skipped = ", with what was skipped" if counts is not None and counts.skipped else ""
    return f"{sent.sums_in_words}{skipped}"


def describe_totals(sent: Totals, rejected: int, in_block: Totals | None) -> str:
    """What was sent and what the block has now, as the end of a sentence; Pigment rejected some of the rows."""
    with_rejected = f", with {rejected:,} that Pigment rejected" if rejected else ""
    sentence = f"; sent: {counted(sent.rows, 'row')}{with_rejected}{sent.sums_in_words}"
    if in_block is None:
        return sentence
    sums = ", ".join(
        f'sum of "{name}" {total}{_difference(total, sent.by_column[name])}'
        for name, total in sorted(in_block.by_column.items())
        if name in sent.by_column
    )
    return f"{sentence}; in Pigment: {counted(in_block.rows, 'row')}{sums and f'; {sums}'}"


def _difference(there: Total, sent: Total) -> str:
    """By how much the sum of a block differs from that of the files."""
    difference = there.minus(sent)
    if not difference.sum:
        return ""
    return f" ({str(difference).removeprefix('-')} {'more' if difference.sum > 0 else 'less'})"
