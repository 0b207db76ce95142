"""Which edges of the C code a case runs through, where the library was built to count them."""

from __future__ import annotations

import ctypes

# How often an edge was run through, in eight classes.
_CLASSES = bytes(0 if not n else 1 << min(7, n.bit_length() - 1) for n in range(256))


class Coverage:
    """What all cases so far have run through."""

    def __init__(self, library: ctypes.CDLL) -> None:
        try:
            begin = ctypes.c_void_p.in_dll(library, "counters_begin").value or 0
            end = ctypes.c_void_p.in_dll(library, "counters_end").value or 0
        except ValueError:
            begin = end = 0
        self.edges = end - begin
        self._begin = begin
        # Mutable state: a bit for each class of each edge.
        self._seen = 0

    def is_new(self) -> bool:
        """Whether what ran since the last question went where none went before."""
        counted = ctypes.string_at(self._begin, self.edges) if self.edges else b""
        ctypes.memset(self._begin, 0, self.edges)
        found = int.from_bytes(counted.translate(_CLASSES), "little")
        new = bool(found & ~self._seen)
        self._seen |= found
        return new

    def reached(self) -> int:
        """How many edges were run through at all."""
        return sum(map(bool, self._seen.to_bytes(self.edges, "little")))
