"""Rows of files and rows of a block compared by their key, in a private database on disk.

Of each row only digests are kept, so a million rows of 12 columns take some 85 MB of disk and little memory.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from struct import pack, unpack
from zlib import crc32

import msgspec

from destination_pigment.imports.scope_guards import form_of

Cells = Sequence[str | None]

# In KiB of memory for pages of the database.
_CACHE_KIB = 32_000

# How many keys of either side are looked at for how they are written.
_FORMS_OF = 20_000

# Before the digests of single columns, the one of the whole row.
_ROW_BYTES = 8


@dataclass(frozen=True, slots=True)
class KeysCompared:
    """How many keys are only in the files, in both with the same row, in both with another, and only in the block.

    `changed_by_column` counts the rows that differ in a column. `repeated` are rows of the block whose key another one
    has, too. `is_alike`: the keys are written in the same way in both, so that these numbers mean something.
    """

    new: int
    unchanged: int
    changed: int
    gone: int
    repeated: int
    is_alike: bool
    changed_by_column: dict[str, int] = field(default_factory=dict)


class RowComparison:
    """Compares rows by key; `columns` are those that are compared besides the key.

    The database is a file at `path`, which must be in a private folder.
    """

    def __init__(self, path: Path, key: Sequence[str], columns: Sequence[str]) -> None:
        self.key = tuple(key)
        self.columns = tuple(columns)
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None)
        for setting in ("journal_mode=OFF", "synchronous=OFF", "temp_store=MEMORY", f"cache_size=-{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE files (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")
        # Mutable state: the forms of the keys on either side and how many were looked at; rows of the block.
        self._forms: tuple[set[str], set[str]] = (set(), set())
        self._looked_at = [0, 0]
        self.clear_block()

    def clear_block(self) -> None:
        """Forget the rows of the block: its export begins again."""
        self._database.execute("DROP TABLE IF EXISTS block")
        self._database.execute("CREATE TABLE block (key BLOB PRIMARY KEY, row BLOB, replaced INTEGER) WITHOUT ROWID")
        self._block_rows = 0
        self._forms[1].clear()
        self._looked_at[1] = 0

    def add_file_rows(self, keys: Sequence[Cells], rows: Sequence[Cells]) -> None:
        """Add rows of a file, the cells of the key apart from the others; a later row of a key replaces one before."""
        self._look_at(0, keys)
        last_of_each = dict(zip(map(_digest, keys), map(_digest_by_column, rows), strict=True))
        self._insert("INSERT OR REPLACE INTO files VALUES (?, ?)", last_of_each.items())

    def add_block_rows(self, keys: Sequence[Cells], rows: Sequence[Cells], replaced: Sequence[bool]) -> None:
        """Add rows of the block, each with whether the load replaces it."""
        self._look_at(1, keys)
        self._block_rows += len(keys)
        digests = zip(map(_digest, keys), map(_digest_by_column, rows), replaced, strict=True)
        self._insert("INSERT OR IGNORE INTO block VALUES (?, ?, ?)", digests)

    def compared(self) -> KeysCompared:
        """What the rows that were added have in common."""
        in_files, in_block = self._count("FROM files"), self._count("FROM block")
        both = self._count("FROM files JOIN block USING (key)")
        different = self._database.execute(
            "SELECT files.row, block.row FROM files JOIN block USING (key) WHERE files.row <> block.row"
        )
        changed, by_column = 0, Counter[str]()
        for one, other in different:
            changed += 1
            by_column.update(self._different_columns(one, other))
        return KeysCompared(
            new=in_files - both,
            unchanged=both - changed,
            changed=changed,
            gone=self._count(
                "FROM block WHERE replaced AND NOT EXISTS (SELECT 1 FROM files WHERE files.key = block.key)"
            ),
            repeated=self._block_rows - in_block,
            is_alike=not in_block or 2 * both >= in_files or self._are_forms_known,
            changed_by_column={each: by_column[each] for each in self.columns if by_column[each]},
        )

    def close(self) -> None:
        """Close the database."""
        with suppress(sqlite3.Error):
            self._database.close()

    @property
    def _are_forms_known(self) -> bool:
        """Whether each key of the files has the form of one in the block; words alone have none."""
        of_files, of_block = self._forms
        return of_files <= of_block and all("9" in each for each in of_files)

    def _look_at(self, side: int, keys: Sequence[Cells]) -> None:
        left = _FORMS_OF - self._looked_at[side]
        if left > 0:
            self._looked_at[side] += len(keys)
            self._forms[side].update(form_of("\x1f".join(cell or "" for cell in each)) for each in keys[:left])

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        # In the order of the keys, neighbours go to the same pages.
        self._database.executemany(statement, sorted(rows))
        self._database.execute("COMMIT")

    def _count(self, what: str) -> int:
        (count,) = self._database.execute(f"SELECT count(*) {what}").fetchone()
        return int(count)

    def _different_columns(self, one: bytes, other: bytes) -> list[str]:
        form = f"<{len(self.columns)}I"
        digests = zip(self.columns, unpack(form, one[_ROW_BYTES:]), unpack(form, other[_ROW_BYTES:]), strict=True)
        return [column for column, before, after in digests if before != after]


def _digest(cells: Cells) -> bytes:
    return blake2b(msgspec.msgpack.encode(cells), digest_size=16).digest()


def _digest_by_column(cells: Cells) -> bytes:
    """A digest of the row, and one of each cell, which says which of them differ."""
    whole = blake2b(msgspec.msgpack.encode(cells), digest_size=_ROW_BYTES).digest()
    return whole + pack(f"<{len(cells)}I", *[crc32(cell.encode()) if cell else 0 for cell in cells])
