"""What a schedule can find: promises that were not kept."""

from __future__ import annotations

from enum import StrEnum

# The name under which a test records how many attempts its schedule made.
ATTEMPTS_MADE = "attempts of schedules"


class Broken(StrEnum):
    """The promises that a schedule looks at, by what became of them."""

    LOST = "lost"
    DOUBLED = "doubled"
    CHANGED = "changed"
    TOUCHED = "touched without proof"
    OTHER = "other"


class Finding(AssertionError):
    """A promise that was not kept, and for how many rows or blocks."""

    def __init__(self, broken: Broken, count: int = 1, words: str = "") -> None:
        super().__init__(f"{count} {broken}. {words}".rstrip())
        self.broken, self.count = broken, count
