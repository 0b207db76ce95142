"""What went to a destination, row by row, and how much of it no state that came back speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from airbyte_platform.process import Message

Row = tuple[str, ...]


@dataclass(slots=True)
class PassedOn:
    """The rows of one stream in their order, and how many of them went before which state."""

    rows: list[Row] = field(default_factory=list)
    _before: dict[int, int] = field(default_factory=dict)

    def state(self, state: Message) -> None:
        """A state goes."""
        self._before[state["id"]] = len(self.rows)

    def unreported(self, back: Iterable[Message]) -> Counter[Row]:
        """The rows behind the last state that came back: whoever repeats the attempt sends them again."""
        return Counter(self.rows[max((self._before[each["id"]] for each in back), default=0) :])
