"""When the rows of a block are counted: before a replacement, and where its report leaves a doubt."""

from __future__ import annotations

import logging
from collections.abc import Callable

from destination_pigment.config import CountBlocks
from destination_pigment.imports.doubts import Settlement, block_to_count, describe_believed, judge_count
from destination_pigment.imports.verdicts import Doubt, NotPushed
from destination_pigment.targets import Target
from pigment_client.models import ImportedBlock
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How many rows a block has; None, with a warning, where they cannot be counted.
Count = Callable[[ImportedBlock | str], int | None]


class BlockCounts:
    """Counts blocks as the user wants it."""

    def __init__(self, count: Count, when: CountBlocks) -> None:
        self._count = count
        self._when = when

    def count_before(self, target: Target, rows: int, subject: str) -> int | None:
        """How many rows a block has before this number of rows replaces all of it, if it is known which block it is.

        Raises `NotPushed` where the rows are too few, or where that cannot be found out.
        """
        percent = target.minimum_percent
        if target.block_id is None or (percent is None and self._when is CountBlocks.NEVER):
            return None
        before = self._count(target.block_id)
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

    def believes(self, doubt: Doubt) -> bool:
        """Whether the user's word is taken that the block was cleared; logs a warning then."""
        if self._when is CountBlocks.NEVER:
            logger.warning(describe_believed(doubt))
        return self._when is CountBlocks.NEVER

    @property
    def counts_always(self) -> bool:
        """Whether a block is counted after every replacement of all of it."""
        return self._when is CountBlocks.ALWAYS

    def count_after(self, blocks: tuple[ImportedBlock, ...], block_id: str | None) -> int | None:
        """How many rows a block has now: the one that reports name, else the one of the target."""
        block = block_to_count(blocks) if blocks else block_id
        if block is None or self._when is CountBlocks.NEVER:
            return None
        return self._count(block)

    def settle(self, doubt: Doubt, block_id: str | None) -> Settlement:
        """What a count of the block shows."""
        settlement = judge_count(doubt, self.count_after(doubt.blocks, block_id))
        if settlement.information:
            logger.info(settlement.information)
        return settlement
