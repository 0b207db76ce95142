"""What a replaced block contains: what was written to it, and what a count of its rows shows. Pure.

If a report leaves it open whether the block was cleared, the replacement is doubtful. All doubts are settled together
once everything is stored: by a count, or by the user.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from destination_pigment.imports.verdicts import BlockDescribed
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportedBlock
from pigment_client.wording import and_the, counted
from pigment_csv.totals import Totals


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a sync wrote to a block that it replaced as a whole, and that a count of its rows is compared with.

    `expected_rows` are the rows of its files less those rejected; `blocks` are those that reports name, or that of the
    target; `before` is how many rows it had, if they were counted. `is_doubtful`: rows were inserted and none updated
    or deleted, so the block was empty, or contains all rows twice now. `is_repeated`: the files were sent before as
    well, and whether those rows were stored is not known.
    """

    stream: DestinationStream
    configuration_id: str
    inserted: int
    expected_rows: int
    blocks: tuple[ImportedBlock, ...]
    before: int | None = None
    deleted: int = 0
    is_doubtful: bool = False
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a count of the rows of a block shows: the doubt is settled, a `problem`, or neither.

    `information` is for the log. `in_block` are the control totals of the block, where they are wanted.
    """

    is_settled: bool = False
    problem: ConfigProblem | None = None
    information: str = ""
    in_block: Totals | None = None


def judge_count(written: Replacement, rows_counted: int | None) -> Settlement:
    """What the number of rows in a block after its replacement shows; None if they could not be counted.

    The owner of the key may not see all rows: then fewer are counted than are there, and equal numbers prove nothing.
    """
    subject, expected = written.stream.subject, written.expected_rows
    if rows_counted is None:
        return Settlement()
    if rows_counted > expected:
        return Settlement(problem=_problem_of_more(written, rows_counted))
    sees_all = written.before is None or rows_counted - written.before == written.inserted - written.deleted
    found = f"The {subject} was counted in Pigment: {counted(rows_counted, 'row')}"
    if written.is_repeated and written.before is not None:
        # Half of the rows of two imports are as many as all rows of one.
        return Settlement(
            information=f"{found}, where {expected:,} were written. That proves nothing: an import whose result is not "
            "known may have added the same rows before, and the owner of the export API key may not see all rows."
        )
    if sees_all and rows_counted == expected:
        return Settlement(is_settled=True, information=f"{found}, as many as were written.")
    if sees_all and written.before == 0:
        return Settlement(is_settled=True, information=f"{found}, all of them inserted into an empty block.")
    return Settlement(
        information=f"{found}, where {expected:,} were written. That proves nothing: the owner of the export API key "
        "does not see all rows, or not all of them became rows of the block."
    )


def block_to_count(blocks: Collection[ImportedBlock]) -> ImportedBlock | None:
    """The block whose rows can be compared with those of a file; None if it is not exactly one.

    Of a metric that is one scenario, because its cells are exported by scenario.
    """
    different = set(blocks)
    return different.pop() if len(different) == 1 else None


def _problem_of_more(written: Replacement, rows_counted: int) -> BlockDescribed:
    return BlockDescribed(
        f"The {written.stream.subject} was counted in Pigment: its block has {counted(rows_counted, 'row')}, and this "
        f"sync wrote {written.expected_rows:,}. The block also contains rows of earlier syncs, or rows that did not "
        'come from Airbyte: look at it. If rows are there twice, empty it, switch on "Clear items prior to import" for '
        f"the import configuration {written.configuration_id} in Pigment, and {_how_to_repeat([written])}. If people "
        'add rows of their own to it, set "Count blocks" to never.'
    )


def problem_of_doubts(doubts: Sequence[Replacement]) -> ConfigProblem:
    """The one error for all doubts that no count has settled."""
    inserted = "; ".join(
        f"{counted(each.inserted, 'row')} of the {each.stream.subject} (import configuration {each.configuration_id})"
        for each in doubts
    )
    if len(doubts) == 1:
        block, as_many = "the block", counted(doubts[0].expected_rows, "row")
    else:
        block, as_many = "each block", "as many rows as were inserted"
    again = _how_to_repeat(doubts)
    # An equal number alone is no reason to run again: a block that was empty shows no difference, and the next sync
    # doubles it if the import configuration does not clear.
    return BlockDescribed(
        f"Pigment reports no deleted and no updated rows where a block was to be cleared, and as inserted: {inserted}. "
        f"Either {block} was empty before, or it now contains the rows of earlier syncs as well. Open {block} in "
        f'Pigment. If it has {as_many}, nothing is there twice: make sure that "Clear items prior to import" is on for '
        f"its import configuration, and {again}. If it has more, rows are there twice: empty it, switch on "
        f'"Clear items prior to import", and {again}. With an API key of the type "Export", the connector counts the '
        "rows itself. If the import configurations do clear and Pigment does not report it, set "
        '"Count blocks" to never.'
    )


def describe_believed(written: Replacement) -> str:
    """The warning if blocks are not to be counted, and the user's word is taken that the block is cleared."""
    return (
        f"No rows were deleted before {counted(written.inserted, 'row')} of the {written.stream.subject} came in. That "
        'is expected if the block was empty; otherwise "Clear items prior to import" is off in the import '
        f"configuration {written.configuration_id}, and the old rows are still there."
    )


def _how_to_repeat(doubts: Sequence[Replacement]) -> str:
    """A refresh is over once it has failed: the next sync appends, and would add all rows once more."""
    refreshed = and_the(each.stream.subject for each in doubts if each.stream.is_refreshed)
    if not refreshed:
        return "run the sync again"
    return f"refresh the {refreshed} again in Airbyte, removing the records, because a sync would add all rows again"
