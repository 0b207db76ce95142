"""How many rows a block has, and when that is asked: before a replacement, and where its report leaves a doubt.

A block is counted by an export, whose rows are counted as they pass and never kept.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from destination_pigment.config import CountBlocks
from destination_pigment.imports.doubts import Replacement, Settlement, block_to_count, describe_believed, judge_count
from destination_pigment.imports.scope_guards import (
    RowsByValue,
    ScopeInBlock,
    Unread,
    compare_scope,
    describe_gone,
    describe_new,
    describe_not_compared,
    require_enough_of_each,
)
from destination_pigment.imports.verdicts import NotPushed
from destination_pigment.targets import Target
from pigment_airbyte.failures import explain
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import NotFound, PigmentError, RequestRejected
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind, ExportRequest, ImportedBlock
from pigment_client.wording import counted
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader, Row
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")

# How many rows a block has; None, with a warning, if they cannot be counted.
Count = Callable[[ImportedBlock], int | None]

# How many rows of a block have each value of a column, by the name of the property, or why that cannot be read.
CountValues = Callable[[ImportedBlock, str], RowsByValue | Unread]


# The rows of a block and the sums of the properties with these names; None, with a warning, if it cannot be read.
TotalBlock = Callable[[ImportedBlock, Collection[str]], Totals | None]


class BlockCounts:
    """Counts blocks as the user wants it; with `total_block`, numbers are summed as well."""

    def __init__(
        self,
        count: Count,
        when: CountBlocks,
        count_values: CountValues | None = None,
        total_block: TotalBlock | None = None,
    ) -> None:
        self._count = count
        self._when = when
        self._count_values = count_values
        self._total_block = total_block

    def count_before(self, target: Target, rows: int, subject: str) -> int | None:
        """How many rows a block has before this number of rows replaces all of it, if it is known which block it is.

        Raises `NotPushed` if the rows are too few, or if that cannot be found out.
        """
        percent = target.minimum_percent
        if target.block_id is None or (percent is None and self._when is CountBlocks.NEVER):
            return None
        before = self._count(ImportedBlock(target.block_id))
        if percent is None:
            return before
        share = f'"Smallest share of rows (%)" of its target is {percent}'
        if before is None:
            raise NotPushed(
                f"The {subject} was not pushed, because {share} and the rows of its block could not be counted: see "
                'the log for the reason, and check "Block ID" and the API key of the type "Export".'
            )
        if 100 * rows < percent * before:
            raise NotPushed(
                f"The {subject} has {counted(rows, 'row')}, its block in Pigment has {before:,}, and {share}, so the "
                'block was left as it was: look at the source, or lower "Smallest share of rows (%)" under "Targets".'
            )
        return before

    def check_scope(self, target: Target, in_files: RowsByValue, subject: str) -> None:
        """Compare the rows of each value of a scope with the block before they replace those there.

        Raises `NotPushed` if those of one are too few, or if that cannot be found out. Logs which values only the block
        has.
        """
        scope, percent = target.scope, target.minimum_percent
        if target.block_id is None or scope is None or self._count_values is None:
            return
        if percent is None and self._when is not CountBlocks.ALWAYS:
            return
        read = self._count_values(ImportedBlock(target.block_id), scope)
        found = read if isinstance(read, Unread) else compare_scope(in_files, read)
        if percent is not None:
            require_enough_of_each(subject, scope, percent, in_files, found)
        if isinstance(found, ScopeInBlock):
            if found.gone:
                logger.warning(describe_gone(subject, scope, found.gone))
            if percent is not None and not all(found.rows.values()):
                logger.info(describe_new(subject, scope, found))
        else:
            logger.info(describe_not_compared(subject, scope, found))

    def must_count(self, replacement: Replacement) -> bool:
        """Whether the block of a replacement is counted before its states may leave.

        Logs a warning where the user's word is taken that the block was cleared.
        """
        if self._when is CountBlocks.NEVER:
            if replacement.is_doubtful:
                logger.warning(describe_believed(replacement))
            return False
        return replacement.is_doubtful or self._when is CountBlocks.ALWAYS

    def count_after(self, blocks: Collection[ImportedBlock]) -> int | None:
        """How many rows a replaced block has now; None if it is not counted."""
        block = block_to_count(blocks)
        if block is None or self._when is CountBlocks.NEVER:
            return None
        return self._count(block)

    def settle(self, replacement: Replacement) -> Settlement:
        """What a count of the block shows."""
        in_block: Totals | None = None
        block = block_to_count(replacement.blocks)
        if self._total_block is None or block is None:
            rows = self.count_after(replacement.blocks)
        else:
            in_block = self._total_block(block, replacement.stream.number_columns)
            rows = None if in_block is None else in_block.rows
        settlement = judge_count(replacement, rows)
        if settlement.information:
            logger.info(settlement.information)
        return replace(settlement, in_block=in_block)


_FORMAT: Mapping[str, Any] = {
    "friendlyHeaders": False,
    "dateFormat": "Iso8601",
    "fieldDelimiter": "Semicolon",
    "decimalSeparator": "Dot",
    "encoding": "Utf8WithoutBom",
}

T = TypeVar("T")


def count_block(client: PigmentClient, block: ImportedBlock) -> int | None:
    """How many rows of a block the owner of the export key sees; None, with one warning, if they cannot be counted."""
    totals = total_block(client, block)
    return None if totals is None else totals.rows


def total_block(client: PigmentClient, block: ImportedBlock, columns: Collection[str] = ()) -> Totals | None:
    """The rows of a block that the owner of the export key sees, and the sums of properties with the names of columns.

    None, with one warning, if it cannot be read. A block whose kind is not known is tried as a list, then as a metric.
    """
    if not client.has_key_for(Purpose.EXPORT):
        _warn_not_counted(block, 'the connection has no API key of the type "Export".')
        return None
    try:
        if block.kind is ExportKind.METRIC:
            return _total_metric(client, block, columns)
        try:
            return _total_list(client, block, columns)
        except (NotFound, RequestRejected):
            if block.kind is not None:
                raise
            return _total_metric(client, block, columns)
    except PigmentError as error:
        _warn_not_counted(block, explain(error, subject=f"block {block.block_id}").message)
    except CsvBroken as error:
        _warn_not_counted(block, f"its export cannot be read: {error}.")
    return None


def _total_list(client: PigmentClient, block: ImportedBlock, columns: Collection[str]) -> Totals:
    """To count, one property is enough; the header of an export, which is closed then, says which there are."""
    header, names = read_header(client, block, ExportKind.LIST), dict[str, str]()
    if columns:
        friendly = read_header(client, block, ExportKind.LIST, friendly=True)
        if len(friendly) == len(header):
            names = {
                technical: name
                for technical, name in zip(header, friendly, strict=True)
                if name in columns and friendly.count(name) == 1
            }
    properties = list(dict.fromkeys([*header[:1], *names]))
    consume = partial(totals_of_export, names=names)
    try:
        return _export(client, block, ExportKind.LIST, {"propertyTechnicalNames": properties}, consume)
    except RequestRejected:
        return _export(client, block, ExportKind.LIST, {}, consume)


def _total_metric(client: PigmentClient, block: ImportedBlock, columns: Collection[str]) -> Totals:
    payload: dict[str, Any] = {} if block.scenario_id is None else {"scenarios": [block.scenario_id]}
    if columns:
        payload["friendlyHeaders"] = True
    consume = partial(totals_of_export, names={each: each for each in columns})
    return _export(client, block, ExportKind.METRIC, payload, consume)


def totals_of_export(export: Iterable[bytes], names: Mapping[str, str]) -> Totals:
    """The rows of an export, and the sums of the columns that have a name; raises `CsvBroken`."""
    reader, totals = CsvReader(CsvDialect(";")), Totals()
    places: dict[str, int] = {}
    for rows in rows_of(reader, export):
        if not rows:
            continue
        if not totals.rows:
            header = reader.header or []
            places = {names[each]: at for at, each in enumerate(header) if each in names and header.count(each) == 1}
            totals = Totals(places)
        totals.add_rows(tuple(places), [[row[at] for at in places.values()] for row in rows] if places else rows)
    return totals


# More different values than these are no scope, and would only fill the memory.
MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class Readable:
    """A block that can be exported: its kind, and the names of its columns as people see them."""

    block_id: str
    kind: ExportKind
    columns: Sequence[str]


def find_readable(client: PigmentClient, block_id: str) -> Readable | Unread:
    """The block as a list or as a metric, or why it cannot be read."""
    if not client.has_key_for(Purpose.EXPORT):
        return Unread('the connection has no API key of the type "Export"')

    def readable(kind: ExportKind) -> Readable:
        return Readable(block_id, kind, read_header(client, ImportedBlock(block_id), kind, friendly=True))

    def as_any_kind() -> Readable:
        try:
            return readable(ExportKind.LIST)
        except (NotFound, RequestRejected):
            return readable(ExportKind.METRIC)

    return or_unread(as_any_kind, block_id)


def or_unread(read: Callable[[], T], block_id: str) -> T | Unread:
    """What is read from a block, or why it cannot be."""
    try:
        return read()
    except PigmentError as error:
        return Unread(explain(error, subject=f"block {block_id}").message.rstrip("."))
    except CsvBroken as error:
        return Unread(f"its export cannot be read: {error}")


def read_friendly(
    client: PigmentClient, found: Readable, consume: Callable[[Export], T], properties: Sequence[str] = ()
) -> T:
    """Export a block under the names that people see, or of a list only the properties with these technical names."""
    payload: dict[str, Any] = {"friendlyHeaders": True}
    if properties:
        payload["propertyTechnicalNames"] = list(properties)
    return _export(client, ImportedBlock(found.block_id), found.kind, payload, consume)


def count_values(client: PigmentClient, block: ImportedBlock, column: str) -> RowsByValue | Unread:
    """How many rows of a block have each value of the property or dimension with this name, blanks left out."""
    found = find_readable(client, block.block_id)
    if isinstance(found, Unread):
        return found
    if found.columns.count(column) != 1:
        has = "no property" if column not in found.columns else "more than one property"
        return Unread(f'the block {block.block_id} has {has} named "{column}"')

    def read() -> RowsByValue | Unread:
        properties = []
        if found.kind is ExportKind.LIST:
            technical = read_header(client, block, found.kind)
            if len(technical) == len(found.columns):
                properties = [technical[found.columns.index(column)]]
        return read_friendly(client, found, lambda export: _count_by_value(export, column), properties)

    return or_unread(read, block.block_id)


def _count_by_value(export: Iterable[bytes], column: str) -> RowsByValue | Unread:
    reader = CsvReader(CsvDialect(";"))
    found: Counter[str | None] = Counter()
    for rows in rows_of(reader, export):
        if rows:
            place = (reader.header or ()).index(column)
            found.update([row[place] for row in rows])
        if len(found) > MOST_VALUES:
            return Unread(f'its property "{column}" has more than {MOST_VALUES:,} different values')
    return {value: rows for value, rows in found.items() if value is not None}


def rows_of(reader: CsvReader, export: Iterable[bytes]) -> Iterator[list[Row]]:
    """The rows of an export, some at a time; raises `CsvBroken`."""
    for chunk in export:
        yield reader.read_rows(chunk)
    yield reader.read_last_row()


def _export(
    client: PigmentClient,
    block: ImportedBlock,
    kind: ExportKind,
    payload: Mapping[str, Any],
    consume: Callable[[Export], T],
) -> T:
    return client.export(ExportRequest(kind, block.block_id, {**_FORMAT, **payload}), consume)


def read_header(client: PigmentClient, block: ImportedBlock, kind: ExportKind, *, friendly: bool = False) -> list[str]:
    """The names of the columns of a block, as people see them or technical; its export is closed then."""
    return _export(client, block, kind, {"friendlyHeaders": friendly}, _header_of)


def _header_of(export: Export) -> list[str]:
    reader = CsvReader(CsvDialect(";"))
    try:
        for chunk in export:
            reader.read_rows(chunk)
            if reader.header is not None:
                return reader.header
        reader.read_last_row()
    finally:
        export.close()
    return reader.header or []


def _warn_not_counted(block: ImportedBlock, reason: str) -> None:
    logger.warning("The rows of the block %s could not be counted: %s", block.block_id, reason)
