"""Both sides of a stream, cell by cell, and the table that the terminal shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from local_pigment.sample import CONSOLIDATION, PLANNING
from local_pigment.workspace import Workspace

Row = list[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many cells there are on the larger side, and how many of them differ."""

    cells: int
    different: int

    @property
    def verdict(self) -> str:
        """In two words."""
        return f"{self.cells} equal" if not self.different else f"{self.different} DIFFER"


def compare(workspace: Workspace, name: str) -> Comparison:
    """Compare a block of the one application with the block of the same name in the other."""
    return compare_rows(workspace.rows(name, PLANNING), workspace.rows(name, CONSOLIDATION))


def compare_rows(here: Iterable[Row], there: Iterable[Row]) -> Comparison:
    """Compare two sets of rows in sorted order.

    Imports that run side by side may create items of a list in another order, which is no part of the data.
    """
    left, right = sorted(here), sorted(there)
    nothing: list[str] = []
    different = 0
    for ours, theirs in zip_longest(left, right, fillvalue=nothing):
        different += sum(one != other for one, other in zip_longest(ours, theirs))
    return Comparison(max(sum(map(len, left)), sum(map(len, right))), different)


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their headings, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    return "\n".join(
        [
            _line(headings, widths),
            _line(["─" * width for width in widths], widths),
            *(_line(row, widths) for row in rows),
        ]
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *others))
