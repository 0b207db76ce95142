"""Dimension checks: values that must be items of a list, compared before anything is pushed.

Some are configured. Others follow from richer metadata that says that a column contains items of a list: these report,
and never stop or skip anything, because the user did not ask for them and Pigment rejects unknown items itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from destination_pigment.config import DestinationConfig, DimensionCheck, OnUnknown
from destination_pigment.files.rows import Column
from destination_pigment.input.catalog import DestinationStream, StreamKey
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff, KeyRejected, PermissionMissing, PigmentError
from pigment_client.http.retry import ONCE
from pigment_client.keys import Purpose
from pigment_client.models import EXPORT_FORMAT, Block, ExportKind, ExportRequest, ImportConfiguration, is_id
from pigment_client.names import near_misses
from pigment_client.wording import counted, shortened, with_more
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader

logger = logging.getLogger("airbyte.pigment.destination")

_DIALECT = CsvDialect(delimiter=";")

# How many items are counted apart: a wrong column can have a million.
_MOST_ITEMS_COUNTED = 1000
_MOST_LISTED = 10
_OTHERS = "others"

# What is kept in memory although the user did not ask for it: about 20 MB.
MOST_ITEMS = 200_000

_PAYLOAD = {**EXPORT_FORMAT, "friendlyHeaders": True}


@dataclass(slots=True)
class CheckedColumn:
    """A column to compare, the items that it may contain, and how many rows contained others.

    `creates`: its import configuration creates missing items.
    """

    stream: DestinationStream
    column: str
    items: frozenset[str]
    on_unknown: OnUnknown
    creates: bool = False
    unknown: Counter[str] = field(default_factory=Counter)

    def rows_to_skip(self, cells: Column) -> list[int]:
        """The positions of rows that must not be pushed; raises `ConfigProblem` if an unknown item stops the sync."""
        unknown = {value for value in set(cells) if value and not self._is_item(value)}
        if not unknown:
            return []
        if self.on_unknown is OnUnknown.FAIL:
            first = next(value for value in cells if value and value in unknown)
            raise ConfigProblem(
                f'The column "{self.column}" of the {self.stream.subject} contains "{shortened(first)}", which is not '
                f"an item of its dimension list{self._explain(first)}: add the item in Pigment, fix the value at its "
                "source, or let the dimension check skip or report it."
            )
        positions = [position for position, value in enumerate(cells) if value in unknown]
        self._count(cells[position] for position in positions)
        return positions if self.on_unknown is OnUnknown.SKIP else []

    def _explain(self, value: str) -> str:
        """Why a value is no item although it looks like one, as a part of a sentence."""
        if not self.items:
            return ", because the owner of the Export key sees no item in that list"
        near = near_misses([value], self.items).get(value)
        return "" if near is None else f' ("{shortened(near)}" is, and every letter, accent and blank counts)'

    def _is_item(self, cell: str) -> bool:
        """Whether a cell is an item; the lists have their numbers with a dot, the files perhaps with a comma."""
        is_number = self.column in self.stream.number_columns
        return cell in self.items or (is_number and cell.replace(",", ".") in self.items)

    def _count(self, values: Iterable[str | None]) -> None:
        for value in values:
            known = value in self.unknown or len(self.unknown) < _MOST_ITEMS_COUNTED
            self.unknown[shortened(value or "") if known else _OTHERS] += 1

    def described_unknown(self) -> list[str]:
        """The most frequent unknown items with the rows that contain them, and the item that may be meant."""
        frequent = self.unknown.most_common(_MOST_LISTED)
        near = near_misses([value for value, _ in frequent], self.items)
        return [f'"{value}" ({count:,}{_hint(near.get(value))})' for value, count in frequent]

    def log_unknown(self) -> None:
        """Log which items were unknown."""
        if not self.unknown:
            return
        done = "sent anyway" if self.on_unknown is OnUnknown.REPORT else "not sent"
        if self.creates:
            done = "which the import configuration creates as new items of its dimension list"
        if not self.items:
            done += " (the owner of the Export key sees no item in the list)"
        logger.warning(
            'The column "%s" of the %s has %s, %s: %s.',
            self.column,
            self.stream.subject,
            counted(self.unknown.total(), "row with an unknown item", "rows with unknown items"),
            done,
            with_more(self.described_unknown(), len(self.unknown)),
        )


def _hint(near: str | None) -> str:
    return "" if near is None else f'; "{shortened(near)}" is an item'


def build_checks(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    configurations: Mapping[StreamKey, ImportConfiguration | None],
) -> dict[StreamKey, list[CheckedColumn]]:
    """The checks of each stream with the items of their lists now: those configured, then those that metadata suggests.

    `configurations` are the import configurations of the streams, as far as they are known. Raises `ConfigProblem` or a
    `PigmentError` where a configured check is impossible.
    """
    names = {stream.name.strip() for stream in streams}
    for check in settings.dimension_checks:
        if check.stream not in names:
            logger.warning('The dimension check for "%s" has no stream of that name in this sync.', check.stream)
    lists = DimensionLists(client, settings.application_id)
    checks = {
        stream.key: [
            _configured_check(check, stream, configurations[stream.key], lists)
            for check in settings.dimension_checks
            if check.stream == stream.name.strip()
        ]
        for stream in streams
    }
    # A dry run also reports the items that would be created.
    _add_suggested_checks(checks, lists, streams, configurations, with_created=settings.dry_run)
    return checks


def _add_suggested_checks(
    checks: dict[StreamKey, list[CheckedColumn]],
    lists: DimensionLists,
    streams: Sequence[DestinationStream],
    configurations: Mapping[StreamKey, ImportConfiguration | None],
    *,
    with_created: bool,
) -> None:
    """Add the checks that metadata suggests, or log which columns are not compared without a key that may export."""
    suggested = [
        (stream, column, ref, creates)
        for stream in streams
        for column, ref, creates in _suggested_columns(
            stream, configurations[stream.key], checks[stream.key], with_created=with_created
        )
    ]
    filled = {each.target for each in configurations.values() if each is not None and each.target}
    for stream, column, ref, creates in suggested:
        if not lists.may_export:
            break
        list_id, name = lists.find(ref)
        if {list_id, name} & filled:
            logger.info(
                'The column "%s" of the %s is not compared with the list "%s", which this sync fills itself.',
                column,
                stream.subject,
                name,
            )
        elif (items := lists.items_if_readable(list_id, name)) is not None:
            checks[stream.key].append(CheckedColumn(stream, column, items, OnUnknown.REPORT, creates))
    if suggested and not lists.may_export:
        logger.info(
            "Not compared with the items of their dimension lists before the push, because no key that may export "
            '("Export key") is entered: %s.',
            ", ".join(f'"{column}" of the {stream.subject}' for stream, column, *_ in suggested),
        )


def _configured_check(
    check: DimensionCheck, stream: DestinationStream, configuration: ImportConfiguration | None, lists: DimensionLists
) -> CheckedColumn:
    """A check of the form; raises `ConfigProblem` for a column that the stream does not have."""
    if check.column not in stream.columns:
        raise ConfigProblem(
            f'There is a dimension check for the column "{check.column}", which the {stream.subject} does not '
            f'have: correct it under "Dimension checks". Its columns are: {", ".join(stream.columns)}.'
        )
    on_unknown = check.on_unknown
    columns = configuration.columns if configuration and configuration.columns else ()
    creates = any(each.name == check.column and each.auto_create for each in columns)
    if on_unknown is OnUnknown.FAIL and creates:
        logger.warning(
            'The import configuration of the %s creates missing items of the column "%s" automatically: unknown items '
            "are reported, not rejected.",
            stream.subject,
            check.column,
        )
        on_unknown = OnUnknown.REPORT
    return CheckedColumn(stream, check.column, lists.items(check.list_id), on_unknown, creates)


def _suggested_columns(
    stream: DestinationStream,
    configuration: ImportConfiguration | None,
    configured: Sequence[CheckedColumn],
    *,
    with_created: bool,
) -> Iterator[tuple[str, str, bool]]:
    """Columns that contain items of a list, each with what refers to the list, and whether it creates items.

    Not those that are configured, and those that create items only `with_created`.
    """
    checked = {check.column for check in configured}
    for column in (configuration.columns if configuration else None) or ():
        is_ours = column.name in stream.columns and column.name not in checked
        if column.dimension_ref and is_ours and (with_created or not column.auto_create):
            yield column.name, column.dimension_ref, column.auto_create


class TooManyItems(Exception):
    """The list has more items than were asked for."""


class DimensionLists:
    """The dimension lists of the application and their items; each list is exported once."""

    def __init__(self, client: PigmentClient, application_id: str | None) -> None:
        self._client = client
        self._application_id = application_id
        # Mutable state: whether the keys may export, as far as it was tried; the items by list; the lists that the
        # application has, once they are needed; and those whose items could not be read.
        self.may_export = client.has_key_for(Purpose.EXPORT)
        self._items: dict[str, frozenset[str]] = {}
        self._lists: Sequence[Block] | None = None
        self._unreadable: set[str] = set()

    def items(self, list_id: str, *, at_most: int | None = None) -> frozenset[str]:
        """The names of a list's items; raises a `PigmentError`, or `TooManyItems` where there are more."""
        if list_id not in self._items:
            self._items[list_id] = _export_items(self._client, list_id, at_most)
        return self._items[list_id]

    def items_if_readable(self, list_id: str, name: str) -> frozenset[str] | None:
        """The names of a list's items; None where they cannot be read, which is logged once."""
        if list_id in self._unreadable:
            return None
        try:
            if is_id(list_id):
                return self.items(list_id, at_most=MOST_ITEMS)
            reason = "its ID is not known"
        except (PermissionMissing, KeyRejected):
            self.may_export = False
            return None
        except TooManyItems:
            reason = f"it has more than {MOST_ITEMS:,} items"
        except PigmentError as error:
            reason = str(error)
        self._unreadable.add(list_id)
        logger.warning(
            'The items of the dimension list "%s" were not read, so nothing is compared with them before the push: %s',
            name,
            reason.rstrip(".") + ".",
        )
        return None

    def find(self, ref: str) -> tuple[str, str]:
        """The ID and name of a list, by its ID or, where only one has it, by its name; else what was asked for."""
        if self._lists is None:
            self._lists = self._visible_lists()
        found = [each for each in self._lists if ref in {each.id, each.name}]
        return (found[0].id, found[0].name) if len(found) == 1 else (ref, ref)

    def _visible_lists(self) -> Sequence[Block]:
        if self._application_id is None:
            return ()
        try:
            blocks = self._client.list_blocks(self._application_id, policy=ONCE)
        except PigmentError as error:
            logger.info("The names of the dimension lists are not known: %s", error)
            return ()
        return [each for each in blocks if each.type.kind is ExportKind.LIST]


def _export_items(client: PigmentClient, list_id: str, at_most: int | None) -> frozenset[str]:
    """The names of a list's items: the first column of its export. With `at_most`, which is for checks that the user
    did not ask for, one attempt is enough.
    """

    def first_column(export: Iterable[bytes]) -> frozenset[str]:
        items: set[str] = set()
        try:
            for rows in CsvReader(_DIALECT).read_all(export):
                items.update(row[0] for row in rows if row[0])
                if at_most is not None and len(items) > at_most:
                    raise TooManyItems
        except CsvBroken:
            # Over HTTP/1.1 an export that breaks off just ends, maybe inside a row.
            raise BrokenOff("export list", object_id=list_id) from None
        return frozenset(items)

    policy = None if at_most is None else ONCE
    return client.export(ExportRequest(ExportKind.LIST, list_id, _PAYLOAD), first_column, policy=policy)
