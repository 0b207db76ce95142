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
from pigment_client.models import Block
from pigment_client.wording import listed
from source_pigment.config import SourceConfig
from source_pigment.discovery.catalog import Application, Applications, ExportCatalog, ExportTarget, name_targets
from source_pigment.discovery.names import SYSTEM_STREAM_NAMES, StreamName
from source_pigment.discovery.schema import ConfiguredSchema, KnownNames

# What hides an application's blocks from the owner of the key until somebody shares them.
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
    return next((each for each in catalog.targets if each.stream == name), None)


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
        f'The stream "{name}" is not in Pigment any more, or its owner hid it from the API key: refresh the '
        "schema of the connection."
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
    """Raise `ConfigProblem` where one custom export would be for several streams.

    A renamed block has two names, its own and its stream's, and another block may have taken one of them.
    """
    found: list[ExportTarget | None] = []
    for each in configured:
        # What is wrong with a stream is reported when it is opened.
        with suppress(ConfigProblem):
            found.append(_look_up(config, catalog, each))
    for entry in config.custom_exports:
        meant = {each.id: each.stream for each in found if each and each.block and entry.block in each.aliases}
        if len(meant) > 1:
            raise ConfigProblem(
                f'Blocks were renamed, so that the entry "{entry.block}" under "Custom exports" may be for any of the '
                f"streams {listed(map(str, meant.values()))}: enter the ID of the block instead of its name."
            )


def check_custom_exports(
    config: SourceConfig,
    listings: Collection[tuple[Application | None, Sequence[Block]]],
    excused: Collection[str] | None = (),
) -> None:
    """Raise `ConfigProblem` for an entry that names no block, or several.

    `listings` are the applications with their blocks; the application is None where the connection reads only one.
    `excused` are names of blocks that could not be listed, which an entry may be for; None excuses every name.
    """
    several = any(application for application, _ in listings)
    ids: dict[str, set[str]] = {}
    for application, blocks in listings:
        for target in name_targets(blocks, (), application, KnownNames()):
            for alias in target.aliases:
                ids.setdefault(alias, set()).add(target.id)
    for each in config.custom_exports:
        if len(ids.get(each.block, ())) > 1:
            instead = ", or put its application in front of the name (application/block)" if several else ""
            raise ConfigProblem(
                f"{len(ids[each.block])} blocks of the application{'s' if several else ''} are called "
                f'"{each.block}", so it is not known which of them the entry under "Custom exports" is for: enter the '
                f"ID of the block instead of its name{instead}."
            )
    unknown = [each.block for each in config.custom_exports if each.block not in ids]
    unknown = [] if excused is None else [each for each in unknown if each not in excused]
    if unknown and any(blocks for _, blocks in listings):
        spaces = [(application.namespace if application else None, blocks) for application, blocks in listings]
        there = listed(str(StreamName(block.name, space)) for space, blocks in spaces for block in blocks)
        raise ConfigProblem(
            f"{'None of the applications has a' if several else 'The application has no'} block named "
            f"{', '.join(unknown)} that the owner of the API key can see: correct the entry under "
            f'"Custom exports". There are: {there}.'
        )
