"""Whether the primary key that the catalog claims holds in what is read: a sample said so, and a sample is not all."""

from __future__ import annotations

from array import array
from ctypes import CDLL
from itertools import islice
from operator import eq

from pigment_client.quantities import counted
from pigment_native.library import LIBRARY
from pigment_native.record_lines import count_repeated
from source_pigment.reading.records import RecordBlock

# Eight bytes a key: more of them would not fit into the memory that a sync may take.
_MOST_KEYS = 2_000_000


class KeyCheck:
    """Counts the keys that are blank in part, and those that came before, among the first two million."""

    def __init__(self, library: CDLL | None = LIBRARY) -> None:
        self._library = library
        # All mutable state.
        self._keys = array("Q")
        self._blank = 0

    def add(self, block: RecordBlock) -> None:
        """Take the keys of records that leave."""
        self._blank += block.blank_keys
        self._keys += block.keys[: _MOST_KEYS - len(self._keys)]

    def problem(self) -> str | None:
        """What is wrong with the key, in words; None where it holds."""
        blank = (self._blank, "record has a blank in it", "records have a blank in it")
        repeated = (self._count_repeated(), "record repeats one", "records repeat one")
        return " and ".join(counted(*each) for each in (blank, repeated) if each[0]) or None

    def _count_repeated(self) -> int:
        if self._library is not None:
            return count_repeated(self._library, self._keys)
        # A set would take three times the memory.
        keys = sorted(self._keys)
        return sum(map(eq, keys, islice(keys, 1, None)))
