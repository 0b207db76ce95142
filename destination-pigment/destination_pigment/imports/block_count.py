"""When the rows of a block are counted: before a replacement, and where its report leaves a doubt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from destination_pigment.config import CountBlocks
from destination_pigment.imports.doubts import Replacement, Settlement, block_to_count, describe_believed, judge_count
from destination_pigment.imports.scope_guards import (
    RowsByValue,
    ScopeInBlock,
    Unread,
    compare_scope,
    describe_gone,
    describe_new,
    describe_not_compared,
    require_enough_of_each,
)
from destination_pigment.imports.verdicts import NotPushed
from destination_pigment.targets import Target
from pigment_client.models import ImportedBlock
from pigment_client.wording import counted
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")

# How many rows a block has; None, with a warning, if they cannot be counted.
Count = Callable[[ImportedBlock], int | None]

# How many rows of a block have each value of a column, by the name of the property, or why that cannot be read.
CountValues = Callable[[ImportedBlock, str], RowsByValue | Unread]

# The rows of a block and the sums of the properties with these names; None, with a warning, if it cannot be read.
TotalBlock = Callable[[ImportedBlock, Collection[str]], Totals | None]


class BlockCounts:
    """Counts blocks as the user wants it; with `total_block`, numbers are summed as well."""

    def __init__(
        self,
        count: Count,
        when: CountBlocks,
        count_values: CountValues | None = None,
        total_block: TotalBlock | None = None,
    ) -> None:
        self._count = count
        self._when = when
        self._count_values = count_values
        self._total_block = total_block

    def count_before(self, target: Target, rows: int, subject: str) -> int | None:
        """How many rows a block has before this number of rows replaces all of it, if it is known which block it is.

        Raises `NotPushed` if the rows are too few, or if that cannot be found out.
        """
        percent = target.minimum_percent
        if target.block_id is None or (percent is None and self._when is CountBlocks.NEVER):
            return None
        before = self._count(ImportedBlock(target.block_id))
        if percent is None:
            return before
        share = f'"Smallest share of rows (%)" of its target is {percent}'
        if before is None:
            raise NotPushed(
                f"The {subject} was not pushed, because {share} and the rows of its block could not be counted: see "
                'the log for the reason, and check "Block ID" and the API key of the type "Export".'
            )
        if 100 * rows < percent * before:
            raise NotPushed(
                f"The {subject} has {counted(rows, 'row')}, its block in Pigment has {before:,}, and {share}, so the "
                'block was left as it was: look at the source, or lower "Smallest share of rows (%)" under "Targets".'
            )
        return before

    def check_scope(self, target: Target, in_files: RowsByValue, subject: str) -> int | None:
        """Compare the rows of each value of a scope with the block before they replace those there.

        Returns how many rows the block has with these values, if enough of each are sent; None if no share is set.
        Raises `NotPushed` if those of one are too few, or if that cannot be found out. Logs which values only the block
        has.
        """
        scope, percent = target.scope, target.minimum_percent
        if target.block_id is None or scope is None or self._count_values is None:
            return None
        if percent is None and self._when is not CountBlocks.ALWAYS:
            return None
        read = self._count_values(ImportedBlock(target.block_id), scope)
        found = read if isinstance(read, Unread) else compare_scope(in_files, read)
        if percent is not None:
            # A protected value stops the load itself, whatever its rows.
            asked = {value: rows for value, rows in in_files.items() if not target.protects_in_scope(value)}
            require_enough_of_each(subject, scope, percent, asked, found)
        if isinstance(found, ScopeInBlock):
            # A protected value, such as a closed month, is not expected from the source.
            if gone := {value: rows for value, rows in found.gone.items() if not target.protects_in_scope(value)}:
                logger.warning(describe_gone(subject, scope, gone))
            if percent is not None:
                if not all(found.rows.values()):
                    logger.info(describe_new(subject, scope, found))
                return sum(found.rows.values())
        else:
            logger.info(describe_not_compared(subject, scope, found))
        return None

    def must_count(self, replacement: Replacement) -> bool:
        """Whether the block of a replacement is counted before its states may leave.

        Logs a warning where the user's word is taken that the block was cleared.
        """
        if self._when is CountBlocks.NEVER:
            if replacement.is_doubtful:
                logger.warning(describe_believed(replacement))
            return False
        return replacement.is_doubtful or self._when is CountBlocks.ALWAYS

    def count_after(self, blocks: Collection[ImportedBlock]) -> int | None:
        """How many rows a replaced block has now; None if it is not counted."""
        block = block_to_count(blocks)
        if block is None or self._when is CountBlocks.NEVER:
            return None
        return self._count(block)

    def settle(self, replacement: Replacement) -> Settlement:
        """What a count of the block shows."""
        in_block: Totals | None = None
        block = block_to_count(replacement.blocks)
        if self._total_block is None or block is None:
            rows = self.count_after(replacement.blocks)
        else:
            in_block = self._total_block(block, replacement.stream.number_columns)
            rows = None if in_block is None else in_block.rows
        settlement = judge_count(replacement, rows)
        if settlement.information:
            logger.info(settlement.information)
        return replace(settlement, in_block=in_block)
