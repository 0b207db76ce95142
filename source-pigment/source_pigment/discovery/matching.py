"""Which block or view a configured stream reads. Pure.

A stream follows its block or view by the id that discovery noted, whatever its current name and whatever the form says.
Namespace and name decide only where a catalog has no ids, or an older version discovered it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pigment_airbyte.failures import ConfigProblem, traced
from pigment_client.errors import NotFound, PermissionMissing, PigmentError, TryLater
from pigment_client.models import Block, is_id
from pigment_client.names import matching_names
from pigment_client.wording import nearest
from source_pigment.config import CustomExport, SourceConfig
from source_pigment.discovery.catalog import Application, Applications, ExportCatalog, ExportTarget, name_targets
from source_pigment.discovery.names import SYSTEM_STREAM_NAMES, StreamName
from source_pigment.discovery.schema import ConfiguredSchema, KnownNames

# What hides an application's blocks from the owner of the key until someone shares them.
HIDDEN = (NotFound, PermissionMissing)


@dataclass(frozen=True, slots=True)
class ConfiguredStream:
    """A configured stream: its name, and what discovery noted about it."""

    name: StreamName
    schema: ConfiguredSchema

    @property
    def is_system_stream(self) -> bool:
        # What was discovered as a block or view has its id.
        return self.name.name in SYSTEM_STREAM_NAMES and self.schema.object_id is None

    def application_of(self, applications: Iterable[Application]) -> str | None:
        """The id of its application, if its schema or its namespace names one."""
        if self.schema.object_id is not None:
            return self.schema.application_id
        return next((each.id for each in applications if each.namespace == self.name.namespace), None)

    def is_unavailable(self, applications: Applications) -> bool:
        """Whether its application is gone, hidden or could not be listed."""
        application_id = self.application_of(applications.seen)
        if application_id is None:
            # No application has its namespace. A stream without a namespace, or with only an id, may be of any.
            return self.schema.object_id is None and self.name.namespace is not None
        return applications.is_unavailable(application_id)

    @property
    def aliases(self) -> set[str]:
        """What the configuration may call its block."""
        return {self.name.name, str(self.name), *([self.schema.object_id] if self.schema.object_id else [])}


def require_distinct_streams(configured: Iterable[ConfiguredStream]) -> None:
    """Raise `ConfigProblem` where two blocks would be read as one stream, because a client lost the namespaces."""
    ids: dict[StreamName, tuple[str | None, str | None]] = {}
    for each in configured:
        noted = (each.schema.object_id, each.schema.application_id)
        if ids.setdefault(each.name, noted) != noted:
            raise ConfigProblem(
                f'Two streams of the connection are called "{each.name}" but are different blocks, so their records '
                'could not be told apart: keep the namespaces of the streams, or enter an "Application ID".'
            )


def find_target(config: SourceConfig, catalog: ExportCatalog, configured: ConfiguredStream) -> ExportTarget:
    """What the stream reads, under the stream's name.

    Raises `ConfigProblem` where it is gone, and the CDK's exception where it is not known whether it is gone.
    """
    if catalog.applications is not None and configured.is_unavailable(catalog.applications):
        raise _why_unavailable(catalog.applications, configured)
    found = _look_up(config, catalog, configured)
    if found is None:
        raise _why_gone(config, catalog, configured)
    return found


def _look_up(config: SourceConfig, catalog: ExportCatalog, configured: ConfiguredStream) -> ExportTarget | None:
    found = _by_id(catalog, configured) if configured.schema.object_id else _by_name(config, catalog, configured.name)
    return None if found is None else replace(found, stream=configured.name)


def _by_id(catalog: ExportCatalog, configured: ConfiguredStream) -> ExportTarget | None:
    schema = configured.schema
    found = [each for each in (*catalog.targets, *catalog.others) if each.id == schema.object_id]
    # A block may be visible in several applications.
    same = [each for each in found if each.application and each.application.id == schema.application_id] or found
    # A view may be configured under several names.
    return next((each for each in same if each.stream.name == configured.name.name), same[0] if same else None)


def _by_name(config: SourceConfig, catalog: ExportCatalog, name: StreamName) -> ExportTarget | None:
    if name.namespace is not None and config.application_id is not None:
        raise ConfigProblem(
            f'The stream "{name}" has a namespace, and streams of the one application under "Application ID" have '
            "none: empty that field, or refresh the schema of the connection."
        )
    if name.namespace is None and config.application_id is None:
        raise ConfigProblem(
            f'The stream "{name}" has no namespace, so that with an empty "Application ID" it is not known which '
            "application it belongs to: enter the ID, or refresh the schema of the connection."
        )
    meant = matching_names(str(name), [str(each.stream) for each in catalog.targets])
    return next((each for each in catalog.targets if str(each.stream) in meant), None)


def _why_unavailable(applications: Applications, configured: ConfiguredStream) -> Exception:
    """Why nothing of the stream's application can be read."""
    error = applications.failed.get(configured.application_of(applications.seen) or "")
    if error is not None and not isinstance(error, HIDDEN):
        return _not_listed(configured.name, error)
    stream = configured.name
    called = f'"{stream.namespace}"' if stream.namespace else "it belongs to"
    return ConfigProblem(
        f'The stream "{stream}" was not read, because the application {called} is not in Pigment any more, or was '
        "hidden from the owner of the API key: share it with that person again, or refresh the schema of the "
        "connection."
    )


def _why_gone(config: SourceConfig, catalog: ExportCatalog, configured: ConfiguredStream) -> Exception:
    """Why no block or view was found for the stream."""
    application_id, name = configured.schema.application_id, configured.name
    if config.application_id is not None and application_id not in {None, config.application_id}:
        return ConfigProblem(
            f'The stream "{name}" belongs to another application than the one under "Application ID": empty that '
            "field, or refresh the schema of the connection."
        )
    failed = tuple(catalog.applications.failed.values()) if catalog.applications and application_id is None else ()
    passing = next((each for each in failed if isinstance(each, TryLater)), None)
    if passing is not None:
        return _not_listed(name, passing)
    return ConfigProblem(
        f'The stream "{name}" is not in Pigment any more, is hidden from the owner of the API key, or is a view that '
        'was removed from "Views": enter the view there again, or refresh the schema of the connection.'
    )


def _not_listed(stream: StreamName, error: PigmentError) -> Exception:
    """The error of the application's list of blocks, as an error of the stream."""
    failure = traced(error, subject=f'application "{stream.namespace}"')
    failure.message = (
        f'The stream "{stream}" was not read, because the blocks of its application could not be listed: '
        f"{failure.message}"
    )
    return failure


def require_unambiguous_exports(
    config: SourceConfig, catalog: ExportCatalog, configured: Iterable[ConfiguredStream]
) -> None:
    """Raise `ConfigProblem` where a custom export may be for another block than the one that has its name now.

    A renamed block has two names, its own and its stream's, and another block may have taken one of them.
    """
    entries = [each for each in config.custom_exports if not is_id(each.block)]
    for stream in configured if entries else ():
        found = None
        # What is wrong with a stream is reported when it is opened.
        with suppress(ConfigProblem):
            found = _look_up(config, catalog, stream)
        if found is None or found.block is None:
            continue
        is_taken = _is_name_of_another(found, (*catalog.targets, *catalog.others))
        for entry in entries:
            by_stream = matching_names(entry.block, found.names_of(found.stream.name))
            is_applied = found.custom is entry
            # The stream's name means another block now, or the two have swapped their names.
            if (by_stream and not is_applied) or (is_applied and not by_stream and is_taken):
                raise ConfigProblem(
                    "Blocks were renamed since the schema was discovered, so it is not known which block the entry "
                    f'"{entry.block}" under "Custom exports" is for: enter the ID of the block instead of its name.'
                )


def _is_name_of_another(found: ExportTarget, everything: Iterable[ExportTarget]) -> bool:
    """Whether another block of the application now has the name of this one's stream."""
    others = [each for each in everything if each.block and each.id != found.id]
    return any(
        each.application == found.application and matching_names(found.stream.name, each.aliases) for each in others
    )


def resolve_custom_exports(
    config: SourceConfig,
    listings: Collection[tuple[Application | None, Sequence[Block]]],
    excused: Collection[str] | None = (),
) -> dict[str, CustomExport]:
    """The custom exports by the id of their block; raises `ConfigProblem` for one that names no block, or several.

    `listings` are the applications with their blocks; the application is None where the connection reads only one.
    `excused` are names of blocks that could not be listed, which an entry may be for; None excuses every name.
    """
    ids: dict[str, set[str]] = {}
    for application, blocks in listings if config.custom_exports else ():
        for target in name_targets(blocks, (), application, KnownNames(), {}):
            for alias in target.aliases:
                ids.setdefault(alias, set()).add(target.id)
    found: dict[str, CustomExport] = {}
    unknown: list[str] = []
    for each in config.custom_exports:
        meant = {id_ for alias in matching_names(each.block, ids) for id_ in ids[alias]}
        if len(meant) > 1:
            raise _for_several(each, len(meant), several=any(application for application, _ in listings))
        for id_ in meant:
            if id_ in found:
                raise ConfigProblem(
                    f'There is more than one entry for the block "{each.block}" under "Custom exports": merge them.'
                )
            found[id_] = each
        if not meant and excused is not None and not matching_names(each.block, excused):
            unknown.append(each.block)
    if unknown and any(blocks for _, blocks in listings):
        raise _for_none(unknown, listings)
    return found


def _for_several(entry: CustomExport, count: int, *, several: bool) -> ConfigProblem:
    """Why an entry that names more than one block cannot be used."""
    instead = ", or put its application in front of the name (application/block)" if several else ""
    return ConfigProblem(
        f'{count} blocks of the application{"s" if several else ""} are called "{entry.block}", so it is not known '
        'which of them the entry under "Custom exports" is for: enter the ID of the block instead of its name'
        f"{instead}."
    )


def _for_none(
    unknown: Sequence[str], listings: Collection[tuple[Application | None, Sequence[Block]]]
) -> ConfigProblem:
    """Why entries that name no block cannot be used."""
    several = any(application for application, _ in listings)
    spaces = [(application.namespace if application else None, blocks) for application, blocks in listings]
    there = nearest(unknown[0], (str(StreamName(block.name, space)) for space, blocks in spaces for block in blocks))
    return ConfigProblem(
        f"{'None of the applications has a' if several else 'The application has no'} block named "
        f"{', '.join(unknown)} that the owner of the API key can see: correct the entry under "
        f'"Custom exports". {there}'
    )
