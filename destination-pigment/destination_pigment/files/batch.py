"""How full a file is: a push is added, fills the file, or overflows it and stays with the caller. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Pushed(Enum):
    """What became of the rows."""

    ADDED = auto()
    FULL = auto()
    OVERFLOW = auto()


@dataclass(slots=True)
class Batch:
    """The rows of one file, counted in rows and encoded bytes, the header line included."""

    max_bytes: int
    max_rows: int
    header_bytes: int
    rows: int = 0
    row_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.header_bytes + self.row_bytes

    def push(self, rows: int, size_bytes: int) -> Pushed:
        """Count the rows if they fit: a single row fits into an empty file, because it cannot be made smaller."""
        fits = self.rows + rows <= self.max_rows and self.size_bytes + size_bytes <= self.max_bytes
        if not fits and not (self.rows == 0 and rows == 1):
            return Pushed.OVERFLOW
        self.rows += rows
        self.row_bytes += size_bytes
        full = self.rows >= self.max_rows or self.size_bytes >= self.max_bytes
        return Pushed.FULL if full else Pushed.ADDED
