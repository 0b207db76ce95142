"""The files of a reload that Pigment has stored, and what their reports say of the block together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from destination_pigment.imports.doubts import Replacement
from destination_pigment.imports.queue import JobDone
from destination_pigment.imports.verdicts import Imported
from destination_pigment.input.catalog import DestinationStream
from pigment_client.models import ExportKind, ImportedBlock
from pigment_csv.totals import Totals


@dataclass(slots=True)
class StoredFiles:
    """The reports of the files, in their order, each with how many of its rows Pigment rejected.

    `is_doubtful`: the report of the one that clears leaves open whether it did. `is_repeated`: files were sent before
    these, and whether their rows were stored is not known.
    """

    reports: list[tuple[Imported, int]] = field(default_factory=list)
    is_doubtful: bool = False
    is_repeated: bool = False

    @property
    def rejected(self) -> int:
        """How many rows Pigment rejected."""
        return sum(rejected for _, rejected in self.reports)

    @property
    def blocks(self) -> tuple[ImportedBlock, ...]:
        """The blocks that the reports name, each once."""
        return tuple(dict.fromkeys(block for done, _ in self.reports for block in done.blocks))

    @property
    def deleted_nothing(self) -> bool:
        """Whether Pigment reports for each file that it deleted no row."""
        return all(done.deleted == 0 for done, _ in self.reports)

    def replacement(
        self, stream: DestinationStream, clearing_id: str, rows: int, before: int | None, block_id: str | None
    ) -> Replacement:
        """What a count of the block is compared with; `rows` are those of the files."""
        counts = [done.counts for done, _ in self.reports if done.counts is not None]
        written, expected_rows = sum(done.written for done, _ in self.reports), rows - self.rejected
        blocks = self.countable(block_id)
        # An export has a row for each cell of a metric; a blank is no cell, and a pivoted file has many in a row.
        if written > expected_rows or any(each.kind is ExportKind.METRIC for each in blocks):
            expected_rows = written
        return Replacement(
            stream,
            clearing_id,
            sum(each.inserted for each in counts),
            expected_rows,
            blocks,
            before,
            sum(each.deleted or 0 for each in counts),
            is_doubtful=self.is_doubtful,
            is_repeated=self.is_repeated,
        )

    def countable(self, block_id: str | None) -> tuple[ImportedBlock, ...]:
        """The blocks that can be counted: those that the reports name, else that of the target."""
        return self.blocks or (() if block_id is None else (ImportedBlock(block_id),))

    def job_done(
        self, *, to_count: Replacement | None = None, scope_values: frozenset[str | None] = frozenset()
    ) -> JobDone:
        """The result of the job whose files these are."""
        totals: Totals | None = None
        for done, _ in self.reports:
            if done.totals is not None:
                totals = totals or Totals()
                totals.add_totals(done.totals)
        return JobDone(self.rejected, to_count=to_count, blocks=self.blocks, scope_values=scope_values, totals=totals)
