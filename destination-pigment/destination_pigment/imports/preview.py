"""What a dry run finds out of a stream: what would go where, and what it would change in the block as it is now."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from destination_pigment.files.segments import FileSegment
from destination_pigment.imports.block_count import (
    MOST_VALUES,
    Readable,
    find_readable,
    or_unread,
    read_friendly,
    rows_of,
)
from destination_pigment.imports.comparable import CellForms, Cells
from destination_pigment.imports.queue import StreamImports
from destination_pigment.imports.row_comparison import KeysCompared, RowComparison
from destination_pigment.imports.scope_guards import Unread
from pigment_client.client import Export, PigmentClient
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvReader
from pigment_csv.totals import Totals


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream goes, as far as metadata says: the names of import configurations by ID, the block, and its key.

    `block_id` is that of the target, or of the block that the import configuration fills.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    block_id: str | None = None
    block_name: str | None = None
    key: tuple[str, ...] = ()


@dataclass(slots=True)
class BlockNow:
    """What a block has before the load: the totals of its rows, and how many have each value of the scope."""

    totals: Totals
    scope_rows: Counter[str | None] = field(default_factory=Counter)


class StreamPreview:
    """The rows that a dry run would push of one stream, compared with its block.

    `new_path` gives a path for a private file that is removed with the sync.
    """

    def __init__(self, each: StreamImports, place: Place, client: PigmentClient, new_path: Callable[[], Path]) -> None:
        self.each = each
        self.place = place
        self._client = client
        self._new_path = new_path
        dialect = each.files.converter.dialect
        self._forms = CellForms(each.stream, dialect)
        # Mutable state: what would be pushed; the block, once it was looked at, or why it is not read; the comparison
        # of rows, where they have a key; and what was found in the block.
        self.totals = Totals(sorted(each.stream.number_columns), dialect.decimal_separator)
        self.scope_rows: Counter[str | None] = Counter()
        self.files = self.rejected = self.deleted = 0
        self.readable: Readable | Unread | None = None
        self._comparison: RowComparison | None = None
        self.now: BlockNow | Unread | None = None
        self.keys: KeysCompared | Unread | None = None
        self.columns: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which rows are compared."""
        return self.each.stream.primary_key or self.place.key

    def add(self, segment: FileSegment) -> None:
        """Add a file that would be pushed, and the records that were rejected with it."""
        self.files += segment.file is not None
        self.rejected += segment.rejected
        self.deleted += segment.deleted
        if segment.file is None or not segment.rows:
            return
        self.columns = segment.file.columns
        if self.readable is None:
            self._look_at_block()
        for rows in segment.file.read_rows():
            if rows:
                self._add_rows(rows)

    def compare(self) -> None:
        """Read the block as it is now, if it is known which one it is and there is something to push."""
        if not isinstance(self.readable, Readable):
            return
        readable = self.readable
        self.now = or_unread(lambda: read_friendly(self._client, readable, self._read), readable.block_id)
        if isinstance(self.now, Unread):
            self._give_up_comparison(self.now.reason)
        elif self._comparison is not None:
            with self._comparing() as comparison:
                self.keys = comparison.compared()

    def close(self) -> None:
        """Close what is open."""
        if self._comparison is not None:
            self._comparison.close()

    def _look_at_block(self) -> None:
        """Find the block and its columns; rows are compared by key if it has those of the key."""
        if self.place.block_id is None:
            self.readable = Unread('its target has no "Block ID"')
            return
        self.readable = find_readable(self._client, self.place.block_id)
        if isinstance(self.readable, Unread):
            return
        once = [name for name, count in Counter(self.readable.columns).items() if count == 1]
        if not self.key:
            self.keys = Unread("no key is known")
        elif missing := [each for each in self.key if each not in once or each not in self.columns]:
            self.keys = Unread(f'the file and the block do not both have one column "{missing[0]}"')
        else:
            # Stamps differ in every row, so only the columns of the stream are compared.
            of_stream = self.each.files.converter.header
            others = [each for each in self.columns if each in once and each in of_stream and each not in self.key]
            try:
                self._comparison = RowComparison(self._new_path(), self.key, others)
            except (sqlite3.Error, OSError):
                self._give_up_comparison(_DISK)

    def _add_rows(self, rows: Sequence[Cells]) -> None:
        self.totals.add_rows(self.columns, rows)
        if self.each.target.scope in self.columns:
            place = self.columns.index(self.each.target.scope)
            self.scope_rows.update([row[place] for row in rows])
        if self._comparison is not None:
            columns = self._forms.of_file(self.columns, rows)
            with self._comparing() as comparison:
                comparison.add_file_rows(*_split(columns, comparison, len(rows)))

    def _read(self, export: Export) -> BlockNow | Unread:
        """Read all rows of the block; an export that broke off begins again here."""
        if self._comparison is not None:
            with self._comparing() as comparison:
                comparison.clear_block()
        reader = CsvReader(CsvDialect(";"))
        now: BlockNow | None = None
        for rows in rows_of(reader, export):
            header = reader.header or []
            if now is None:
                now = BlockNow(Totals(each for each in self.totals.by_column if header.count(each) == 1))
            if rows:
                self._add_block_rows(now, header, rows)
            if len(now.scope_rows) > MOST_VALUES:
                return Unread(f"its column for the scope has more than {MOST_VALUES:,} different values")
        return now or BlockNow(Totals(()))

    def _add_block_rows(self, now: BlockNow, header: Sequence[str], rows: Sequence[Cells]) -> None:
        now.totals.add_rows(header, rows)
        scope = self.each.target.scope
        replaced = [self.each.replaces] * len(rows)
        if scope is not None and header.count(scope) == 1:
            place = header.index(scope)
            values = [row[place] for row in rows]
            now.scope_rows.update(values)
            replaced = [value in self.scope_rows for value in values]
        if self._comparison is not None:
            columns = self._forms.of_block(header, rows)
            with self._comparing() as comparison:
                comparison.add_block_rows(*_split(columns, comparison, len(rows)), replaced)

    @contextmanager
    def _comparing(self) -> Iterator[RowComparison]:
        """The comparison of rows, which an error of its database ends, and nothing else."""
        if self._comparison is None:
            raise ValueError("no rows are compared")
        try:
            yield self._comparison
        except (sqlite3.Error, OSError):
            self._give_up_comparison(_DISK)

    def _give_up_comparison(self, reason: str) -> None:
        self.close()
        self._comparison = None
        self.keys = Unread(reason)


_DISK = "the connector's temporary disk is full or cannot be written"


def _split(columns: Mapping[str, Cells], comparison: RowComparison, count: int) -> tuple[list[Cells], list[Cells]]:
    """The cells of the key and those of the other columns, by row; blank where a column is not there."""
    blank: Cells = [None] * count

    def rows(names: Sequence[str]) -> list[Cells]:
        return list(zip(*(columns.get(each, blank) for each in names), strict=True)) if names else [()] * count

    return rows(comparison.key), rows(comparison.columns)
