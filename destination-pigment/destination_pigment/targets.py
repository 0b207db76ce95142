"""Which import configuration takes which stream, decided before the first record. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from destination_pigment.config import (
    DestinationConfig,
    Loading,
    TargetEntry,
    require_distinct_pair,
    require_distinct_runs,
)
from destination_pigment.input.catalog import DestinationStream, StreamKey, WriteMode
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import unquoted
from pigment_client.models import ImportConfiguration, ImportMode, id_in_one_case, is_id
from pigment_client.names import composed, folded, matching_names
from pigment_client.wording import and_the, nearest, nearest_of_each


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stream goes; `clearing_id` is the import configuration that clears its block before it imports.

    A target without `clearing_id` adds. `scope` is the column whose values in the file say which rows of the block are
    cleared (None: all). `minimum_rows` is how many rows a replacement must have: None where nothing is said, 0 where an
    empty source may empty the block. `minimum_percent` is how many of those that are in the block `block_id` before it.
    Streams of a later `step` wait until everything of the steps before is stored. `protected` are the values by column
    that no file may contain.
    """

    configuration_id: str
    clearing_id: str | None = None
    minimum_rows: int | None = None
    scope: str | None = None
    minimum_percent: int | None = None
    block_id: str | None = None
    step: int = 1
    protected: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def configuration_ids(self) -> frozenset[str]:
        """All import configurations that it goes through."""
        return frozenset({self.configuration_id, self.clearing_id or self.configuration_id})

    def protects_in_scope(self, value: str) -> bool:
        """Whether a value of the scope is protected, such as a closed month; case and blanks do not matter."""
        return folded(value) in map(folded, self.protected.get(self.scope or "", ()))


def replaces(stream: DestinationStream, target: Target) -> bool:
    """Whether the rows of a stream take the place of what is in its block, or in a scope of it."""
    return stream.mode is WriteMode.REPLACE or target.scope is not None


def first_step(targets: Iterable[Target]) -> int:
    """The step whose streams wait for no other."""
    return min((each.step for each in targets), default=1)


def any_found_by_name(streams: Iterable[DestinationStream], entries: Sequence[TargetEntry]) -> bool:
    """Whether a stream finds its import configuration by its name, among those of the application."""
    by_stream = _by_stream(entries)
    return any(_by_id(stream, by_stream) is None for stream in streams)


def names_configurations(settings: DestinationConfig) -> bool:
    """Whether a target or what is to be started is named instead of given by its ID."""
    named = [*settings.then_run, *(each for entry in settings.targets for each in _configurations(entry))]
    return not all(map(is_id, named))


def resolve_names(settings: DestinationConfig, known: Sequence[ImportConfiguration] | None) -> DestinationConfig:
    """The settings with the ID of each import configuration that they name, so that one form serves Dev and Prod.

    `known` are the import configurations of the application, None where they cannot be listed. Raises `ConfigProblem`
    for a name that is not that of exactly one.
    """
    if not names_configurations(settings):
        return settings
    by_name = _ids_by_name(known)

    def resolved(wanted: str, subject: str, field: str) -> str:
        if is_id(wanted):
            return wanted
        if known is None or settings.application_id is None:
            raise ConfigProblem(
                f'{subject} names the import configuration "{wanted}" by its name, which is looked '
                'up in an application: enter the "Application ID" and a key of the type "Modeling Metadata", or the '
                f'ID of the import configuration under "{field}".'
            )
        ids = _ids_entered(wanted, by_name)
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise ConfigProblem(
                f'{subject} names the import configuration "{wanted}", and {len(ids)} have that name '
                f'({", ".join(ids)}): enter the ID of the right one under "{field}".'
            )
        raise ConfigProblem(
            f'{subject} names the import configuration "{wanted}", which the application does not '
            f'have or the owner of the key cannot see: correct it under "{field}", or correct the "Application ID". '
            f"{nearest(wanted, by_name)}"
        )

    found = []
    for entry in settings.targets:
        ids = [resolved(each, f'The target "{entry.stream}"', "Targets") for each in _configurations(entry)]
        require_distinct_pair(entry.stream, *ids)
        found.append(replace(entry, configuration_id=ids[0], replace_configuration_id=ids[1] if ids[1:] else None))
    runs = tuple(resolved(each, '"Then run"', "Then run") for each in settings.then_run)
    require_distinct_runs(runs, found)
    return replace(settings, targets=tuple(found), then_run=runs)


def _configurations(entry: TargetEntry) -> list[str]:
    return [each for each in (entry.configuration_id, entry.replace_configuration_id) if each is not None]


def find_targets(
    streams: Sequence[DestinationStream],
    entries: Sequence[TargetEntry],
    known: Sequence[ImportConfiguration] | None,
) -> dict[StreamKey, Target]:
    """The target of every stream; that of a stream that adds has nothing that clears.

    `known` are the import configurations of the application, None where they cannot be listed. Raises `ConfigProblem`
    that lists what there is, for all streams at once.
    """
    found: dict[StreamKey, Target] = {}
    missing: list[DestinationStream] = []
    by_stream = _by_stream(entries)
    by_name = _ids_by_name(known)
    for stream in streams:
        target = _by_id(stream, by_stream) or _by_name(stream, by_stream, by_name)
        if target is None:
            missing.append(stream)
        elif replaces(stream, target):
            found[stream.key] = target
        else:
            found[stream.key] = replace(target, clearing_id=None)
    if missing:
        raise ConfigProblem(_describe_missing(missing, known))
    return found


def require_suitable_targets(
    streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target], entries: Sequence[TargetEntry]
) -> None:
    """Raise `ConfigProblem` where a target does not do what the sync mode of its stream needs.

    It is no problem in a Clear, for which the platform changes the sync modes: no record comes then.
    """
    _require_declared(streams, targets)
    _require_adding(streams, targets, entries)
    _require_whole_scopes(streams, targets)
    _require_protected_columns(streams, targets)
    _require_no_conflict(streams, targets)


def require_no_emptying_update(
    streams: Iterable[DestinationStream],
    targets: Mapping[StreamKey, Target],
    loading_of: Callable[[str], Loading],
) -> None:
    """Raise `ConfigProblem` where a block would be cleared by an import that adds nothing.

    The mode "create" adds all rows to a block that was cleared.
    """
    replaced = and_the(
        stream.subject
        for stream in streams
        if stream.mode is WriteMode.REPLACE
        and any(loading_of(each).import_mode is ImportMode.UPDATE for each in targets[stream.key].configuration_ids)
    )
    if replaced:
        raise ConfigProblem(
            f'With "Import mode" set to update, Pigment would empty the block of the {replaced} and add nothing to it; '
            'nothing was pushed: leave "Import mode" empty, or choose a sync mode that appends.'
        )


# The entries for the streams of each name.
_Entries = Mapping[str, Sequence[TargetEntry]]


def _by_stream(entries: Iterable[TargetEntry]) -> _Entries:
    found: dict[str, list[TargetEntry]] = defaultdict(list)
    for each in entries:
        found[each.stream].append(each)
    return found


def _entry(stream: DestinationStream, entries: _Entries) -> TargetEntry | None:
    """The entry for this stream: one that names its namespace before one that names none."""
    of_name = entries.get(stream.name.strip(), ())
    matching = [each for each in of_name if each.namespace in {None, stream.namespace}]
    return max(matching, key=lambda each: each.namespace is not None, default=None)


def _by_id(stream: DestinationStream, entries: _Entries) -> Target | None:
    entry = _entry(stream, entries)
    if stream.object_name is None:
        return _target(entry.configuration_id, entry) if entry else None
    if not is_id(stream.object_name):
        return None
    return _target(id_in_one_case(stream.object_name), entry)


def _target(configuration_id: str, entry: TargetEntry | None) -> Target:
    """The target; what the entry says of Pigment counts only for the import configuration that it names.

    Its step and its protected values concern the stream, so they count for any.
    """
    if entry is None:
        return Target(configuration_id)
    if entry.configuration_id != configuration_id:
        return Target(configuration_id, step=entry.step, protected=entry.protected)
    return Target(
        configuration_id,
        entry.replace_configuration_id or (configuration_id if entry.clears or entry.scope else None),
        entry.minimum_rows,
        entry.scope,
        entry.minimum_percent,
        entry.block_id,
        entry.step,
        entry.protected,
    )


def _ids_by_name(known: Iterable[ImportConfiguration] | None) -> dict[str, list[str]]:
    """The import configurations of each name."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in known or ():
        found[each.name].append(each.id)
    return found


def _ids_named(wanted: str, by_name: Mapping[str, Sequence[str]]) -> list[str]:
    return [each for name in matching_names(wanted, by_name) for each in by_name[name]]


def _ids_entered(wanted: str, by_name: Mapping[str, Sequence[str]]) -> list[str]:
    """The import configurations of a name from a form, where blanks and quotes around it are lost."""
    alike = [name for name in by_name if composed(unquoted(name)) == composed(unquoted(wanted))]
    return _ids_named(wanted, by_name) or [each for name in alike for each in by_name[name]]


def _by_name(stream: DestinationStream, entries: _Entries, by_name: Mapping[str, Sequence[str]]) -> Target | None:
    wanted = stream.object_name or stream.name
    ids = _ids_entered(wanted, by_name) if stream.object_name else _ids_named(wanted, by_name)
    if len(ids) > 1:
        raise ConfigProblem(
            f'There are {len(ids)} import configurations named "{wanted}" ({", ".join(ids)}): enter the ID of the '
            f'right one for the {stream.subject} under "Targets".'
        )
    return _target(ids[0], _entry(stream, entries)) if ids else None


def _describe_missing(missing: Sequence[DestinationStream], known: Sequence[ImportConfiguration] | None) -> str:
    streams = ", ".join(f'"{stream.object_name or stream.name}"' for stream in missing)
    if known is None:
        return (
            f'No import configuration is known for {streams}: enter its ID under "Targets", or give the connection an '
            '"Application ID" and a key of the type "Modeling Metadata", so that it can be found by name.'
        )
    there = nearest_of_each([each.object_name or each.name for each in missing], (each.name for each in known))
    return (
        f'The application has no import configuration named {streams}: enter its ID under "Targets", or create one of '
        f"that name in Pigment. {there}"
    )


def _require_declared(streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target]) -> None:
    """Nothing in Pigment's API says whether an import configuration clears, so the user must."""
    undeclared = [
        stream for stream in streams if stream.mode is WriteMode.REPLACE and targets[stream.key].clearing_id is None
    ]
    if undeclared:
        named = ", ".join(
            f"{stream.subject} (import configuration {targets[stream.key].configuration_id})" for stream in undeclared
        )
        raise ConfigProblem(
            "A sync that overwrites needs an import configuration that clears its block, and nothing says so for the "
            f'{named}: under "Targets", tick "Clears before import" if "Clear items prior to import" is on for it '
            'in Pigment, enter the column as "Scope" if it is on for a part of the block, or enter another one for '
            'which it is on as "Replacing import configuration ID".'
        )


def _require_adding(
    streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target], entries: Sequence[TargetEntry]
) -> None:
    """What the user says of an import configuration counts for every stream that goes through it."""
    ticked = {each.configuration_id for each in entries if each.clears}
    scoped = {each.configuration_id for each in entries if each.scope and each.replace_configuration_id is None}
    replacing = {each.replace_configuration_id for each in entries}
    for stream in streams:
        target = targets[stream.key]
        if target.clearing_id is not None or target.configuration_id not in ticked | scoped | replacing:
            continue
        reason = (
            '"Clears before import" is ticked for it'
            if target.configuration_id in ticked
            else 'it has a "Scope"'
            if target.configuration_id in scoped
            else 'it is entered as "Replacing import configuration ID"'
        )
        raise ConfigProblem(
            f"The {stream.subject} appends, and its import configuration {target.configuration_id} deletes what is in "
            f'its block before each import, because {reason} under "Targets"; nothing was pushed: choose a sync mode '
            "that overwrites, or give the target an import configuration that does not clear."
        )


def _require_whole_scopes(streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target]) -> None:
    """What a scope replaces must come whole: rows of it that are not sent are deleted."""
    for stream in streams:
        scope = targets[stream.key].scope
        if scope is not None and stream.is_incremental:
            raise ConfigProblem(
                f'The {stream.subject} is incremental, and its target has the scope "{scope}": it sends only rows that '
                f'have changed, and all other rows of the same "{scope}" would be deleted; nothing was pushed: choose '
                'a full refresh in Airbyte, or leave "Scope" empty and take an import configuration that does not '
                "clear."
            )
        if scope is not None and scope not in stream.columns:
            raise ConfigProblem(
                f'The {stream.subject} has no column "{scope}", which is the "Scope" of its target; nothing was '
                'pushed: write it under "Targets" as the stream does, or select the column in Airbyte.'
            )


def _require_protected_columns(streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target]) -> None:
    """Raise `ConfigProblem` where a stream has no column with a name under which values are protected."""
    for stream in streams:
        for column in targets[stream.key].protected:
            if column not in stream.columns:
                raise ConfigProblem(
                    f'The {stream.subject} has no column "{column}", which is one of the "Protected values" of its '
                    'target; nothing was pushed: write it under "Targets" as the stream does, or select the column in '
                    "Airbyte."
                )


def _require_no_conflict(streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target]) -> None:
    """A stream that replaces would delete what another stream puts into the same place."""
    for configuration_id, sharing in _contested(streams, targets, lambda target: target.configuration_ids):
        names = and_the(stream.subject for stream in sharing)
        raise ConfigProblem(
            f"The {names} go to the same import configuration ({configuration_id}), and one of them replaces what "
            "is there: give each an import configuration of its own."
        )


def shared_blocks(
    streams: Sequence[DestinationStream], targets: Mapping[StreamKey, Target], known: Sequence[ImportConfiguration]
) -> list[str]:
    """A sentence for each block that one stream replaces, whole or in part, and another fills, if blocks are known.

    They are known from metadata, otherwise from the targets.
    """
    blocks = {each.id: each.target for each in known}
    sentences = []
    for block, sharing in _contested(
        streams, targets, lambda target: filter(None, [blocks.get(target.configuration_id) or target.block_id])
    ):
        names = and_the(stream.subject for stream in sharing)
        scopes = {target.scope for stream in sharing if (target := targets[stream.key]).clearing_id is not None}
        if None in scopes:
            what = "what overwrites it deletes what the other has put there"
        else:
            columns = " and ".join(f'"{scope}"' for scope in sorted(filter(None, scopes)))
            what = f"what has the scope {columns} deletes what the other has put there for the same values"
        sentences.append(f'The {names} fill the same block, "{block}", and {what}.')
    return sentences


def _contested(
    streams: Iterable[DestinationStream],
    targets: Mapping[StreamKey, Target],
    places_of: Callable[[Target], Iterable[str]],
) -> Iterator[tuple[str, list[DestinationStream]]]:
    """Each place that several streams fill and one of them replaces, whole or in part, with these streams."""
    by_place: dict[str, list[DestinationStream]] = defaultdict(list)
    for stream in streams:
        for place in places_of(targets[stream.key]):
            by_place[place].append(stream)
    for place, sharing in by_place.items():
        if len(sharing) > 1 and any(targets[stream.key].clearing_id is not None for stream in sharing):
            yield place, sharing
