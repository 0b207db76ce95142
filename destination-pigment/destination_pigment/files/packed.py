"""What is remembered of many keys, in few bytes for each; it never takes more memory than `size_bytes` says.

Everything is in parts of limited size, because what grows is copied, and for a moment in memory twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof

# As many keys as fit into a dictionary of 2**18 places, of which it fills two thirds.
_PART_KEYS = (1 << 19) // 3

# CPython: what an object of bytes takes in addition to its content, rounded up to 16 bytes; and what a number takes.
_BYTES_OBJECT = getsizeof(b"") + 15
_NUMBER_OBJECT = 32


class KeyTable:
    """Numbers keys in the order in which they are added."""

    def __init__(self) -> None:
        # Mutable state: the number of each key within its part; the numbers for a part, which from the second one on
        # are the objects that are already in the first; and the bytes that the keys take.
        self._parts: list[dict[bytes, int]] = [{}]
        self._numbers: Sequence[int] = range(_PART_KEYS)
        self._key_bytes = 0

    def __len__(self) -> int:
        return (len(self._parts) - 1) * _PART_KEYS + len(self._parts[-1])

    @property
    def size_bytes(self) -> int:
        """The most memory that the keys take."""
        last = self._parts[-1]
        # While a dictionary is copied into one twice as large, both are in memory.
        growth = 2 * getsizeof(last) if len(last) <= _PART_KEYS // 2 else 0
        numbers = _NUMBER_OBJECT * len(self._parts[0]) + (getsizeof(self._numbers) if len(self._parts) > 1 else 0)
        return self._key_bytes + numbers + sum(map(getsizeof, self._parts)) + growth

    def are_new(self, keys: Sequence[bytes]) -> bool:
        """Whether none of these keys is here."""
        return all(part.keys().isdisjoint(keys) for part in self._parts)

    def find(self, keys: Sequence[bytes]) -> list[int | None]:
        """The numbers of keys, None for those that are not here."""
        found = list(map(self._parts[0].get, keys))
        for index, part in enumerate(self._parts[1:], 1):
            if not part.keys().isdisjoint(keys):
                for place, number in enumerate(map(part.get, keys)):
                    if number is not None:
                        found[place] = index * _PART_KEYS + number
        return found

    def add(self, keys: Sequence[bytes]) -> None:
        """Add different keys that are not here, under the next numbers."""
        self._key_bytes += sum(map(len, keys)) + _BYTES_OBJECT * len(keys)
        while keys:
            last = self._parts[-1]
            if len(last) == _PART_KEYS:
                self._numbers = tuple(self._parts[0].values())
                self._parts.append(last := {})
            begin = len(last)
            last.update(zip(keys, self._numbers[begin : begin + len(keys)], strict=False))
            keys = keys[len(last) - begin :]


class PackedTexts:
    """Short texts by number."""

    def __init__(self) -> None:
        self._parts = [_Part()]

    @property
    def size_bytes(self) -> int:
        """The most memory that the texts take."""
        return sum(part.size_bytes for part in self._parts)

    def text(self, number: int) -> str:
        """The text under a number."""
        part, place = divmod(number, _Part.MOST)
        return self._parts[part].text(place)

    def replace(self, number: int, text: str) -> None:
        """Put another text under a number."""
        part, place = divmod(number, _Part.MOST)
        self._parts[part].replace(place, text)

    def extend(self, texts: Sequence[str]) -> None:
        """Add texts under the next numbers."""
        while texts:
            room = _Part.MOST - self._parts[-1].count
            if room == 0:
                self._parts.append(_Part())
                continue
            self._parts[-1].extend(texts[:room])
            texts = texts[room:]


class _Part:
    """Texts by number, each in as many bytes as the longest of them; what is longer than 48 bytes is kept apart."""

    MOST = 1 << 16
    _LONGEST = 48
    # What a text that is kept apart takes in addition: its number and its place in a dictionary, also while that grows.
    _ENTRY_BYTES = 200

    def __init__(self) -> None:
        # Mutable state: how many texts there are, the width, the texts, and those that do not fit, with their size.
        self.count = 0
        self._width = 0
        self._packed = bytearray()
        self._long: dict[int, str] = {}
        self._long_bytes = 0

    @property
    def size_bytes(self) -> int:
        return getsizeof(self._packed) + self._long_bytes

    def text(self, number: int) -> str:
        if number in self._long:
            return self._long[number]
        at = number * self._width
        return self._packed[at : at + self._width].rstrip(b"\0").decode()

    def extend(self, texts: Sequence[str]) -> None:
        joined, longest = "".join(texts), max(map(len, texts), default=0)
        if joined.isascii() and "\0" not in joined and longest <= self._LONGEST:
            self._widen(longest)
            if len(joined) < self._width * len(texts):
                joined = "".join([text.ljust(self._width, "\0") for text in texts])
            self._packed += joined.encode()
            self.count += len(texts)
            return
        for text in texts:
            self._packed += bytes(self._width)
            self.count += 1
            self.replace(self.count - 1, text)

    def replace(self, number: int, text: str) -> None:
        at = number * self._width
        if len(text) == self._width and text.isascii() and "\0" not in text and not self._long:
            self._packed[at : at + self._width] = text.encode()
            return
        if (before := self._long.pop(number, None)) is not None:
            self._long_bytes -= self._ENTRY_BYTES + getsizeof(before)
        # Half of a surrogate pair is not printable either, and cannot be encoded.
        encoded = text.encode() if text.isprintable() else b""
        if len(encoded) > self._LONGEST or not text.isprintable():
            self._long[number], encoded = text, b""
            self._long_bytes += self._ENTRY_BYTES + getsizeof(text)
        self._widen(len(encoded))
        at = number * self._width
        self._packed[at : at + self._width] = encoded.ljust(self._width, b"\0")

    def _widen(self, width: int) -> None:
        before = self._width
        if width > before:
            widened = bytearray(width * self.count)
            for place in range(before):
                widened[place::width] = self._packed[place::before]
            self._packed, self._width = widened, width
