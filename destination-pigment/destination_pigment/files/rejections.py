"""What is rejected on arrival, as a value: the reason and what the records held. Pure.

Every record that does not become a row of a file passes `StreamFiles.reject` as one of these, whoever found it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from destination_pigment.files.rows import Column
from destination_pigment.input.configured_streams import DestinationStream


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as columns of cells, in the order of a header."""

    header: tuple[str, ...]
    columns: Sequence[Column]
    count: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """Records that are rejected for one reason.

    `rejected` are rows with their cells as they came, or one record that is no row, as the bytes that came: its data,
    or the whole line where even that cannot be read.
    """

    reason: str
    rejected: Rows | bytes

    @property
    def count(self) -> int:
        """How many records."""
        return 1 if isinstance(self.rejected, bytes) else self.rejected.count


OnRejected = Callable[[DestinationStream, Rejection], None]


def leave_out(_stream: DestinationStream, _rejection: Rejection) -> None:
    """Keep nothing of what is rejected: it is counted and said, and its values are in nobody's hands."""
