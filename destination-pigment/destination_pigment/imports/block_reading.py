"""A block as its export shows it: its columns, how many rows it has, and their sums and values.

Rows are counted and summed as they pass, and never kept.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from destination_pigment.imports.scope_guards import RowsByValue, Unread
from pigment_airbyte.failures import explain
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import NotFound, PigmentError, RequestRejected
from pigment_client.keys import Purpose
from pigment_client.models import EXPORT_FORMAT, ExportKind, ExportRequest, ImportedBlock
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")

T = TypeVar("T")


def count_block(client: PigmentClient, block: ImportedBlock) -> int | None:
    """How many rows of a block the owner of the export key sees; None, with one warning, if they cannot be counted."""
    totals = total_block(client, block)
    return None if totals is None else totals.rows


def total_block(client: PigmentClient, block: ImportedBlock, columns: Collection[str] = ()) -> Totals | None:
    """The rows of a block that the owner of the export key sees, and the sums of properties with the names of columns.

    None, with one warning, if it cannot be read.
    """
    if not client.has_key_for(Purpose.EXPORT):
        _warn_not_counted(block, 'the connection has no API key of the type "Export".')
        return None
    try:
        return _read_as_any_kind(
            lambda kind: (_total_list if kind is ExportKind.LIST else _total_metric)(client, block, columns), block.kind
        )
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
    for rows in reader.read_all(export):
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
    return or_unread(partial(read_columns, client, block_id), block_id)


def read_columns(client: PigmentClient, block_id: str) -> Readable:
    """The block as a list or as a metric; raises `NotFound` or `RequestRejected` where it is neither."""
    block = ImportedBlock(block_id)
    return _read_as_any_kind(
        lambda kind: Readable(block_id, kind, read_header(client, block, kind, friendly=True)), None
    )


def _read_as_any_kind(read: Callable[[ExportKind], T], known: ExportKind | None) -> T:
    """What is read of a block of this kind; where none is known, as a list, then as a metric."""
    if known is ExportKind.METRIC:
        return read(ExportKind.METRIC)
    try:
        return read(ExportKind.LIST)
    except (NotFound, RequestRejected):
        if known is not None:
            raise
        return read(ExportKind.METRIC)


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
    for rows in reader.read_all(export):
        if rows:
            place = (reader.header or ()).index(column)
            found.update([row[place] for row in rows])
        if len(found) > MOST_VALUES:
            return Unread(f'its property "{column}" has more than {MOST_VALUES:,} different values')
    return {value: rows for value, rows in found.items() if value is not None}


def _export(
    client: PigmentClient,
    block: ImportedBlock,
    kind: ExportKind,
    payload: Mapping[str, Any],
    consume: Callable[[Export], T],
) -> T:
    asked = {"friendlyHeaders": False, **EXPORT_FORMAT, **payload}
    return client.export(ExportRequest(kind, block.block_id, asked), consume)


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
