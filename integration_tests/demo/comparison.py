"""Both sides of a stream, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

from fake_pigment.sample import CONSOLIDATION, PLANNING
from fake_pigment.workspace import Workspace


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
    """Compare a block of the one application with the block of the same name in the other, row by row in order."""
    left, right = workspace.rows(name, PLANNING), workspace.rows(name, CONSOLIDATION)
    different = 0
    for position in range(max(len(left), len(right))):
        here = left[position] if position < len(left) else []
        there = right[position] if position < len(right) else []
        width = max(len(here), len(there))
        different += sum(here[cell : cell + 1] != there[cell : cell + 1] for cell in range(width))
    return Comparison(max(sum(map(len, left)), sum(map(len, right))), different)
