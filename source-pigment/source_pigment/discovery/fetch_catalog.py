"""Asks Pigment what there is to read: the blocks of one application, or of every one that the keys see.

The blocks of each application are listed once; several applications are asked at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pigment_airbyte.failures import ConfigProblem, traced
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyMissing, KeyRejected, PigmentError, TryLater
from pigment_client.models import Block, ExportKind, View
from pigment_client.wording import counted, listed, nearest, nearest_of_each
from source_pigment.config import CustomExport, NamedView, SourceConfig, any_matches
from source_pigment.discovery.catalog import (
    Application,
    Applications,
    ExportCatalog,
    ExportTarget,
    catalog_of,
    explain_invisible,
    name_applications,
)
from source_pigment.discovery.matching import HIDDEN, ConfiguredStream, resolve_custom_exports
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import KnownNames

logger = logging.getLogger("airbyte.pigment.source")


def fetch_whole_catalog(client: PigmentClient, config: SourceConfig) -> ExportCatalog:
    """Everything that can be exported; raises `ConfigProblem` with the reason where there is nothing at all to read.

    An application whose blocks are hidden, if not all are, and a view that is in none of those that are shown, are
    logged and left out. Any other failure is raised: streams that vanish from a catalog vanish from the user's
    connection.
    """
    if config.application_id is not None:
        catalog = _fetch_one(client, config, config.application_id)
    else:
        seen = _list_applications(client)
        blocks, failed = _list_blocks(client, config, seen)
        applications = Applications(seen, failed)
        custom = resolve_custom_exports(config, blocks.items(), None if failed else ())
        _require_listed(applications, PigmentError)
        if failed and not blocks and (config.block_types or config.views):
            raise ConfigProblem(_explain_all_hidden(applications))
        views = _place_views(client, config, blocks, look_for_all=True)
        catalog = _combine(config, blocks, views, applications, custom)
        _log_left_out(catalog, applications)
    if not catalog.targets:
        has_system_streams = config.model_streams or config.audit_log
        visible = client.list_applications() if has_system_streams else []
        if all(config.application_id not in {None, each.id} for each in visible):
            raise ConfigProblem(explain_empty(client, config))
    return catalog


def fetch_catalog_for(
    client: PigmentClient, config: SourceConfig, configured: Sequence[ConfiguredStream]
) -> ExportCatalog:
    """What the configured streams may read; the catalog says which applications could not be listed, and why."""
    if config.application_id is not None:
        return _fetch_one(client, config, config.application_id)
    seen = _list_applications(client)
    wanted = {each.application_of(seen) for each in configured}
    # A stream that does not say its application, or a custom export, may belong to any of them.
    needs_all = config.custom_exports or None in wanted
    blocks, failed = _list_blocks(client, config, [each for each in seen if needs_all or each.id in wanted])
    applications = Applications(seen, failed)
    unavailable = [each for each in configured if each.is_unavailable(applications)]
    try:
        excused = set().union(*(each.aliases for each in unavailable))
        custom = resolve_custom_exports(config, blocks.items(), excused)
    except ConfigProblem:
        # The entry may be for a block that could not be listed this time, so it is not known to be wrong.
        _require_listed(applications, TryLater)
        raise
    # A stream that notes its view's id can be read without knowing the view's application.
    by_name = any(each.schema.object_id is None for each in configured)
    views = _place_views(client, config, blocks, look_for_all=by_name)
    return _combine(config, blocks, views, applications, custom)


def explain_empty(client: PigmentClient, config: SourceConfig) -> str:
    """Why there is nothing to read: the application is not visible, or has no block of the chosen kinds."""
    applications = client.list_applications()
    if config.application_id is None and not applications:
        return (
            'With an empty "Application ID", every application is read that the owner of the API key can see, but '
            "there is none: share the applications with that person in Pigment."
        )
    if config.application_id is not None and all(each.id != config.application_id for each in applications):
        visible = listed(f"{each.name} ({each.id})" for each in applications)
        return explain_invisible(config.application_id, visible)
    if not config.block_types:
        return (
            '"Block types" is empty and no view is entered, so there is nothing to read: choose list, table or metric '
            'under "Block types".'
        )
    if config.include and config.application_id is not None:
        possible = replace(config, include=(), exclude=()).choose(client.list_blocks(config.application_id))
        if possible and not replace(config, exclude=()).choose(possible):
            return (
                f'The application has no block of the chosen types that matches "Include" ({listed(config.include)}): '
                f"correct it, or leave it empty. {_nearest_blocks(config.include, [each.name for each in possible])}"
            )
    subject = "The application has" if config.application_id else "The applications have"
    return (
        f"{subject} no block of the chosen types and names that the owner of the API key can see: widen "
        '"Block types", "Include" and "Exclude", or check the access rights.'
    )


def _nearest_blocks(patterns: Sequence[str], names: Sequence[str]) -> str:
    """A sentence about the blocks that the patterns may mean."""
    for pattern in patterns:
        for name in names:
            if any_matches([pattern.casefold()], name.casefold()):
                return nearest(name.casefold(), [name])
    return nearest_of_each(patterns, names)


def explain_unplaced(view: ExportTarget, catalog: ExportCatalog) -> str:
    """Why it is not known which application a view belongs to, and what to do."""
    hidden = catalog.hidden_views
    where = (
        f"was not found: Pigment does not show the views of {listed(hidden)} to the owner of the API key, and it is in "
        "none of the other applications. Share them with that person, or open"
        if hidden
        else "is in none of the applications that the owner of the API key can see: open"
    )
    return (
        f'The view "{view.stream}" under "Views" ({view.id}) {where} the view in Pigment and paste the whole address '
        "of the page."
    )


def _explain_all_hidden(applications: Applications) -> str:
    """Why nothing can be read although there are applications."""
    statuses = sorted({f"HTTP {error.status}" for _, error in applications.failures()})
    names = listed(f'"{each.namespace}"' for each in applications.seen)
    return (
        f"Pigment shows the owner of the API key {counted(len(applications.seen), 'application')} ({names}), and the "
        f"blocks of none of them ({', '.join(statuses)}): share an application with that person in Pigment, or enter a "
        'metadata key whose owner can see it under "Authentication".'
    )


def _fetch_one(client: PigmentClient, config: SourceConfig, application_id: str) -> ExportCatalog:
    blocks = client.list_blocks(application_id)
    custom = resolve_custom_exports(config, [(None, blocks)])
    return catalog_of(config, blocks, config.views, custom=custom)


def _list_applications(client: PigmentClient) -> tuple[Application, ...]:
    return name_applications([(each.id, each.name) for each in client.list_applications()])


def _list_blocks(
    client: PigmentClient, config: SourceConfig, applications: Sequence[Application]
) -> tuple[dict[Application, list[Block]], dict[str, PigmentError]]:
    """The blocks of each application, and by the application's id what went wrong instead."""

    def list_blocks(application: Application) -> list[Block] | PigmentError:
        try:
            return client.list_blocks(application.id)
        except (KeyMissing, KeyRejected):
            # What is wrong with the key is wrong for every application.
            raise
        except PigmentError as error:
            return error

    blocks: dict[Application, list[Block]] = {}
    failed: dict[str, PigmentError] = {}
    with ThreadPoolExecutor(config.num_workers) as pool:
        for application, result in zip(applications, pool.map(list_blocks, applications), strict=True):
            if isinstance(result, PigmentError):
                failed[application.id] = result
            else:
                blocks[application] = result
    return blocks, failed


@dataclass(frozen=True, slots=True)
class _PlacedViews:
    """The views by their application's id (None: unknown), and the namespaces whose views could not be listed."""

    by_application: Mapping[str | None, Sequence[NamedView]]
    hidden: Sequence[str]


def _place_views(
    client: PigmentClient, config: SourceConfig, applications: Collection[Application], *, look_for_all: bool
) -> _PlacedViews:
    """Where the views belong: from the pasted address, otherwise from Pigment's lists."""

    def list_views(application: Application) -> list[View] | None:
        try:
            return client.list_views(application.id)
        except HIDDEN:
            return None

    ids = {each.id for each in applications}
    places = {each.view_id: each.application_id for each in config.views if each.application_id in ids}
    hidden = []
    if look_for_all and any(each.view_id not in places for each in config.views):
        with ThreadPoolExecutor(config.num_workers) as pool:
            for application, views in zip(applications, pool.map(list_views, applications), strict=True):
                if views is None:
                    hidden.append(application.namespace)
                for view in views or ():
                    places.setdefault(view.id, application.id)
    placed: dict[str | None, list[NamedView]] = {}
    for each in config.views:
        placed.setdefault(places.get(each.view_id), []).append(each)
    return _PlacedViews(placed, hidden)


def _combine(
    config: SourceConfig,
    blocks: Mapping[Application, Sequence[Block]],
    views: _PlacedViews,
    applications: Applications,
    custom: Mapping[str, CustomExport],
) -> ExportCatalog:
    """One catalog of several applications."""
    parts = [
        catalog_of(config, listed_blocks, views.by_application.get(application.id, ()), application, custom)
        for application, listed_blocks in blocks.items()
    ]
    unplaced = (
        ExportTarget(StreamName(each.name), ExportKind.VIEW, each.view_id, None, KnownNames())
        for each in views.by_application.get(None, ())
    )
    return ExportCatalog(
        tuple(each for part in parts for each in part.targets),
        (*(each for part in parts for each in part.others), *unplaced),
        applications,
        (*views.hidden, *(each.namespace for each, _ in applications.failures())),
    )


def _log_left_out(catalog: ExportCatalog, applications: Applications) -> None:
    """Log which applications are hidden or empty, and which views are in none of them."""
    for application, error in applications.failures():
        logger.error(
            'The application "%s" is left out: Pigment shows none of its blocks to the owner of the API key (HTTP %s). '
            "Share it with that person if it is to be read.",
            application.namespace,
            error.status,
        )
    filled = {each.application for each in catalog.targets}
    empty = [each for each in applications.seen if each not in filled and each.id not in applications.failed]
    if empty:
        logger.info(
            "%s no block of the chosen types and names that the owner of the API key can see: %s.",
            counted(len(empty), "application has", "applications have"),
            listed(each.namespace for each in empty),
        )
    for view in catalog.unplaced_views:
        logger.error("The %s is left out: %s", view.subject, explain_unplaced(view, catalog))


def _require_listed(applications: Applications, kind: type[PigmentError]) -> None:
    """Raise the first failure of this kind, unless the application is only hidden."""
    for application, error in applications.failures():
        if isinstance(error, kind) and not isinstance(error, HIDDEN):
            failure = traced(error, subject=f'application "{application.namespace}"')
            failure.message = (
                f'The blocks of the application "{application.namespace}" could not be listed: {failure.message}'
            )
            raise failure from None
