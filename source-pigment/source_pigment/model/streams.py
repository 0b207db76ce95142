"""The streams of the model: listed whole before the first record leaves, small enough for memory.

There is one list for each application, and one for each block of what belongs to blocks. Nothing in an entry says which
block it belongs to, so each block is asked. The application's own list comes first, so that what no block lists is
there as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from airbyte_cdk.models import AirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem, explain
from pigment_client.client import PigmentClient
from pigment_client.errors import PigmentError, TryLater
from pigment_client.json_objects import text_in
from pigment_client.models import ListedObject, Listing, id_in_one_case
from pigment_client.wording import listed
from source_pigment.config import Payload
from source_pigment.discovery.catalog import explain_invisible
from source_pigment.discovery.matching import HIDDEN
from source_pigment.discovery.names import StreamName
from source_pigment.model.entries import Entry, ModelKind, Place, merge_listings, properties_of
from source_pigment.reading.download import Stopped
from source_pigment.reading.records import JsonRecords, RecordBlock, RecordTooLong
from source_pigment.reading.state import NOTHING_TO_RESUME

logger = logging.getLogger("airbyte.pigment.source")


def model_airbyte_streams() -> list[AirbyteStream]:
    """The streams as the catalog contains them: their schemas are fixed."""
    return [
        AirbyteStream(
            name=kind.value,
            json_schema={"type": "object", "properties": properties_of(kind), "additionalProperties": True},
            supported_sync_modes=[SyncMode.full_refresh],
            source_defined_primary_key=[["id"]],
            is_resumable=False,
        )
        for kind in ModelKind
    ]


@dataclass(frozen=True, slots=True)
class ListedEntries:
    """All entries of a stream as the JSON of their records, in memory."""

    data: tuple[bytes, ...] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.data)

    @property
    def content_bytes(self) -> int:
        return sum(map(len, self.data))

    def close(self) -> None:
        """Nothing to do: they are not on disk."""


class ModelStream:
    """Reads the model's objects of one kind."""

    slices: tuple[Payload, ...] = ({},)

    def __init__(self, kind: ModelKind, listings: ModelListings, json_schema: Mapping[str, Any]) -> None:
        self._kind = kind
        self._listings = listings
        self.name = StreamName(kind.value)
        self.subject = f'stream "{kind.value}"'
        self._records = JsonRecords(self.name, json_schema)

    def download(self, slice_index: int, stop: Event) -> ListedEntries:  # noqa: ARG002 - there is one slice
        entries = self._listings.entries(self._kind, stop)
        return ListedEntries(tuple(self._records.data(each.values(self._kind)) for each in entries))

    def records(self, fetched: ListedEntries) -> Iterator[RecordBlock]:
        try:
            yield from self._records.blocks(fetched.data, int(time.time() * 1000))
        except RecordTooLong:
            raise ConfigProblem(
                f"An entry of the {self.subject} is longer than the 20,000,000 characters that Airbyte takes in one "
                'message: deselect its columns "columns" and "additional_fields" in the connection.'
            ) from None

    def state(self, sent_slices: Collection[int], sync_identity: str | None) -> Mapping[str, Any]:  # noqa: ARG002 - nothing resumes
        """The CDK's state of a stream that is read whole each time."""
        return NOTHING_TO_RESUME


class ModelListings:
    """The model of one sync, for streams that are read at the same time: what several need is asked for once.

    Lists the application with this id, or (None) all that the key sees, with `num_workers` requests at a time.
    """

    def __init__(self, client: PigmentClient, application_id: str | None, *, num_workers: int) -> None:
        self._client = client
        self._application_id = application_id
        self._num_workers = num_workers
        # Mutable state, guarded by the lock: the lists that several streams share.
        self._lock = Lock()
        self._applications: list[ListedObject] | None = None
        self._blocks: list[tuple[Place, list[ListedObject]]] | None = None

    def entries(self, kind: ModelKind, stop: Event) -> list[Entry]:
        """All objects of a kind; raises a `PigmentError`, `ConfigProblem`, or `Stopped` once `stop` is set.

        A list that is gone or forbidden for one block is logged and left out; for an application it is raised.
        """
        with self._lock:
            applications = self._applications = self._applications or self._list_applications()
            if kind is ModelKind.APPLICATIONS:
                return merge_listings([(None, applications)])
            places = [Place(each) for each in applications]
            blocks = self._blocks = self._blocks or self._list(Listing.BLOCKS, places, stop)
        if kind is ModelKind.BLOCKS:
            return merge_listings(blocks)
        # Each application, and after it each of its blocks.
        places = [each for place, found in blocks for each in (place, *(Place(place.application, b) for b in found))]
        if kind is ModelKind.VIEWS:
            return merge_listings(self._list(Listing.VIEWS, places, stop))
        # A table has no import configurations: Pigment answers with an empty list (seen in the field).
        places = [each for each in places if not each.is_table]
        return self._enrich(merge_listings(self._list(Listing.IMPORT_CONFIGURATIONS, places, stop)))

    def try_each_listing(self) -> None:
        """Ask for the blocks of each application, and for one list of each other kind; raises what `entries` would."""
        places = [Place(each) for each in self._list_applications()]
        self._list(Listing.BLOCKS, places, Event())
        for listing in (Listing.VIEWS, Listing.IMPORT_CONFIGURATIONS):
            self._list(listing, places[:1], Event())

    def _list_applications(self) -> list[ListedObject]:
        wanted = self._application_id
        found = self._client.list_objects(Listing.APPLICATIONS)
        chosen = [each for each in found if wanted in {None, id_in_one_case(each.id)}]
        if wanted is not None and not chosen:
            visible = listed(f"{text_in(each.fields.get('name')) or ''} ({each.id})".strip() for each in found)
            raise ConfigProblem(explain_invisible(wanted, visible))
        return chosen

    def _list(self, listing: Listing, places: Sequence[Place], stop: Event) -> list[tuple[Place, list[ListedObject]]]:
        """What is listed in each of these places; raises `ConfigProblem` where an application is hidden."""
        hidden: dict[str, str] = {}

        def list_place(place: Place) -> list[ListedObject]:
            if stop.is_set():
                raise Stopped
            block = place.block.id if place.block else None
            try:
                return self._client.list_objects(listing, place.application.id, block)
            except HIDDEN as error:
                if place.block is None:
                    hidden[place.application.id] = f'"{_name_of(place.application)}" (HTTP {error.status})'
                else:
                    # The application's own list has what the block would have listed.
                    name, message = _name_of(place.block), explain(error).message
                    logger.error('The %s of the block "%s" are left out: %s', _WORDS[listing], name, message)  # noqa: TRY400 - a traceback could quote data
                return []

        with ThreadPoolExecutor(self._num_workers) as pool:
            found = list(zip(places, pool.map(list_place, places), strict=True))
        if hidden:
            noun = "application" if len(hidden) == 1 else "applications"
            raise ConfigProblem(
                f"Pigment does not show the {_WORDS[listing]} of the {noun} {listed(hidden.values())} to the owner of "
                f"the API key, and without them rows would be missing: share the {noun} with that person, or enter "
                'the ID of another application under "Application ID".'
            )
        return found

    def _enrich(self, entries: list[Entry]) -> list[Entry]:
        """The import configurations with the additional fields of the richer list, where the workspace offers one."""
        try:
            richer = self._client.list_objects(Listing.RICHER_IMPORT_CONFIGURATIONS)
        except TryLater:
            # It is not known whether it is offered: columns that come and go would change the stream.
            raise
        except PigmentError:
            return entries
        by_id = {each.id: each.fields for each in richer}
        for entry in entries:
            entry.fields = {**by_id.get(entry.id, {}), **entry.fields}
        return entries


_WORDS = {
    Listing.BLOCKS: "blocks",
    Listing.VIEWS: "views",
    Listing.IMPORT_CONFIGURATIONS: "import configurations",
}


def _name_of(found: ListedObject) -> str:
    return text_in(found.fields.get("name")) or found.id
