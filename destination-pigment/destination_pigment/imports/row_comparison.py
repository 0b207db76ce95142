"""Rows of files and rows of a block compared by their key.

Of each row only digests are kept. They are spread over files by their key, and the two files of a part are compared in
memory: a million rows of 12 columns take some 75 MB of disk on either side and little memory. The digests are Python's
own hashes of 64 bits (SipHash): two of a million keys are taken for one in one of 30 million runs.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

from destination_pigment.imports.comparable import CellColumns, Cells
from destination_pigment.imports.scope_guards import form_of

# The files of either side. A hundred million rows then take some 140 MB of memory while they are compared.
_PARTS = 128
_BUFFER_BYTES = 1 << 15

# How many keys of either side are looked at for how they are written.
_FORMS_OF = 20_000

# Of a row: the digest of its key, whether it is marked, the digests of all its cells and of their loose forms.
_HEAD = "<q?qq"
_KEY_BYTES = 8
_EXACT, _LOOSE = slice(9, 17), slice(17, 25)


@dataclass(frozen=True, slots=True)
class KeysCompared:
    """How many keys are only in the files, in both with the same row, in both with another, and rows only in the block.

    `changed_by_column` counts the rows that differ in a column. Of the `unchanged`, `written_otherwise` differ only in
    how a number or a date is written. `emptied` are rows of the block whose values the files blank. `elsewhere` are
    rows of the block with a key of the files that the load does not clear. `repeated` are rows of the block whose key
    another one has, too, and `repeated_in_files` those of the files. `is_alike`: the keys are written in the same way
    in both, so that these numbers mean something.
    """

    new: int = 0
    unchanged: int = 0
    changed: int = 0
    gone: int = 0
    emptied: int = 0
    elsewhere: int = 0
    written_otherwise: int = 0
    repeated: int = 0
    repeated_in_files: int = 0
    is_alike: bool = True
    changed_by_column: Mapping[str, int] = field(default_factory=dict)


class RowComparison:
    """Compares rows by key; `columns` are those that are compared, without the key.

    Its files go into a new folder at `path`.
    """

    def __init__(self, path: Path, key: Sequence[str], columns: Sequence[str]) -> None:
        self.key = tuple(key)
        self.columns = tuple(columns)
        self._record = Struct(f"{_HEAD}{len(self.columns)}i")
        self._path = path
        path.mkdir(mode=0o700)
        self._files, self._block = _Side(path, "files"), _Side(path, "block")

    def clear_block(self) -> None:
        """Forget the rows of the block: its export begins again."""
        self._block.clear()

    def add_file_rows(self, columns: CellColumns, count: int, blank: Sequence[bool] | None = None) -> None:
        """Add rows of a file; a later row of a key replaces one before. `blank` tells which ones delete their cell."""
        self._add(self._files, columns, count, blank or [False] * count)

    def add_block_rows(self, columns: CellColumns, count: int, replaced: Sequence[bool]) -> None:
        """Add rows of the block, each with whether the load clears it."""
        self._add(self._block, columns, count, replaced)

    def compared(self) -> KeysCompared:
        """What the rows that were added have in common."""
        self._files.flush()
        self._block.flush()
        found, by_column = Counter[str](), Counter[str]()
        for part in range(_PARTS):
            self._compare_part(self._files.read(part), self._block.read(part), found, by_column)
        in_block, in_files = found.pop("in block"), found.pop("in files")
        both = found.pop("both")
        return KeysCompared(
            **found,
            is_alike=not in_block or 2 * both >= in_files or self._are_forms_known,
            changed_by_column={each: by_column[each] for each in self.columns if by_column[each]},
        )

    def remove(self) -> None:
        """Remove its files."""
        shutil.rmtree(self._path, ignore_errors=True)

    @property
    def _are_forms_known(self) -> bool:
        """Whether each key of the files has the form of one in the block; words alone have none."""
        return self._files.forms <= self._block.forms and all("9" in each for each in self._files.forms)

    def _add(self, side: _Side, columns: CellColumns, count: int, marks: Sequence[bool]) -> None:
        blank: Cells = [None] * count
        keys = _rows([columns.exact.get(each, blank) for each in self.key], count)
        side.look_at(keys)
        exact = _rows([columns.exact.get(each, blank) for each in self.columns], count)
        loose = [columns.loose.get(each, blank) for each in self.columns]
        digests = list(map(hash, keys))
        whole = map(hash, exact), map(hash, _rows(loose, count))
        side.add(digests, map(self._record.pack, digests, marks, *whole, *map(_short_digests, loose)))

    def _compare_part(self, files: bytes, block: bytes, found: Counter[str], by_column: Counter[str]) -> None:
        """Count what the rows of one part have in common."""
        size = self._record.size
        places = {files[at : at + _KEY_BYTES]: at for at in range(0, len(files), size)}
        seen: set[bytes] = set()
        for at in range(0, len(block), size):
            row = block[at : at + size]
            key = row[:_KEY_BYTES]
            place = places.get(key)
            if place is None:
                found["gone"] += row[_KEY_BYTES]
            elif key not in seen:
                self._compare_row(files[place : place + size], row, found, by_column)
            found["repeated"] += key in seen
            seen.add(key)
        of_files = [place for key, place in places.items() if key not in seen]
        found["new"] += sum(not files[place + _KEY_BYTES] for place in of_files)
        found["repeated_in_files"] += len(files) // size - len(places)
        found["in files"] += len(places)
        found["in block"] += len(seen)
        found["both"] += len(places) - len(of_files)

    def _compare_row(self, ours: bytes, theirs: bytes, found: Counter[str], by_column: Counter[str]) -> None:
        found["elsewhere"] += not theirs[_KEY_BYTES]
        if ours[_KEY_BYTES]:
            found["emptied"] += 1
        elif ours[_LOOSE] == theirs[_LOOSE]:
            found["unchanged"] += 1
            found["written_otherwise"] += ours[_EXACT] != theirs[_EXACT]
        else:
            found["changed"] += 1
            digests = zip(self.columns, self._record.unpack(ours)[4:], self._record.unpack(theirs)[4:], strict=True)
            by_column.update(column for column, before, after in digests if before != after)


class _Side:
    """The digests of the rows of one side, in files by their key, and how its first keys are written."""

    def __init__(self, folder: Path, name: str) -> None:
        self._paths = [folder / f"{name}-{part}" for part in range(_PARTS)]
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self._buffers = [bytearray() for _ in self._paths]
        self.forms: set[str] = set()
        self._looked_at = 0
        for path in self._paths:
            path.unlink(missing_ok=True)

    def look_at(self, keys: Sequence[Cells]) -> None:
        """Note how keys are written."""
        left = _FORMS_OF - self._looked_at
        if left > 0:
            self._looked_at += len(keys)
            self.forms.update(form_of("\x1f".join(cell or "" for cell in each)) for each in keys[:left])

    def add(self, digests: Sequence[int], records: Iterable[bytes]) -> None:
        """Add a record for each key."""
        buffers = self._buffers
        for digest, record in zip(digests, records, strict=True):
            buffers[digest % _PARTS] += record
        for part, buffer in enumerate(buffers):
            if len(buffer) > _BUFFER_BYTES:
                self._write(part)

    def flush(self) -> None:
        """Write all that is in memory."""
        for part in range(_PARTS):
            self._write(part)

    def read(self, part: int) -> bytes:
        """The records of a part, in their order."""
        path = self._paths[part]
        return path.read_bytes() if path.exists() else b""

    def _write(self, part: int) -> None:
        path, buffer = self._paths[part], self._buffers[part]
        if buffer:
            path.touch(mode=0o600)
            with path.open("ab") as file:
                file.write(buffer)
            buffer.clear()


def _rows(columns: Sequence[Cells], count: int) -> list[tuple[str | None, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * count


def _short_digests(cells: Cells) -> list[int]:
    """The lower half of the digest of each cell, which only says in which columns two rows differ."""
    return [(hash(cell) & 0xFFFFFFFF) - 0x80000000 for cell in cells]
