"""Whether the primary key that the catalog claims holds in what is read: a sample said so, and a sample is not all."""

from __future__ import annotations

from array import array

from pigment_client.quantities import counted
from source_pigment.reading.records import RecordBlock

# Eight bytes a key: more of them would not fit into the memory that a sync may take.
_MOST_KEYS = 2_000_000

# So many records may have been made without pyarrow, which is not loaded for this.
_FEW_KEYS = 100_000


class KeyCheck:
    """Counts the keys that are blank in part, and those that came before, among the first two million."""

    def __init__(self) -> None:
        # All mutable state.
        self._keys = array("q")
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
        if len(self._keys) < _FEW_KEYS:
            return len(self._keys) - len(set(self._keys))
        # Loaded already by whatever made so many keys; a set of Python's would take ten times the memory.
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        keys = pa.Array.from_buffers(pa.int64(), len(self._keys), [None, pa.py_buffer(self._keys)])
        return len(self._keys) - int(pc.count_distinct(keys).as_py())
