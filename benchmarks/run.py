"""Runs the ways through a case, in turn, and hands over what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Command, Figures, run_once

# The plain way gets a part of the rows: it is linear, and slow.
_PLAIN_PART = 5


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of this project with an environment of its own, and what the table calls it."""

    name: str
    folder: Path

    def script(self, connector: str) -> str:
        """The connector's console script."""
        return str(self.folder / ".venv" / "bin" / connector)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is run."""

    rows: int
    times: int
    checkouts: tuple[Checkout, ...]
    cases: tuple[str, ...] = ()

    def chooses(self, case: str) -> bool:
        """Whether a case is run."""
        return not self.cases or any(each in case for each in self.cases)


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a case: its command, how many rows it moves, and how often it is run."""

    name: str
    command: Command
    rows: int
    times: int = 1


@dataclass(slots=True)
class Runs:
    """What the ways cost, by command or case."""

    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(self, case: str, ways: Sequence[Way]) -> None:
        """Run the ways in turn, so that what disturbs the machine disturbs all of them."""
        for number in range(max(way.times for way in ways)):
            for way in ways:
                if number < way.times:
                    self.figures.setdefault((case, way.name), []).append(run_once(way.command))
                    self.rows[case, way.name] = way.rows


def plain_rows(rows: int) -> int:
    """How many rows the plain way moves."""
    return max(rows // _PLAIN_PART, 1)
