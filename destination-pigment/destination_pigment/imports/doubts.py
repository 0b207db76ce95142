"""Doubts about what a replaced block contains, settled once for all streams: by a count, or by the user. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from destination_pigment.imports.verdicts import BlockDescribed, Doubt
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportedBlock
from pigment_client.wording import counted


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a count of the rows of a block shows: the doubt is settled, a `problem`, or neither.

    `information` is for the log.
    """

    is_settled: bool = False
    problem: ConfigProblem | None = None
    information: str = ""


def judge_count(doubt: Doubt, rows_counted: int | None) -> Settlement:
    """What the number of rows in a block after its replacement shows; None where they could not be counted.

    The owner of the key may not see all rows: then fewer are counted than are there, and equal numbers prove nothing.
    """
    subject, expected = doubt.stream.subject, doubt.expected_rows
    if rows_counted is None:
        return Settlement()
    if rows_counted > expected:
        return Settlement(problem=_problem_of_more(doubt, rows_counted))
    sees_all = doubt.before is None or rows_counted - doubt.before == doubt.inserted - doubt.deleted
    found = f"The {subject} was counted in Pigment: {counted(rows_counted, 'row')}"
    if sees_all and rows_counted == expected:
        return Settlement(is_settled=True, information=f"{found}, as many as were written.")
    if sees_all and doubt.before == 0:
        return Settlement(is_settled=True, information=f"{found}, all of them inserted into an empty block.")
    return Settlement(
        information=f"{found}, where {expected:,} were written. That proves nothing: the owner of the export API key "
        "does not see all rows, or not all of them became rows of the block."
    )


def block_to_count(blocks: Collection[ImportedBlock]) -> ImportedBlock | None:
    """The block whose rows can be compared with those of a file; None where it is not exactly one.

    Of a metric that is one scenario, because its cells are exported by scenario.
    """
    different = set(blocks)
    return different.pop() if len(different) == 1 else None


def _problem_of_more(doubt: Doubt, rows_counted: int) -> BlockDescribed:
    return BlockDescribed(
        f"The {doubt.stream.subject} was counted in Pigment: its block has {counted(rows_counted, 'row')}, and this "
        f"sync wrote {doubt.expected_rows:,}. Rows of earlier syncs or of others are there as well: look at the block. "
        'If rows are there twice, empty it, switch on "Clear items prior to import" for the import configuration '
        f"{doubt.configuration_id} in Pigment, and {_how_to_repeat([doubt])}. If people add rows of their own to it, "
        'set "Count blocks" to never.'
    )


def problem_of_doubts(doubts: Sequence[Doubt]) -> ConfigProblem:
    """The one error for all doubts that no count has settled."""
    inserted = "; ".join(
        f"{counted(each.inserted, 'row')} of the {each.stream.subject} (import configuration {each.configuration_id})"
        for each in doubts
    )
    if len(doubts) == 1:
        which, open_it = "its block was empty before, or now has", f"the block in Pigment: if it has {_rows(doubts[0])}"
    else:
        which = "each block was empty before, or now has"
        open_it = "each block in Pigment: if it has as many rows as were inserted"
    again = _how_to_repeat(doubts)
    return BlockDescribed(
        f"Pigment reports no deleted and no updated rows where a block was to be cleared, and as inserted: {inserted}. "
        f"Either {which} the rows of earlier syncs as well. Open {open_it}, all is right: {again}. If it has "
        'more, it was doubled: empty it, switch on "Clear items prior to import" for its import configuration, and '
        f'{again}. With an API key of the type "Export" the connector counts the rows by itself; if the import '
        'configurations do clear and Pigment does not count it, set "Count blocks" to never.'
    )


def _how_to_repeat(doubts: Sequence[Doubt]) -> str:
    """A refresh is over once it has failed: the next sync appends, and would add all rows once more."""
    refreshed = " and ".join(each.stream.subject for each in doubts if each.stream.is_refreshed)
    if not refreshed:
        return "run the sync again"
    return f"refresh the {refreshed} again in Airbyte, removing its records, because a sync would add its rows again"


def _rows(doubt: Doubt) -> str:
    return counted(doubt.expected_rows, "row")


def describe_believed(doubt: Doubt) -> str:
    """The warning where blocks are not to be counted, and the user's word is taken that the block is cleared."""
    return (
        f"No rows were deleted before {counted(doubt.inserted, 'row')} of the {doubt.stream.subject} came in. That is "
        'expected if the block was empty; otherwise "Clear items prior to import" is off in the import configuration '
        f"{doubt.configuration_id}, and the old rows are still there."
    )
