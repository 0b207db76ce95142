"""Slices on threads: their order is kept, and a break of one that has not had its turn costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Event

import pytest

from pigment_client.errors import BrokenOff
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock
from source_pigment.reading.slices import Failed, Item, Reading, SliceFinished, Started


class Stream:
    """Two slices; the second breaks behind its first block, so often, while the first waits for that."""

    name = "S"
    slices = ({}, {})

    def __init__(self, breaks: int) -> None:
        self.progress = Progress("S")
        self._breaks = breaks
        self._broke = Event()

    def read(self, position: int) -> Iterator[RecordBlock]:
        if position == 0:
            assert self._broke.wait(10)
            yield self._block("0")
            return
        yield self._block("1a")
        if self._breaks:
            self._breaks -= 1
            self._broke.set()
            raise BrokenOff("export")
        yield self._block("1b")

    @staticmethod
    def _block(name: str) -> RecordBlock:
        return RecordBlock("S", name.encode(), 1, Counter())


def items_of(stream: Stream) -> list[Item]:
    return [item for _, item in Reading([(stream, 0)], num_workers=2)]  # type: ignore[list-item] # stands in for it


def told(items: list[Item]) -> list[str]:
    return [item.lines.decode() if isinstance(item, RecordBlock) else type(item).__name__ for item in items]


def test_a_slice_that_breaks_before_its_turn_begins_anew_in_its_turn() -> None:
    items = items_of(Stream(breaks=1))
    assert told(items) == ["Started", "0", "SliceFinished", "1a", "1b", "SliceFinished"]
    assert isinstance(items[0], Started)
    assert isinstance(items[-1], SliceFinished)


@pytest.mark.parametrize("breaks", [2, 5])
def test_a_slice_that_breaks_in_its_turn_fails(breaks: int) -> None:
    items = items_of(Stream(breaks))
    assert told(items)[:3] == ["Started", "0", "SliceFinished"]
    assert isinstance(items[-1], Failed)
