"""Dimension checks: values that must be items of a list, compared before anything is pushed.

Some are configured. Others follow from richer metadata that calls a column the items of a list: these report, and never
stop or hold back anything, because nobody asked for them and Pigment rejects unknown items itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from destination_pigment.config import DestinationConfig, DimensionCheck, OnUnknown
from destination_pigment.files.rows import Column
from destination_pigment.input.catalog import DestinationStream, StreamKey
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff, KeyRejected, PermissionMissing, PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import Block, ExportKind, ExportRequest, ImportConfiguration, is_id
from pigment_client.wording import counted
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
        yield reader.read_rows(chunk)
    yield reader.read_last_row()


def _creates_items(configuration: ImportConfiguration | None, column: str) -> bool:
    columns = configuration.columns if configuration and configuration.columns else ()
    return any(each.name == column and each.auto_create for each in columns)


# What is kept in memory without anybody having asked for it: some 20 MB.
MOST_ITEMS = 200_000


def checks_of_sync(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    configurations: Mapping[StreamKey, ImportConfiguration | None],
) -> dict[StreamKey, list[CheckedColumn]]:
    """All checks of a sync: those that are configured, and then those that metadata asks for.

    Raises `ConfigProblem` or a `PigmentError` for a configured one that cannot be made.
    """
    names = {stream.name.strip() for stream in streams}
    for check in settings.dimension_checks:
        if check.stream not in names:
            logger.warning('The dimension check for "%s" has no stream of that name in this sync.', check.stream)
    items = DimensionItems(client)
    checks = {
        each.key: make_checks(settings.dimension_checks, each, configurations[each.key], items) for each in streams
    }
    configured = {key: frozenset(check.column for check in found) for key, found in checks.items()}
    automatic = AutomaticChecks(client, settings.application_id, items, configurations)
    for each in streams:
        checks[each.key] += automatic.of(each, configured[each.key])
    automatic.summarize(streams, configured)
    return checks


def dimension_columns(
    stream: DestinationStream, configuration: ImportConfiguration | None, configured: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The columns of the file that hold items of a list and create none, each with what refers to the list.

    Without those for which a check is configured.
    """
    for column in (configuration.columns if configuration else None) or ():
        is_ours = column.name in stream.columns and column.name not in configured
        if column.dimension_ref and not column.auto_create and is_ours:
            yield column.name, column.dimension_ref


class AutomaticChecks:
    """Makes the checks of a sync; `configurations` are those that its streams go to, as far as they are known."""

    def __init__(
        self,
        client: PigmentClient,
        application_id: str | None,
        items: DimensionItems,
        configurations: Mapping[StreamKey, ImportConfiguration | None],
    ) -> None:
        self._client = client
        self._application_id = application_id
        self._items = items
        self._configurations = configurations
        self._filled = {each.target for each in configurations.values() if each is not None and each.target}
        # Mutable state: whether the keys export, as far as it was tried; the lists of the application, once they are
        # needed; and those whose items could not be read.
        self._may_export = client.has_key_for(Purpose.EXPORT)
        self._lists: Sequence[Block] | None = None
        self._unreadable: set[str] = set()

    def of(self, stream: DestinationStream, configured: Collection[str]) -> list[CheckedColumn]:
        """The checks of a stream, with the items that their lists hold now; `configured` columns have another."""
        wanted = dimension_columns(stream, self._configurations.get(stream.key), configured)
        return [check for column, ref in wanted if (check := self._check(stream, column, ref)) is not None]

    def summarize(self, streams: Iterable[DestinationStream], configured: Mapping[StreamKey, Collection[str]]) -> None:
        """Say once what would be checked with a key that exports."""
        if self._may_export:
            return
        columns = [
            f'"{column}" of the {stream.subject}'
            for stream in streams
            for column, _ in dimension_columns(stream, self._configurations.get(stream.key), configured[stream.key])
        ]
        if columns:
            logger.info(
                "Not compared with the items of their dimension lists before the push, for want of a key that may "
                'export ("Export key"): %s.',
                ", ".join(columns),
            )

    def _check(self, stream: DestinationStream, column: str, ref: str) -> CheckedColumn | None:
        if not self._may_export:
            return None
        found = self._find(ref)
        list_id, name = (ref, ref) if found is None else (found.id, found.name)
        if self._filled & {list_id, name}:
            logger.info(
                'The column "%s" of the %s is not compared with the list "%s", which this sync fills itself.',
                column,
                stream.subject,
                name,
            )
            return None
        items = self._items_of(list_id, name)
        return None if items is None else CheckedColumn(stream, column, items, OnUnknown.REPORT)

    def _items_of(self, list_id: str, name: str) -> frozenset[str] | None:
        if list_id in self._unreadable:
            return None
        try:
            if is_id(list_id):
                return self._items.of(list_id, at_most=MOST_ITEMS)
            reason = "its ID is not known"
        except (PermissionMissing, KeyRejected):
            self._may_export = False
            return None
        except TooManyItems:
            reason = f"it has more than {MOST_ITEMS} items"
        except PigmentError as error:
            reason = str(error)
        self._unreadable.add(list_id)
        logger.warning(
            'The items of the dimension list "%s" were not read, so nothing is compared with them before the push: %s',
            name,
            reason.rstrip(".") + ".",
        )
        return None

    def _find(self, ref: str) -> Block | None:
        """The list that is meant, by its ID or, where only one has it, by its name."""
        if self._lists is None:
            self._lists = self._visible_lists()
        found = [each for each in self._lists if ref in {each.id, each.name}]
        return found[0] if len(found) == 1 else None

    def _visible_lists(self) -> Sequence[Block]:
        if self._application_id is None:
            return ()
        try:
            blocks = self._client.list_blocks(self._application_id)
        except PigmentError as error:
            logger.info("The names of the dimension lists are not known: %s", error)
            return ()
        return [each for each in blocks if each.type.kind is ExportKind.LIST]
