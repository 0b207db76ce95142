"""Runs the ways through a case, in turn, and hands over what they cost."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.checkouts import Checkout
from benchmarks.measure import Command, Figures, RunFailed, run_once

# The plain way gets a part of the rows: it is linear, and slow.
_PLAIN_PART = 5

PLAIN = "plain"
# Precedes the name of a library.
PEER = "peer: "
# Follows the name of a checkout.
WITHOUT = ", no library"


@dataclass(frozen=True, slots=True)
class Options:
    """How much is run; `floors` is their program, if there was a compiler, `peers` a Python with the peers."""

    rows: int
    times: int
    checkouts: tuple[Checkout, ...]
    cases: tuple[str, ...] = ()
    floors: str | None = None
    peers: str | None = None

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


@dataclass(frozen=True, slots=True)
class Case:
    """What is run by several ways: a command or a sync; `start` names the case of few rows that is its start-up."""

    connector: str
    name: str
    start: str = ""
    size: int = 0


@dataclass(slots=True)
class Runs:
    """What the ways cost, by case and name; what failed, with the reason."""

    figures: dict[tuple[Case, str], list[Figures]] = field(default_factory=dict)
    rows: dict[tuple[Case, str], int] = field(default_factory=dict)
    failures: dict[tuple[Case, str], str] = field(default_factory=dict)

    def run(self, case: Case, ways: Sequence[Way], *, disk: bool = False) -> None:
        """Run the ways in turn, so that what disturbs the machine disturbs all of them; one that fails is left out."""
        began = time.perf_counter()
        failed: set[str] = set()
        for number in range(max((way.times for way in ways), default=0)):
            for way in ways:
                if number < way.times and way.name not in failed and not self._runs(case, way, disk):
                    failed.add(way.name)
        size = f", {case.size:,} rows" if case.size else ""
        seconds = time.perf_counter() - began
        print(f"{case.connector}, {case.name}{size}: {seconds:.0f} s", file=sys.stderr, flush=True)

    def _runs(self, case: Case, way: Way, disk: bool) -> bool:
        """Run a way once; whether it ended as it should."""
        self.rows[case, way.name] = way.rows
        try:
            figures = run_once(way.command, disk=disk)
        except RunFailed as failure:
            self.failures[case, way.name] = str(failure)
            print(f"{case.connector}, {case.name}, {way.name}: {failure}", file=sys.stderr, flush=True)
            return False
        self.figures.setdefault((case, way.name), []).append(figures)
        return True

    def start_of(self, case: Case, way: str) -> list[Figures]:
        """What the way's sync of hardly any rows cost; without the library, what it cost with it."""
        return self.figures.get((Case(case.connector, case.start), way.removesuffix(WITHOUT)), [])


def plain_rows(rows: int) -> int:
    """How many rows the plain way moves."""
    return max(rows // _PLAIN_PART, 1)
