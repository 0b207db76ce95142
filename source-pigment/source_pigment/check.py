"""check: whether the source can read what it is configured to read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airbyte_cdk.models import AirbyteConnectionStatus

from pigment_airbyte.check import check_form_and_connection
from pigment_airbyte.failures import ConfigProblem, explained
from pigment_airbyte.form import load_spec
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyRejected, NotFound, PermissionMissing, PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind
from pigment_client.wording import counted, listed
from pigment_csv.reader import CsvBroken
from source_pigment.config import SourceConfig, parse_config
from source_pigment.discovery.catalog import Applications, ExportCatalog, ExportTarget, export_requests
from source_pigment.discovery.fetch_catalog import explain_empty, explain_unplaced, fetch_whole_catalog
from source_pigment.discovery.sampling import explain_unreadable, read_sample
from source_pigment.system_streams import check_system_streams

# One block may be gone or too large although the key is right; three of a kind that fail are no coincidence.
_BLOCKS_TO_TRY = 3

# Each costs a request. Beyond this number, a wrong view or custom export is found when the sync reads it.
_MOST_TRIED = 25


def check_connection(config: Mapping[str, Any], logger: logging.Logger) -> AirbyteConnectionStatus:
    """Try everything that is configured: application, views, payloads, and one export of each kind."""
    schema = load_spec("source_pigment").connectionSpecification
    return check_form_and_connection(
        config, logger, schema=schema, parse=parse_config, needed=_needed_purposes, try_all=_try_all
    )


def _needed_purposes(config: Mapping[str, Any]) -> frozenset[Purpose]:
    audit_log = {Purpose.AUDIT} if config.get("audit_log") is True else set()
    return frozenset({Purpose.EXPORT, Purpose.METADATA} | audit_log)


def _try_all(client: PigmentClient, settings: SourceConfig) -> str:
    catalog = _require_catalog(client, settings)
    custom = [each for each in catalog.targets if each.custom is not None]
    views = [each for each in catalog.targets if each.kind is ExportKind.VIEW]
    for each in (*views, *custom)[:_MOST_TRIED]:
        _check_export(client, settings, each)
    for kind in {each.kind for each in catalog.targets} - {each.kind for each in (*views, *custom)}:
        _check_one_export(client, settings, _across_applications(catalog.targets, kind))
    system = check_system_streams(client, settings)
    found = counted(
        len(catalog.targets) + sum(system.values()),
        "stream was found, and the keys can read it",
        "streams were found, and the keys can read them",
    )
    applications = _applications(catalog.applications) if catalog.applications else ""
    return f"{found}: {_kinds(catalog, system)}.{applications}"


def _require_catalog(client: PigmentClient, settings: SourceConfig) -> ExportCatalog:
    """The chosen blocks and views; raises what is wrong with the application, a view or a payload."""
    try:
        catalog = fetch_whole_catalog(client, settings)
    except NotFound:
        if settings.application_id is None:
            raise
        raise ConfigProblem(explain_empty(client, settings)) from None
    if catalog.unplaced_views:
        raise ConfigProblem(explain_unplaced(catalog.unplaced_views[0], catalog))
    for each in catalog.targets:
        export_requests(settings, each)  # checks the payloads, so that a wrong one does not stop a sync halfway
    return catalog


def _check_one_export(client: PigmentClient, settings: SourceConfig, targets: Sequence[ExportTarget]) -> None:
    """Read the header line of one of the blocks; that one cannot be exported does not mean that none can."""
    first: Exception | None = None
    for each in targets[:_BLOCKS_TO_TRY]:
        try:
            read_sample(client, export_requests(settings, each)[0], rows=0)
        except KeyRejected:
            raise
        except PigmentError as error:
            first = first or error
        except CsvBroken as error:
            first = first or ConfigProblem(explain_unreadable(each, error))
        else:
            return
    if isinstance(first, PermissionMissing):
        raise first
    if first is not None:
        with explained(subject=targets[0].subject):
            raise first


def _check_export(client: PigmentClient, settings: SourceConfig, target: ExportTarget) -> None:
    """Read the header line of a view or block that the configuration names."""
    request = export_requests(settings, target)[0]
    try:
        read_sample(client, request, rows=0)
    except (KeyRejected, PermissionMissing):
        raise
    except NotFound:
        if target.kind is ExportKind.VIEW:
            raise _no_such_view(client, settings, target) from None
        raise
    except CsvBroken as error:
        raise ConfigProblem(explain_unreadable(target, error)) from None
    except PigmentError as error:
        with explained(subject=target.subject):
            raise error from None


def _no_such_view(client: PigmentClient, settings: SourceConfig, view: ExportTarget) -> ConfigProblem:
    application_id = view.application.id if view.application else settings.application_id
    there = [f'"{each.name}" ({each.id})' for each in client.list_views(application_id or "")]
    return ConfigProblem(
        f'The view "{view.stream.name}" under "Views" ({view.id}) is not a view of the application that the '
        f"owner of the keys can see: open the view in Pigment and paste its address. There are: {listed(there)}."
    )


def _across_applications(targets: Sequence[ExportTarget], kind: ExportKind) -> list[ExportTarget]:
    """The targets of a kind: the first of each application, then the second of each, and so on."""
    ranks: Counter[str] = Counter()
    ranked: list[tuple[int, ExportTarget]] = []
    for each in (each for each in targets if each.kind is kind):
        application_id = each.application.id if each.application else ""
        ranked.append((ranks[application_id], each))
        ranks[application_id] += 1
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]


def _applications(applications: Applications) -> str:
    """Which applications the keys see, and which of them hide their blocks."""
    seen = [each.namespace for each in applications.seen if each.id not in applications.failed]
    hidden = [each.namespace for each in applications.seen if each.id in applications.failed]
    without = f" Left out, because their blocks are hidden: {listed(hidden)}." if hidden else ""
    return f" The keys see {counted(len(seen), 'application')}: {listed(seen)}.{without}"


def _kinds(catalog: ExportCatalog, system: Mapping[str, int]) -> str:
    counts = {kind: sum(each.kind is kind for each in catalog.targets) for kind in ExportKind}
    kinds = [counted(count, kind.value) for kind, count in counts.items() if count]
    return ", ".join([*kinds, *(f"{count} {kind}" for kind, count in system.items())])
