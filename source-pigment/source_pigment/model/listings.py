"""Asks Pigment for the model: one list for each application, and one for each block of what belongs to blocks.

Nothing in an entry says which block it belongs to, so each block is asked; the application's own list comes first, so
that what no block lists is there as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock

from pigment_airbyte.failures import ConfigProblem, explain
from pigment_client.client import PigmentClient
from pigment_client.errors import NotFound, PermissionMissing, PigmentError, TryLater
from pigment_client.json_objects import text_in
from pigment_client.models import BlockType, ListedObject, Listing
from pigment_client.wording import listed
from source_pigment.model.entries import Entry, ModelKind, Place, gathered
from source_pigment.reading.download import Stopped

logger = logging.getLogger("airbyte.pigment.source")

_LEFT_OUT = (NotFound, PermissionMissing)


@dataclass(frozen=True, slots=True)
class ModelScope:
    """Which application is listed (None: all that the key sees), and how many requests are under way at a time."""

    application_id: str | None
    num_workers: int


class ModelListings:
    """The model of one sync, for streams that are read at the same time: what several need is asked for once."""

    def __init__(self, client: PigmentClient, scope: ModelScope) -> None:
        self._client = client
        self._scope = scope
        # Mutable state, guarded by the lock: what was listed for whoever came first.
        self._lock = Lock()
        self._applications: list[ListedObject] | None = None
        self._blocks: list[tuple[Place, list[ListedObject]]] | None = None

    def entries(self, kind: ModelKind, stop: Event) -> list[Entry]:
        """All objects of a kind; raises a `PigmentError`, `ConfigProblem`, or `Stopped` once `stop` is set.

        What is gone or forbidden for one application or block is named in the log and left out.
        """
        with self._lock:
            applications = self._applications = self._applications or self._list_applications()
            if kind is ModelKind.APPLICATIONS:
                return gathered([(None, applications)])
            places = [Place(each) for each in applications]
            blocks = self._blocks = self._blocks or self._list(Listing.BLOCKS, places, stop)
        if kind is ModelKind.BLOCKS:
            return gathered(blocks)
        if kind is ModelKind.VIEWS:
            return gathered(self._list(Listing.VIEWS, _with_blocks(blocks), stop))
        plain = [each for each in _with_blocks(blocks) if not _is_table(each)]
        return self._enriched(gathered(self._list(Listing.IMPORT_CONFIGURATIONS, plain, stop)))

    def try_out(self) -> None:
        """Ask for one list of each kind; raises what `entries` would."""
        places = [Place(each) for each in self._list_applications()[:1]]
        for listing in (Listing.BLOCKS, Listing.VIEWS, Listing.IMPORT_CONFIGURATIONS):
            self._list(listing, places, Event())

    def _list_applications(self) -> list[ListedObject]:
        wanted = self._scope.application_id
        found = self._client.list_objects(Listing.APPLICATIONS)
        chosen = [each for each in found if wanted in {None, each.id}]
        if wanted is not None and not chosen:
            there = listed(f"{text_in(each.fields.get('name')) or ''} ({each.id})".strip() for each in found)
            raise ConfigProblem(
                f'The application {wanted} under "Application ID" is none that the owner of the API key can see: open '
                f"the application in Pigment and paste its address. There are: {there}."
            )
        return chosen

    def _list(self, listing: Listing, places: Sequence[Place], stop: Event) -> list[tuple[Place, list[ListedObject]]]:
        """What is listed in each of these places; raises where nothing at all may be listed."""
        errors: list[PigmentError] = []

        def ask(place: Place) -> list[ListedObject]:
            if stop.is_set():
                raise Stopped
            block = place.block.id if place.block else None
            try:
                return self._client.list_objects(listing, place.application.id, block)
            except _LEFT_OUT as error:
                errors.append(error)
                logger.error("The %s are left out: %s", _subject(listing, place), explain(error).message)  # noqa: TRY400 - a traceback could quote data
                return []

        with ThreadPoolExecutor(self._scope.num_workers) as pool:
            try:
                found = list(zip(places, pool.map(ask, places), strict=True))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if places and len(errors) == len(places):
            raise errors[0]
        return found

    def _enriched(self, entries: list[Entry]) -> list[Entry]:
        """The import configurations with what the richer list adds, where the workspace offers one."""
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


def _with_blocks(blocks: Sequence[tuple[Place, Sequence[ListedObject]]]) -> list[Place]:
    """Each application, and behind it each of its blocks."""
    return [each for place, found in blocks for each in (place, *(Place(place.application, block) for block in found))]


def _is_table(place: Place) -> bool:
    """A table has no import configurations, which is an empty list (seen in the field): it need not be asked."""
    return place.block is not None and text_in(place.block.fields.get("type")) == BlockType.TABLE


def _subject(listing: Listing, place: Place) -> str:
    words = {Listing.VIEWS: "views", Listing.IMPORT_CONFIGURATIONS: "import configurations"}
    owner, kind = (place.block, "block") if place.block else (place.application, "application")
    name = text_in(owner.fields.get("name")) or owner.id
    return f'{words.get(listing, "blocks")} of the {kind} "{name}"'
