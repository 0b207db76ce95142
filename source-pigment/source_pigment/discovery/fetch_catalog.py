"""What there is to read, asked of Pigment: the blocks of one application, or of every one that the keys see.

Each application has one list of blocks, asked for once; those of several are asked for several at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pigment_airbyte.failures import ConfigProblem, traced
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyMissing, KeyRejected, PigmentError, TryLater
from pigment_client.models import Block, ExportKind, View
from pigment_client.wording import counted, listed
from source_pigment.config import NamedView, SourceConfig
from source_pigment.discovery.catalog import (
    Application,
    Applications,
    Catalog,
    ExportTarget,
    catalog_of,
    name_applications,
)
from source_pigment.discovery.matching import HIDDEN, ConfiguredStream, Listing, check_custom_exports
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import KnownNames

logger = logging.getLogger("airbyte.pigment.source")

T = TypeVar("T")


def fetch_filled_catalog(client: PigmentClient, config: SourceConfig) -> Catalog:
    """All that can be exported; raises `ConfigProblem` that says why where that is nothing and is all that is read.

    An application whose blocks are hidden, and a view of none of the applications, are named in the log and left out.
    Any other failure is raised: streams that vanish from a catalog vanish from the user's connection.
    """
    if config.application_id is not None:
        catalog = _fetch_one(client, config, config.application_id)
    else:
        catalog = _fetching(client, config).everything()
        _leave_out(catalog)
    if not catalog.targets and not (config.has_system_streams and _is_seen(client, config.application_id)):
        raise explain_empty(client, config)
    return catalog


def fetch_catalog_for(client: PigmentClient, config: SourceConfig, configured: Sequence[ConfiguredStream]) -> Catalog:
    """What the configured streams may read; the catalog knows which applications could not be listed, and why."""
    if config.application_id is not None:
        return _fetch_one(client, config, config.application_id)
    return _fetching(client, config).needed(configured)


def explain_empty(client: PigmentClient, config: SourceConfig) -> ConfigProblem:
    """Why there is nothing to read: the application is another's, hidden, or has no block of the chosen kinds."""
    applications = client.list_applications()
    if config.application_id is None and not applications:
        return ConfigProblem(
            'With an empty "Application ID" every application is read that the owner of the API key can see, and there '
            "is none: share the applications with that person in Pigment."
        )
    there = listed(f"{each.name} ({each.id})" for each in applications)
    if config.application_id is not None and all(each.id != config.application_id for each in applications):
        return ConfigProblem(
            f'The application {config.application_id} under "Application ID" is none that the owner of the API key can '
            f"see: open the application in Pigment and paste its address. There are: {there}."
        )
    subject = "The application has" if config.application_id else "The applications have"
    return ConfigProblem(
        f"{subject} no block of the chosen types and names that the owner of the API key can see: widen "
        '"Block types", "Include" and "Exclude", or check the access rights.'
    )


def _is_seen(client: PigmentClient, application_id: str | None) -> bool:
    """Whether the application, or any where none is entered, is one that the keys see."""
    return any(application_id in {None, each.id} for each in client.list_applications())


def _fetch_one(client: PigmentClient, config: SourceConfig, application_id: str) -> Catalog:
    blocks = client.list_blocks(application_id)
    check_custom_exports(config, [Listing(None, blocks)])
    return catalog_of(config, blocks, config.views)


def _fetching(client: PigmentClient, config: SourceConfig) -> _Fetching:
    return _Fetching(client, config, name_applications([(each.id, each.name) for each in client.list_applications()]))


class _Fetching:
    """One look at the applications that the keys see."""

    def __init__(self, client: PigmentClient, config: SourceConfig, applications: Sequence[Application]) -> None:
        self._client = client
        self._config = config
        self._applications = tuple(applications)

    def everything(self) -> Catalog:
        """All applications with all their views."""
        listings, failed = self._list_blocks(self._applications)
        check_custom_exports(self._config, listings, None if failed else ())
        return self._catalog(listings, failed, self._placed_views(listings, look_for_all=True))

    def needed(self, configured: Sequence[ConfiguredStream]) -> Catalog:
        """The applications of the configured streams; all of them where a stream or a custom export may be of any."""
        wanted = {each.application_of(self._applications) for each in configured}
        may_be_any = self._config.block_requests or None in wanted
        listings, failed = self._list_blocks([each for each in self._applications if may_be_any or each.id in wanted])
        applications = Applications(self._applications, failed)
        out = [each for each in configured if each.is_out(applications)]
        try:
            check_custom_exports(self._config, listings, set().union(*(each.words() for each in out)))
        except ConfigProblem:
            # An entry may be for a block that could not be listed: who knows better next time does not say it is wrong.
            _raise_what_may_pass(applications, TryLater)
            raise
        # A stream that notes its view's id needs no look at where that view is.
        by_name = any(each.schema.object_id is None for each in configured)
        return self._catalog(listings, failed, self._placed_views(listings, look_for_all=by_name))

    def _list_blocks(self, applications: Iterable[Application]) -> tuple[list[Listing], dict[str, PigmentError]]:
        """The blocks of each application, and by the application's id what went wrong instead."""
        found = self._at_once(lambda each: (each, self._blocks_of(each)), applications)
        failed = {each.id: result for each, result in found if isinstance(result, PigmentError)}
        return [Listing(each, result) for each, result in found if not isinstance(result, PigmentError)], failed

    def _blocks_of(self, application: Application) -> list[Block] | PigmentError:
        try:
            return self._client.list_blocks(application.id)
        except (KeyMissing, KeyRejected):
            # What is wrong with the key is wrong for every application.
            raise
        except PigmentError as error:
            return error

    def _placed_views(self, listings: Sequence[Listing], *, look_for_all: bool) -> Mapping[str, Collection[NamedView]]:
        """The views by their application's id: as the pasted address says, else as Pigment lists them."""
        known = {each.application.id for each in listings if each.application}
        places = {each.view_id: each.application_id for each in self._config.views if each.application_id in known}
        if look_for_all and any(each.view_id not in places for each in self._config.views):
            applications = [each.application for each in listings if each.application]
            views = self._at_once(lambda each: (each, self._views_of(each)), applications)
            for application, found in views:
                places = {**{each.id: application.id for each in found}, **places}
        placed: dict[str, list[NamedView]] = {}
        for view in self._config.views:
            placed.setdefault(places.get(view.view_id) or "", []).append(view)
        return placed

    def _views_of(self, application: Application) -> list[View]:
        try:
            return self._client.list_views(application.id)
        except HIDDEN:
            return []

    def _catalog(
        self,
        listings: Sequence[Listing],
        failed: Mapping[str, PigmentError],
        views: Mapping[str, Collection[NamedView]],
    ) -> Catalog:
        parts = [
            catalog_of(self._config, each.blocks, tuple(views.get(each.application.id, ())), each.application)
            for each in listings
            if each.application
        ]
        unplaced = tuple(
            ExportTarget(StreamName(each.name), ExportKind.VIEW, each.view_id, None, KnownNames())
            for each in views.get("", ())
        )
        return Catalog(
            tuple(each for part in parts for each in part.targets),
            (*(each for part in parts for each in part.others), *unplaced),
            Applications(self._applications, failed),
        )

    def _at_once(self, ask: Callable[[Application], T], applications: Iterable[Application]) -> list[T]:
        """What is asked of each application, several at a time."""
        with ThreadPoolExecutor(self._config.num_workers) as pool:
            try:
                return list(pool.map(ask, applications))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _leave_out(catalog: Catalog) -> None:
    """Name what is hidden; raise what may pass."""
    applications = catalog.applications or Applications(())
    _raise_what_may_pass(applications, PigmentError)
    for application, error in applications.failures():
        logger.error(
            'The application "%s" is left out: Pigment shows none of its blocks to the owner of the API key (HTTP %s). '
            "Share it with that person if it is to be read.",
            application.namespace,
            error.status,
        )
    _name_what_is_empty(applications, {each.application for each in catalog.targets})
    for view in catalog.unplaced_views:
        logger.error("The %s is left out: %s", view.subject, explain_unplaced(view))


def _raise_what_may_pass(applications: Applications, kind: type[PigmentError]) -> None:
    """Raise the first failure of this kind that does not only hide an application."""
    for application, error in applications.failures():
        if isinstance(error, kind) and not isinstance(error, HIDDEN):
            failure = traced(error, subject=f'application "{application.namespace}"')
            failure.message = (
                f'The blocks of the application "{application.namespace}" could not be listed: {failure.message}'
            )
            raise failure from None


def _name_what_is_empty(applications: Applications, filled: Collection[Application | None]) -> None:
    empty = [each for each in applications.seen if each not in filled and each.id not in applications.failed]
    if empty:
        logger.info(
            "%s no block of the chosen types and names that the owner of the API key can see: %s.",
            counted(len(empty), "application has", "applications have"),
            listed(each.namespace for each in empty),
        )


def explain_unplaced(view: ExportTarget) -> str:
    """Why a view is of no application, and what to do."""
    return (
        f'The view "{view.stream}" under "Views" ({view.id}) is in none of the applications that the owner of the API '
        "key can see: open the view in Pigment and paste the whole address of the page."
    )
