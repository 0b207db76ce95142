"""Dimension checks: values that must be items of a list, looked at before anything is pushed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from destination_pigment.config import DimensionCheck, OnUnknown
from destination_pigment.files.rows import Column
from destination_pigment.input.configured_streams import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff
from pigment_client.models import ExportKind, ExportRequest, ImportConfiguration
from pigment_client.quantities import counted
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader, Row

logger = logging.getLogger("airbyte.pigment.destination")

_DIALECT = CsvDialect(delimiter=";")

# What a sentence of the log can hold, and how many items are told apart: a wrong column can hold a million.
_LONGEST_ITEM = 80
_MOST_ITEMS_COUNTED = 1000
_OTHERS = "others"

_PAYLOAD = {"fieldDelimiter": "Semicolon", "encoding": "Utf8WithoutBom", "friendlyHeaders": True}


@dataclass(slots=True)
class CheckedColumn:
    """A column, the items it may hold, and how many rows held others."""

    stream: DestinationStream
    column: str
    items: frozenset[str]
    on_unknown: OnUnknown
    unknown: Counter[str] = field(default_factory=Counter)

    def held_back(self, cells: Column) -> list[int]:
        """Which rows must not be pushed, by position; raises `ConfigProblem` where an unknown item stops the sync."""
        unknown = {value for value in set(cells) if value} - self.items
        if not unknown:
            return []
        if self.on_unknown is OnUnknown.FAIL:
            first = next(value for value in cells if value in unknown)
            raise ConfigProblem(
                f'The column "{self.column}" of the {self.stream.subject} holds "{shortened(first)}", which is not an '
                "item of its dimension list: add the item in Pigment, fix the value at its source, or let the "
                "dimension check skip or report it."
            )
        positions = [position for position, value in enumerate(cells) if value in unknown]
        self._count(cells[position] for position in positions)
        return positions if self.on_unknown is OnUnknown.SKIP else []

    def _count(self, values: Iterable[str | None]) -> None:
        for value in values:
            known = value in self.unknown or len(self.unknown) < _MOST_ITEMS_COUNTED
            self.unknown[shortened(value) if known else _OTHERS] += 1

    def summarize(self) -> None:
        """Say once which items were unknown."""
        if self.unknown:
            listed = ", ".join(f'"{value}" ({count})' for value, count in self.unknown.most_common(10))
            done = "sent all the same" if self.on_unknown is OnUnknown.REPORT else "held back"
            logger.warning(
                'The column "%s" of the %s has %s, %s: %s.',
                self.column,
                self.stream.subject,
                counted(self.unknown.total(), "row with an unknown item", "rows with unknown items"),
                done,
                listed,
            )


def shortened(value: str | None) -> str:
    """A value as it may stand in a sentence."""
    value = value or ""
    return value if len(value) <= _LONGEST_ITEM else f"{value[:_LONGEST_ITEM]}…"


class DimensionItems:
    """The items of lists, each exported once."""

    def __init__(self, client: PigmentClient) -> None:
        self._client = client
        self._items: dict[str, frozenset[str]] = {}

    def of(self, list_id: str, *, at_most: int | None = None) -> frozenset[str]:
        """The names of a list's items; raises a `PigmentError`, or `TooManyItems` where there are more."""
        if list_id not in self._items:
            self._items[list_id] = fetch_items(self._client, list_id, at_most)
        return self._items[list_id]


def make_checks(
    checks: Sequence[DimensionCheck],
    stream: DestinationStream,
    configuration: ImportConfiguration | None,
    items: DimensionItems,
) -> list[CheckedColumn]:
    """The checks of a stream, with the items that their lists hold now.

    Raises `ConfigProblem` for a column that the stream does not have.
    """
    found: list[CheckedColumn] = []
    for check in checks:
        if check.stream != stream.name.strip():
            continue
        if check.column not in stream.columns:
            raise ConfigProblem(
                f'There is a dimension check for the column "{check.column}", which the {stream.subject} does not '
                f'have: correct it under "Dimension checks". Its columns are: {", ".join(stream.columns)}.'
            )
        on_unknown = check.on_unknown
        if on_unknown is OnUnknown.FAIL and _creates_items(configuration, check.column):
            logger.warning(
                'The import configuration of the %s creates missing items of the column "%s" by itself: unknown items '
                "are reported, not rejected.",
                stream.subject,
                check.column,
            )
            on_unknown = OnUnknown.REPORT
        found.append(CheckedColumn(stream, check.column, items.of(check.list_id), on_unknown))
    return found


class TooManyItems(Exception):
    """The list has more items than were asked for."""


def fetch_items(client: PigmentClient, list_id: str, at_most: int | None = None) -> frozenset[str]:
    """The names of a list's items: the first column of its export."""

    def first_column(export: Iterable[bytes]) -> frozenset[str]:
        reader = CsvReader(_DIALECT)
        items: set[str] = set()
        try:
            for rows in _rows_of(reader, export):
                items.update(row[0] for row in rows if row[0])
                if at_most is not None and len(items) > at_most:
                    raise TooManyItems
        except CsvBroken:
            # Over HTTP/1.1 an export that breaks off just ends, maybe inside a row.
            raise BrokenOff("export list", object_id=list_id) from None
        return frozenset(items)

    return client.export(ExportRequest(ExportKind.LIST, list_id, _PAYLOAD), first_column)


def _rows_of(reader: CsvReader, export: Iterable[bytes]) -> Iterator[list[Row]]:
    for chunk in export:
        yield reader.decode(chunk)
    yield reader.flush()


def _creates_items(configuration: ImportConfiguration | None, column: str) -> bool:
    columns = configuration.columns if configuration and configuration.columns else ()
    return any(each.name == column and each.auto_create for each in columns)
