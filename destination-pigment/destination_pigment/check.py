"""check: whether the destination can write what it is configured to write. It pushes nothing into Pigment."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from airbyte_cdk.models import AirbyteConnectionStatus

from destination_pigment.config import CountBlocks, DestinationConfig, DimensionCheck, TargetEntry, parse_config
from destination_pigment.imports.block_reading import read_columns
from destination_pigment.imports.then_run import require_visible, resolve_follow_ups
from destination_pigment.rejected_rows.store import open_objects, probe_bucket
from destination_pigment.targets import resolve_names
from pigment_airbyte.check import check_form_and_connection
from pigment_airbyte.connection import open_client
from pigment_airbyte.credentials import KEY_PROPERTIES
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import load_spec
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyRejected, NotFound, PermissionMissing, RequestRejected
from pigment_client.http.clock import Clock
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind, ExportRequest, ImportConfiguration, is_id
from pigment_client.wording import counted, listed


def check_connection(config: Mapping[str, Any], logger: logging.Logger) -> AirbyteConnectionStatus:
    """Try everything that is configured: keys, application, import configurations, dimension checks, bucket."""
    schema = load_spec("destination_pigment").connectionSpecification
    return check_form_and_connection(
        config,
        logger,
        schema=schema,
        parse=parse_config,
        needed=_needed_purposes,
        try_all=lambda client, settings: _try_all(client, settings, config),
    )


def _needed_purposes(config: Mapping[str, Any]) -> frozenset[Purpose]:
    """What the keys must be able to do; a single key need not be able to list."""
    credentials = config.get("credentials") or {}
    needed = {Purpose.IMPORT, *(each for each in Purpose if credentials.get(KEY_PROPERTIES[each]))}
    exports = config.get("dimension_checks") or any(each.get("block_id") for each in config.get("targets") or ())
    return frozenset(needed | ({Purpose.EXPORT} if exports else set()))


def _try_all(client: PigmentClient, settings: DestinationConfig, config: Mapping[str, Any]) -> str:
    # The ID of no import: 404 means that the key may import.
    with suppress(NotFound):
        client.import_status(str(uuid.uuid4()))
    _check_stream_names(settings)
    _check_separators(settings)
    known = None
    if _can_list(client, config):
        known = _list_configurations(client, settings)
        settings = resolve_names(settings, known)
        _check_targets(settings.targets, known)
        _require_reachable(settings, known)
        found = counted(len(known), "import configuration is visible.", "import configurations are visible.")
    else:
        resolve_names(settings, None)
        _require_reachable(settings, None)
        found = (
            'The key can import. Without a key of the type "Modeling Metadata" it could not be checked that '
            "the application and the import configurations exist, and every stream needs an entry under "
            f'"Targets" ({len(settings.targets)} so far).'
        )
    for target in settings.targets:
        _check_block(client, target)
    for each in settings.dimension_checks:
        _check_dimension_list(client, settings, each)
    found += _describe_limits(settings, has_export_key=client.has_key_for(Purpose.EXPORT))
    found += _check_follow_ups(client, settings, known)
    if settings.bucket is not None:
        found = f"{found} {probe_bucket(settings.bucket, open_objects, Clock())}"
    return " ".join([found, *settings.warnings()])


def _can_list(client: PigmentClient, config: Mapping[str, Any]) -> bool:
    """Whether there is a key that can list; raises an error if what answers is not Pigment."""
    if (config.get("credentials") or {}).get("auth_type") == "separate_keys" and client.has_key_for(Purpose.METADATA):
        return True
    # Any web site answers 404 to the ID of no import. Only Pigment can list applications, or forbid that.
    credentials = config["credentials"]
    key = credentials.get("api_key") or credentials.get(KEY_PROPERTIES[Purpose.IMPORT])
    asking = {**config, "credentials": {"auth_type": "single_key", "api_key": key}, "max_retries": 1}
    with open_client(asking) as other:
        try:
            other.list_applications()
        except (PermissionMissing, KeyRejected):
            return False
    return client.has_key_for(Purpose.METADATA)


def _list_configurations(client: PigmentClient, settings: DestinationConfig) -> list[ImportConfiguration]:
    """The import configurations of the application; raises `ConfigProblem` if the keys cannot see that one."""
    if settings.application_id is not None:
        applications = client.list_applications()
        if all(each.id != settings.application_id for each in applications):
            there = listed(f"{each.name} ({each.id})" for each in applications)
            raise ConfigProblem(
                f'The "Application ID" {settings.application_id} is not an application that the owner of the key '
                f"can see: open the application in Pigment and paste its address. There are: {there}."
            )
    return client.list_import_configurations(settings.application_id)


def _check_targets(targets: Sequence[TargetEntry], known: Sequence[ImportConfiguration]) -> None:
    by_id = {each.id: each for each in known}
    for target in targets:
        chosen = [
            _require_visible(target.stream, each, by_id)
            for each in (target.configuration_id, target.replace_configuration_id)
            if each is not None
        ]
        blocks = {each.target for each in chosen if each.target is not None}
        if len(blocks) > 1:
            names = " and ".join(f'"{each.name}"' for each in chosen)
            raise ConfigProblem(
                f'The import configurations {names} of the target "{target.stream}" fill different blocks, and a '
                'pair must fill the same one: correct one of the two IDs under "Targets".'
            )
        for each in chosen:
            if target.scope is not None and target.scope not in {column.name for column in each.columns or ()}:
                _require_reads_scope(target.stream, target.scope, each)


def _require_reads_scope(stream: str, scope: str, configuration: ImportConfiguration) -> None:
    """Raise `ConfigProblem` where an import configuration, as far as its columns are known, does not read a scope."""
    if configuration.columns is not None:
        there = listed(column.name for column in configuration.columns)
        raise ConfigProblem(
            f'The import configuration "{configuration.name}" of the target "{stream}" does not read the column '
            f'"{scope}", which is the "Scope" of the target: correct it under "Targets", or map the column in Pigment. '
            f"It reads: {there}."
        )


def _require_reachable(settings: DestinationConfig, known: Sequence[ImportConfiguration] | None) -> None:
    """Raise `ConfigProblem` where no stream could ever find an import configuration."""
    if settings.application_id is not None and known is not None and not known:
        raise ConfigProblem(
            f"The application {settings.application_id} has no import configuration that the owner of the key can see: "
            'correct the "Application ID", or create an import configuration in that application.'
        )
    if settings.targets or (settings.application_id is not None and known is not None):
        return
    lacking = [
        *(['an "Application ID"'] if settings.application_id is None else []),
        *(['a key of the type "Modeling Metadata"'] if known is None else []),
    ]
    needed = " and ".join(lacking)
    raise ConfigProblem(
        f'No stream can find its import configuration: enter {needed}, or an entry under "Targets" for each stream.'
    )


def _check_separators(settings: DestinationConfig) -> None:
    """Raise `ConfigProblem` where the decimal comma of a number would also separate two columns."""
    named = [
        ('"CSV format"', settings.loading),
        *((f'The "CSV format" of the target "{each.stream}"', each.loading) for each in settings.targets),
    ]
    for subject, loading in named:
        if loading.dialect.delimiter == loading.dialect.decimal_separator:
            raise ConfigProblem(
                f'{subject} has a comma both as "Delimiter" and as "Decimal separator": choose semicolon as '
                '"Delimiter" or dot as "Decimal separator", as in the import configuration in Pigment.'
            )


def _describe_limits(settings: DestinationConfig, *, has_export_key: bool) -> str:
    """Sentences about what cannot be noticed when blocks are replaced, and about which streams wait for which."""
    described = ""
    replaces = any(each.scope is None and (each.clears or each.replace_configuration_id) for each in settings.targets)
    if replaces and not has_export_key and settings.count_blocks is not CountBlocks.NEVER:
        described += (
            " Without an Export key the rows of a block cannot be counted after a stream has overwritten it: if old "
            "rows stay in the block, its totals are too high, and the sync still succeeds."
        )
    if any(each.step > 1 for each in settings.targets):
        streams = {1: ["all streams without an entry"]}
        for each in settings.targets:
            streams.setdefault(each.step, []).append(f'"{each.stream}"')
        steps = "; ".join(f"step {step}: {listed(names)}" for step, names in sorted(streams.items()))
        described += f" A stream is imported once everything of the steps before is stored. The steps are: {steps}."
    return described


def _check_follow_ups(
    client: PigmentClient, settings: DestinationConfig, known: Sequence[ImportConfiguration] | None
) -> str:
    """Check without starting anything that what is to be started is visible, in any application; returns a sentence.

    `known` are the import configurations of the application, or None if they cannot be listed.
    """
    if not settings.then_run:
        return ""
    if known is None:
        return ' It could also not be checked that the configurations under "Then run" exist.'
    if set(settings.then_run) - {each.id for each in known}:
        known = [*known, *client.list_import_configurations()]
    followups = resolve_follow_ups(settings.then_run, known)
    require_visible(followups, known)
    return f' Under "Then run": {", ".join(each.title for each in followups)}.'


def _require_visible(stream: str, wanted: str, by_id: Mapping[str, ImportConfiguration]) -> ImportConfiguration:
    if wanted in by_id:
        return by_id[wanted]
    there = listed(f"{each.name} ({each.id})" for each in by_id.values())
    raise ConfigProblem(
        f'The target "{stream}" names the import configuration {wanted}, which the application does not have or the '
        f'owner of the key cannot see: copy the ID again under "Targets", or correct the "Application ID". There are: '
        f"{there}."
    )


def _check_stream_names(settings: DestinationConfig) -> None:
    """The streams of a connection are not known yet, but two fields that mean the same stream must spell it alike."""
    targets = {each.stream for each in settings.targets}
    folded = {_folded(each.stream): each.stream for each in settings.targets}
    for each in settings.dimension_checks:
        if each.stream not in targets:
            for close in get_close_matches(_folded(each.stream), folded, n=1, cutoff=0.85):
                raise ConfigProblem(
                    f'"Dimension checks" names the stream "{each.stream}" and "Targets" the stream "{folded[close]}": '
                    "write it in both as the connection in Airbyte shows it."
                )


def _folded(stream: str) -> str:
    return stream.casefold().replace(" ", "_")


def _check_block(client: PigmentClient, target: TargetEntry) -> None:
    """Read the header line of the block that is to be counted before it is replaced."""
    if target.block_id is None:
        return
    if not client.has_key_for(Purpose.EXPORT):
        raise ConfigProblem(
            f'The target "{target.stream}" has a "Block ID", and without an Export key its rows cannot be counted: '
            'enter an "Export key" under "Authentication", or remove the ID.'
        )
    try:
        columns = read_columns(client, target.block_id).columns
    except (NotFound, RequestRejected):
        raise ConfigProblem(
            f'The "Block ID" {target.block_id} of the target "{target.stream}" is not a list or a metric that the '
            'owner of the Export key can see: open the block in Pigment and paste its address as "Block ID".'
        ) from None
    if target.scope is not None and target.minimum_percent is not None and target.scope not in columns:
        raise ConfigProblem(
            f'The target "{target.stream}" has a "Smallest share of rows (%)" for each value of its "Scope", and its '
            f'block {target.block_id} has no property named "{target.scope}" to compare: correct "Block ID" or "Scope" '
            f'under "Targets", or remove the share. Its properties: {listed(columns)}.'
        )


def _check_dimension_list(client: PigmentClient, settings: DestinationConfig, check: DimensionCheck) -> None:
    """Read the header line of the list that a dimension check needs."""
    if not client.has_key_for(Purpose.EXPORT):
        raise ConfigProblem(
            'The entries under "Dimension checks" need a key that reads the lists: enter an "Export key" under '
            '"Authentication", or remove them.'
        )

    if is_id(check.list_id):
        with suppress(NotFound, RequestRejected):
            request = ExportRequest(ExportKind.LIST, check.list_id, {})
            client.export(request, lambda export: next(iter(export), None))
            return
    raise _no_such_list(client, settings, check)


def _no_such_list(client: PigmentClient, settings: DestinationConfig, check: DimensionCheck) -> ConfigProblem:
    about = f'The dimension check of the column "{check.column}" names the list "{check.list_id}"'
    blocks = []
    if settings.application_id is not None and client.has_key_for(Purpose.METADATA):
        with suppress(PermissionMissing, KeyRejected, NotFound):
            blocks = client.list_blocks(settings.application_id)
    for block in blocks:
        if check.list_id == block.name:
            return ConfigProblem(f'{about} by its name: enter its ID {block.id} as "List ID".')
        if check.list_id == block.id and block.type.kind is not ExportKind.LIST:
            return ConfigProblem(f'{about}, but "{block.name}" is a {block.type.kind.value}: enter the ID of a list.')
    there = listed(f"{each.name} ({each.id})" for each in blocks if each.type.kind is ExportKind.LIST)
    more = f" There are: {there}." if blocks else ""
    return ConfigProblem(
        f"{about}, which is not a list that the owner of the Export key can see: open the list in Pigment and paste "
        f'its address as "List ID".{more}'
    )
