"""Dimension checks that nobody configured: of columns of which richer metadata says that they hold items of a list.

They report, and never stop or hold back anything: nobody asked for them, the metadata may be behind, and Pigment
rejects what it does not know by itself. So a list that cannot be read is no error either.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from destination_pigment.config import DestinationConfig, OnUnknown
from destination_pigment.files.dimension_checks import CheckedColumn, DimensionItems, TooManyItems, make_checks
from destination_pigment.input.configured_streams import DestinationStream, StreamKey
from pigment_airbyte.pasted_ids import is_id
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyRejected, PermissionMissing, PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import Block, ExportKind, ImportConfiguration

logger = logging.getLogger("airbyte.pigment.destination")

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
