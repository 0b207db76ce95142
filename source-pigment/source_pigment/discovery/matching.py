"""Which object a configured stream reads. Pure.

A stream follows its block or view by the id that discovery noted, whatever that is called by now and whatever the
form says; only where a catalog has no ids, or an older version discovered it, do namespace and name decide.
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
from source_pigment.discovery.catalog import Application, Applications, Catalog, ExportTarget
from source_pigment.discovery.names import Named, StreamName, stream_names
from source_pigment.discovery.schema import ConfiguredSchema

# What keeps an application's blocks from the owner of the key for good.
HIDDEN = (NotFound, PermissionMissing)


@dataclass(frozen=True, slots=True)
class ConfiguredStream:
    """A configured stream: what it is called, and what discovery noted of it."""

    name: StreamName
    schema: ConfiguredSchema

    def application_of(self, applications: Iterable[Application]) -> str | None:
        """The id of its application, if it says so itself or by its namespace."""
        if self.schema.object_id is not None:
            return self.schema.application_id
        return next((each.id for each in applications if each.namespace == self.name.namespace), None)

    def is_out(self, applications: Applications) -> bool:
        """Whether its application is gone, hidden or could not be looked at."""
        application_id = self.application_of(applications.seen)
        if application_id is None:
            # A namespace that no application has; without one, and with an id alone, it may be any of them.
            return self.schema.object_id is None and self.name.namespace is not None
        return applications.is_out(application_id)

    def words(self) -> set[str]:
        """By what the configuration may name its block."""
        return {self.name.name, str(self.name), *([self.schema.object_id] if self.schema.object_id else [])}


def require_distinct_streams(configured: Iterable[ConfiguredStream]) -> None:
    """Raise `ConfigProblem` where two blocks would be read as one stream: a client has lost the namespaces."""
    ids: dict[StreamName, tuple[str | None, str | None]] = {}
    for each in configured:
        noted = (each.schema.object_id, each.schema.application_id)
        if ids.setdefault(each.name, noted) != noted:
            raise ConfigProblem(
                f'Two streams of the connection are called "{each.name}" and are different blocks, so nobody could '
                'tell their records apart: keep the namespaces of the streams, or enter an "Application ID".'
            )


def require_unambiguous_exports(config: SourceConfig, catalog: Catalog, configured: Iterable[ConfiguredStream]) -> None:
    """Raise `ConfigProblem` where one custom export would be for several streams.

    A block that was renamed has two names, its own and that of its stream, and another may have taken one of them.
    """
    found: list[ExportTarget | None] = []
    for each in configured:
        # What is wrong with a stream is said of it when it is opened.
        with suppress(ConfigProblem):
            found.append(_look_up(config, catalog, each))
    for entry in config.block_requests:
        meant = {each.id: each.stream for each in found if each and each.block and entry.block in each.words}
        if len(meant) > 1:
            raise ConfigProblem(
                f'Blocks were renamed, so that the entry "{entry.block}" under "Custom exports" may be for any of the '
                f"streams {listed(map(str, meant.values()))}: enter the ID of the block instead of its name."
            )


def find_target(config: SourceConfig, catalog: Catalog, configured: ConfiguredStream) -> ExportTarget:
    """What the stream reads, under the stream's name.

    Raises `ConfigProblem` where it is not there, and the CDK's exception where nobody can know.
    """
    if catalog.applications is not None and configured.is_out(catalog.applications):
        raise _out(catalog.applications, configured)
    found = _look_up(config, catalog, configured)
    if found is None:
        raise _nowhere(config, catalog, configured)
    return found


def _look_up(config: SourceConfig, catalog: Catalog, configured: ConfiguredStream) -> ExportTarget | None:
    found = _by_id(catalog, configured) if configured.schema.object_id else _by_name(config, catalog, configured.name)
    return None if found is None else replace(found, stream=configured.name)


def _by_id(catalog: Catalog, configured: ConfiguredStream) -> ExportTarget | None:
    schema = configured.schema
    found = [each for each in (*catalog.targets, *catalog.others) if each.id == schema.object_id]
    # A block may be seen in several applications.
    same = [each for each in found if each.application and each.application.id == schema.application_id] or found
    # A view may be configured under several names.
    return next((each for each in same if each.stream.name == configured.name.name), same[0] if same else None)


def _by_name(config: SourceConfig, catalog: Catalog, name: StreamName) -> ExportTarget | None:
    if name.namespace is not None and config.application_id is not None:
        raise ConfigProblem(
            f'The stream "{name}" has a namespace, and streams of the one application under "Application ID" have '
            "none: empty that field, or refresh the schema of the connection."
        )
    if name.namespace is None and config.application_id is None:
        raise ConfigProblem(
            f'The stream "{name}" has no namespace, so that with an empty "Application ID" nobody knows which '
            "application it is of: enter the ID, or refresh the schema of the connection."
        )
    return next((each for each in catalog.targets if each.stream == name), None)


def _out(applications: Applications, configured: ConfiguredStream) -> Exception:
    """Why nothing can be read of the stream's application."""
    error = applications.failed.get(configured.application_of(applications.seen) or "")
    if error is None or isinstance(error, HIDDEN):
        return ApplicationGone(configured.name)
    return _not_listed(configured.name, error)


class ApplicationGone(ConfigProblem):
    """The application of a stream is gone, or hidden."""

    def __init__(self, stream: StreamName) -> None:
        called = f'"{stream.namespace}"' if stream.namespace else "it belongs to"
        super().__init__(
            f'The stream "{stream}" was not read, because the application {called} is not in Pigment any more, or was '
            "hidden from the owner of the API key: share it with that person again, or refresh the schema of the "
            "connection."
        )


def _not_listed(stream: StreamName, error: PigmentError) -> Exception:
    """The error of the application's list of blocks, as one of the stream."""
    failure = traced(error, subject=f'application "{stream.namespace}"')
    failure.message = (
        f'The stream "{stream}" was not read, because the blocks of its application could not be listed: '
        f"{failure.message}"
    )
    return failure


def _nowhere(config: SourceConfig, catalog: Catalog, configured: ConfiguredStream) -> Exception:
    application_id, name = configured.schema.application_id, configured.name
    if config.application_id is not None and application_id not in {None, config.application_id}:
        return ConfigProblem(
            f'The stream "{name}" is of another application than the one under "Application ID": empty that field, or '
            "refresh the schema of the connection."
        )
    failed = tuple(catalog.applications.failed.values()) if catalog.applications and application_id is None else ()
    passing = next((each for each in failed if isinstance(each, TryLater)), None)
    if passing is not None:
        return _not_listed(name, passing)
    return ConfigProblem(
        f'The stream "{name}" is not in Pigment any more, or its owner hid it from the API key: refresh the '
        "schema of the connection."
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """The blocks of an application; the application is None where the connection reads only one."""

    application: Application | None
    blocks: Sequence[Block]


def check_custom_exports(
    config: SourceConfig, listings: Sequence[Listing], excused: Collection[str] | None = ()
) -> None:
    """Raise `ConfigProblem` for an entry that names no block, or several.

    `excused` are words for blocks that could not be listed, which an entry may be for; None excuses every word.
    """
    named = _ids_by_word(listings)
    several = any(each.application for each in listings)
    for each in config.block_requests:
        if len(named.get(each.block, ())) > 1:
            raise ConfigProblem(_ambiguous(each.block, len(named[each.block]), several=several))
    unknown = [each.block for each in config.block_requests if each.block not in named]
    unknown = [] if excused is None else [each for each in unknown if each not in excused]
    if unknown and any(each.blocks for each in listings):
        raise ConfigProblem(_unknown(unknown, listings, several=several))


def _ids_by_word(listings: Sequence[Listing]) -> dict[str, set[str]]:
    """The ids of the blocks that an entry may mean by a word."""
    named: dict[str, set[str]] = {}
    for listing in listings:
        streams = stream_names([Named(each.id, each.name, each.type.kind.value) for each in listing.blocks])
        fronts = listing.application.names if listing.application else ()
        for block, stream in zip(listing.blocks, streams, strict=True):
            names = {block.name.strip(), stream}
            for word in (block.id, *names, *(f"{front}/{name}" for front in fronts for name in names)):
                named.setdefault(word, set()).add(block.id)
    return named


def _ambiguous(word: str, count: int, *, several: bool) -> str:
    instead = ", or put its application in front of the name (application/block)" if several else ""
    return (
        f'{count} blocks of the application{"s" if several else ""} are called "{word}", so it is not known which of '
        f'them the entry under "Custom exports" is for: enter the ID of the block instead of its name{instead}.'
    )


def _unknown(words: Sequence[str], listings: Sequence[Listing], *, several: bool) -> str:
    there = [
        str(StreamName(block.name, listing.application.namespace if listing.application else None))
        for listing in listings
        for block in listing.blocks
    ]
    return (
        f"{'None of the applications has a' if several else 'The application has no'} block named {', '.join(words)} "
        f'that the owner of the API key can see: correct the entry under "Custom exports". There are: {listed(there)}.'
    )
