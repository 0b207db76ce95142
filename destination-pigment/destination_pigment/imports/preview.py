"""What a dry run finds out of a stream: what would go where, and what it would change in the block as it is now."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from destination_pigment.files.segments import FileSegment
from destination_pigment.imports.block_reading import (
    MOST_VALUES,
    Readable,
    find_readable,
    or_unread,
    read_friendly,
)
from destination_pigment.imports.comparable import CellForms, Cells
from destination_pigment.imports.queue import StreamImports
from destination_pigment.imports.row_comparison import KeysCompared, RowComparison
from destination_pigment.imports.scope_guards import RowsByValue, ScopeInBlock, Unread, compare_scope
from pigment_client.client import Export, PigmentClient
from pigment_client.models import ExportKind, ImportMode
from pigment_client.wording import counted
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvReader
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")

_DISK = "the connector's temporary disk is full or cannot be written"
_SECONDS_BETWEEN_LINES = 30.0

# What a preview shows of values of a scope, and of the columns whose sums it shows for each of them.
MOST_SHOWN = 30
MOST_SUMMED = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream goes, as far as metadata says: the names of import configurations by ID, the block, and its key.

    `block_id` is that of the target, or of the block that the import configuration fills. `import_mode` is that of the
    files.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    block_id: str | None = None
    block_name: str | None = None
    key: tuple[str, ...] = ()
    import_mode: ImportMode | None = None

    def name_of(self, configuration_id: str) -> str:
        """The name of an import configuration in quotes, or its ID where the name is not known."""
        name = self.names.get(configuration_id)
        return configuration_id if name is None else f'"{name}"'


@dataclass(slots=True)
class BlockNow:
    """What a block has before the load: the totals of its rows, and how many have each value of the scope.

    `staying` are the totals of the rows that the load does not clear; `by_value` those of the values of the scope whose
    sums are shown.
    """

    totals: Totals
    staying: Totals
    scope_rows: Counter[str | None] = field(default_factory=Counter)
    by_value: dict[str | None, Totals] = field(default_factory=dict)


class StreamPreview:
    """The rows that a dry run would push of one stream, compared with its block.

    `new_path` gives a private path that is removed with the sync. Once it `is_stopped`, no block is read further.
    """

    def __init__(
        self,
        each: StreamImports,
        place: Place,
        client: PigmentClient,
        new_path: Callable[[], Path],
        is_stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.each = each
        self.place = place
        self._client = client
        self._new_path = new_path
        self._is_stopped = is_stopped
        self._clock = clock
        dialect = each.files.converter.dialect
        self._forms = CellForms(each.stream, dialect)
        # Mutable state: what would be pushed; the block, once it was looked at, or why it is not read; the comparison
        # of rows, where they have a key; what was found in the block; and when the log last had a line.
        self._decimal_separator = dialect.decimal_separator
        self.totals = Totals(sorted(each.stream.number_columns), dialect.decimal_separator)
        self.scope_rows: Counter[str | None] = Counter()
        self.by_value: dict[str | None, Totals] = {}
        self.files = self.rejected = self.deleted = self.without_key = 0
        self.readable: Readable | Unread | None = None
        self._comparison: RowComparison | None = None
        self.now: BlockNow | Unread | None = None
        self.keys: KeysCompared | Unread | None = None
        self.scope: ScopeInBlock | Unread | None = None
        self.columns: tuple[str, ...] = ()
        self._line_at = clock()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which rows are compared."""
        return self.each.stream.primary_key or self.place.key

    @property
    def summed_by_value(self) -> list[str]:
        """The columns whose sums are shown for each value of the scope."""
        return [each for each in self.totals.by_column if each != self.each.target.scope][:MOST_SUMMED]

    @property
    def is_of_metric(self) -> bool:
        """Whether the block is a metric, whose blank cells are none."""
        return isinstance(self.readable, Readable) and self.readable.kind is ExportKind.METRIC

    @property
    def scope_values(self) -> RowsByValue:
        """The values of the scope in the files, with their rows."""
        return _named(self.scope_rows)

    def add(self, segment: FileSegment) -> None:
        """Add a file that would be pushed, and the records that were rejected with it."""
        self.files += segment.file is not None
        self.rejected += segment.rejected
        self.deleted += segment.deleted
        if segment.file is None:
            return
        self.columns = segment.file.columns
        if self.readable is None:
            self._look_at_block()
        for rows in segment.file.read_rows():
            if rows:
                self._add_rows(rows)
                self._log_progress("the files", self.totals.rows)

    def compare(self) -> None:
        """Read the block as it is now, if it is known which one it is and there is something to push."""
        if not isinstance(self.readable, Readable):
            return
        readable = self.readable
        self.now = or_unread(lambda: read_friendly(self._client, readable, self._read), readable.block_id)
        if isinstance(self.now, Unread):
            self._give_up_comparison(self.now.reason)
            return
        if self.scope_rows:
            self.scope = self._compare_scope(readable, self.now)
        if self._comparison is not None:
            with self._comparing() as comparison:
                self.keys = comparison.compared()
                comparison.remove()

    def after_load(self) -> Totals | None:
        """The rows and sums that the block has after the load; None where the comparison leaves that open.

        A metric keeps no row for a blank value, and Pigment may reject rows, or take a row for one that stays.
        """
        now, keys, each = self.now, self.keys, self.each
        adds = self.place.import_mode is not ImportMode.UPDATE
        is_known = each.replaces and adds and isinstance(now, BlockNow) and not self.is_of_metric
        if each.target.scope is not None:
            is_date = each.target.scope in each.stream.date_columns
            is_known = is_known and isinstance(self.scope, ScopeInBlock) and not is_date and None not in self.scope_rows
        if isinstance(keys, KeysCompared):
            is_known = is_known and keys.is_alike and not (keys.elsewhere or keys.repeated_in_files)
        if self.without_key or any(check.unknown and not check.creates for check in each.files.converter.checks):
            is_known = False
        if not is_known or not isinstance(now, BlockNow):
            return None
        after = Totals(now.staying.by_column)
        for part in (now.staying, self.totals):
            after.add_totals(part)
        return after

    def count_rows(self) -> int | None:
        """How many rows the block has now; None if it was not read."""
        return self.now.totals.rows if isinstance(self.now, BlockNow) else None

    def count_values(self) -> RowsByValue | Unread:
        """How many rows of the block have each value of the scope, or why that is not known."""
        found = self.readable if isinstance(self.readable, Unread) else self.now
        if isinstance(found, Unread):
            return found
        if not isinstance(found, BlockNow):
            return Unread("it was not read")
        return self.scope if isinstance(self.scope, Unread) else _named(found.scope_rows)

    def _compare_scope(self, readable: Readable, now: BlockNow) -> ScopeInBlock | Unread:
        scope = self.each.target.scope or ""
        if readable.columns.count(scope) != 1:
            has = "several properties" if scope in readable.columns else "no property"
            return Unread(f'the block has {has} named "{scope}"')
        if len(now.scope_rows) > MOST_VALUES:
            return Unread(f"the block has more than {MOST_VALUES:,} different values of it")
        return compare_scope(self.scope_values, _named(now.scope_rows))

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
            self.keys = Unread("the stream has no primary key, and no unique identifier of the block is known")
        elif missing := [each for each in self.key if each not in once or each not in self.columns]:
            self.keys = Unread(f'the file and the block do not both have one column "{missing[0]}"')
        else:
            # Stamps differ in every row, so only the columns of the stream are compared.
            of_stream = self.each.files.converter.header
            others = [each for each in self.columns if each in once and each in of_stream and each not in self.key]
            try:
                self._comparison = RowComparison(self._new_path(), self.key, others)
            except OSError:
                self._give_up_comparison(_DISK)

    def _add_rows(self, rows: Sequence[Cells]) -> None:
        self.totals.add_rows(self.columns, rows)
        if self.each.target.scope in self.columns:
            place = self.columns.index(self.each.target.scope)
            values = [row[place] for row in rows]
            self.scope_rows.update(values)
            self._sum_new_values(values)
            _add_by_value(self.by_value, self.columns, rows, values)
        if self._comparison is None:
            return
        keyed = self._with_key(rows)
        self.without_key += len(rows) - len(keyed)
        if keyed:
            with self._comparing() as comparison:
                blank = self._blank_values(keyed, comparison) if self.is_of_metric else None
                comparison.add_file_rows(self._forms.of_file(self.columns, keyed), len(keyed), blank)

    def _sum_new_values(self, values: Sequence[str | None]) -> None:
        """Sum from now on the rows with these values of the scope, as far as the table shows them."""
        for value in dict.fromkeys(values) if len(self.by_value) < MOST_SHOWN else ():
            if value is not None and len(self.by_value) < MOST_SHOWN:
                self.by_value.setdefault(value, Totals(self.summed_by_value, self._decimal_separator))

    def _with_key(self, rows: Sequence[Cells]) -> Sequence[Cells]:
        """The rows that Pigment can find by their key: one without is rejected, as is a cell without a dimension."""
        places = [self.columns.index(each) for each in self.key]
        if all(row[place] for row in rows for place in places):
            return rows
        is_keyed = all if self.is_of_metric else any
        return [row for row in rows if is_keyed(row[place] for place in places)]

    def _blank_values(self, rows: Sequence[Cells], comparison: RowComparison) -> list[bool]:
        """Which rows have no value, so that they delete the cell of a metric."""
        places = [self.columns.index(each) for each in comparison.columns]
        return [not any(row[place] for place in places) for row in rows]

    def _read(self, export: Export) -> BlockNow | Unread:
        """Read all rows of the block; an export that broke off begins again here."""
        if self._comparison is not None:
            with self._comparing() as comparison:
                comparison.clear_block()
        reader = CsvReader(CsvDialect(";"))
        now: BlockNow | None = None
        for rows in reader.read_all(export):
            if self._is_stopped():
                export.close()
                return Unread("the sync was stopped")
            header = reader.header or []
            if now is None:
                summed = [each for each in self.totals.by_column if header.count(each) == 1]
                by_value = [each for each in self.summed_by_value if each in summed]
                now = BlockNow(
                    Totals(summed), Totals(summed), by_value={each: Totals(by_value) for each in self.by_value}
                )
            if rows:
                self._add_block_rows(now, header, rows)
                self._log_progress("the block", now.totals.rows)
        return now or BlockNow(Totals(), Totals())

    def _add_block_rows(self, now: BlockNow, header: Sequence[str], rows: Sequence[Cells]) -> None:
        now.totals.add_rows(header, rows)
        scope = self.each.target.scope
        replaced = [self.each.replaces and scope is None] * len(rows)
        if scope is not None and header.count(scope) == 1:
            place = header.index(scope)
            values = [row[place] for row in rows]
            replaced = [value in self.scope_rows for value in values]
            if len(now.scope_rows) <= MOST_VALUES:
                now.scope_rows.update(values)
            _add_by_value(now.by_value, header, rows, values)
        now.staying.add_rows(header, [row for row, is_replaced in zip(rows, replaced, strict=True) if not is_replaced])
        if self._comparison is not None:
            with self._comparing() as comparison:
                comparison.add_block_rows(self._forms.of_block(header, rows), len(rows), replaced)

    @contextmanager
    def _comparing(self) -> Iterator[RowComparison]:
        """The comparison of rows, which an error of the disk ends, and nothing else."""
        if self._comparison is None:
            raise ValueError("no rows are compared")
        try:
            yield self._comparison
        except OSError:
            self._give_up_comparison(_DISK)

    def _give_up_comparison(self, reason: str) -> None:
        if self._comparison is not None:
            self._comparison.remove()
        self._comparison = None
        self.keys = Unread(reason)

    def _log_progress(self, what: str, rows: int) -> None:
        """Log how far it is, at most every half minute."""
        if self._clock() - self._line_at >= _SECONDS_BETWEEN_LINES:
            self._line_at = self._clock()
            logger.info(
                "Dry run: %s of %s of the %s read so far.", counted(rows, "row"), what, self.each.stream.subject
            )


def _add_by_value(
    totals: Mapping[str | None, Totals], header: Sequence[str], rows: Sequence[Cells], values: Sequence[str | None]
) -> None:
    """Add each row to the totals of its value, if that is summed."""
    found: dict[str | None, list[Cells]] = defaultdict(list)
    for value, row in zip(values, rows, strict=True):
        if value in totals:
            found[value].append(row)
    for value, its_rows in found.items():
        totals[value].add_rows(header, its_rows)


def _named(rows: Mapping[str | None, int]) -> dict[str, int]:
    return {value: count for value, count in rows.items() if value is not None}
