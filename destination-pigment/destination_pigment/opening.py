"""What a sync needs before its first record is read: each stream with its target, checks and files, and the bucket."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from destination_pigment.config import DestinationConfig, require_runs_without_files
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import build_checks
from destination_pigment.files.latest import KeyMemory
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.files.stamps import Stamps, find_job
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.block_reading import count_block, count_values, total_block
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.preview import Place, StreamPreview
from destination_pigment.imports.queue import Queues, StreamImports
from destination_pigment.imports.rehearsal import Rehearsal
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.then_run import FollowUp, resolve_follow_ups
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import LOADED_AT, SYNC_ID, DestinationStream, StreamKey
from destination_pigment.rejected_rows.store import ObjectNames, RejectedRowStore, open_objects
from destination_pigment.release import goes_at_states
from destination_pigment.targets import (
    Target,
    any_found_by_name,
    find_targets,
    first_step,
    names_configurations,
    replaces,
    require_no_emptying_update,
    require_suitable_targets,
    resolve_names,
    shared_blocks,
)
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import PigmentError
from pigment_client.http.clock import Clock
from pigment_client.keys import Purpose
from pigment_client.models import Block, BlockType, ImportConfiguration, ImportMode
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# A small import costs its push and one question.
_REQUESTS_OF_AN_IMPORT = 2


def open_streams(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    spool: Spool,
    patience: Patience,
    clock: Clock,
    store: RejectedRowStore | None,
    counts: BlockCounts,
) -> dict[StreamKey, StreamImports]:
    """The streams with their targets, checks and files; raises `ConfigProblem` where one has no target that suits."""
    known = _known_configurations(client, settings, is_needed=any_found_by_name(streams, settings.targets))
    targets = find_targets(streams, settings.targets, known)
    first = first_step(targets.values())
    for sentence in shared_blocks(streams, targets, known or ()):
        logger.warning(sentence)
    by_id = {each.id: each for each in known or ()}
    configurations = {key: by_id.get(target.configuration_id) for key, target in targets.items()}
    checks = build_checks(client, settings, streams, configurations)
    memory = KeyMemory()
    stamps = _stamps(streams, clock) if settings.stamp_columns else None
    opened: dict[StreamKey, StreamImports] = {}
    for stream in streams:
        key, target = stream.key, targets[stream.key]
        require_runs_without_files(settings.then_run, (target.configuration_id, target.clearing_id), stream.subject)
        dialect = settings.loading_of(target.configuration_id).dialect
        converter = RecordConverter(stream, checks[key], dialect, stamps=stamps)
        rejections = None if store is None else RejectionsOnDisk(spool, clock.now)
        files = StreamFiles(
            converter,
            spool,
            settings.limits,
            rejections,
            deleted_rows=settings.deleted_rows,
            memory=memory,
            scope=target.scope,
        )
        if replaces(stream, target):
            opened[key] = Reload(stream, target, files, patience.restart_seconds, store, counts)
        else:
            at_states = goes_at_states(stream, is_first_step=target.step == first)
            opened[key] = Changes(stream, target, files, spool, store, goes_at_states=at_states)
        known_as = configurations[key]
        name = target.configuration_id if known_as is None else f'"{known_as.name}"'
        logger.info("The %s goes to the import configuration %s (%s).", stream.subject, name, stream.mode)
    log_streams_that_fit(len(streams), client.requests_per_5_minutes)
    return opened


def log_streams_that_fit(streams: int, requests_per_5_minutes: int) -> None:
    """Log that the sync takes longer than 5 minutes because of the limit of requests, where it does."""
    fitting = requests_per_5_minutes // _REQUESTS_OF_AN_IMPORT
    if streams > fitting:
        logger.info(
            'About %s fit into 5 minutes, because a small import costs two requests and "Requests per 5 minutes" is '
            "%s: this sync has %s and takes longer.",
            counted(fitting, "stream"),
            f"{requests_per_5_minutes:,}",
            counted(streams, "stream"),
        )


def _stamps(streams: Sequence[DestinationStream], clock: Clock) -> Stamps:
    stamps = Stamps.of_sync(streams, clock.now())
    job = (
        f'"{stamps.sync_id}"'
        if stamps.sync_id
        else "blank, because the platform gives this sync neither a job nor an ID"
    )
    logger.info(
        'Each row gets the columns "%s" ("%s") and "%s" (%s): every import configuration must map both.',
        LOADED_AT,
        stamps.loaded_at,
        SYNC_ID,
        job,
    )
    return stamps


def with_target_ids(client: PigmentClient, settings: DestinationConfig) -> DestinationConfig:
    """The settings with IDs where it names import configurations; raises `ConfigProblem`."""
    if not names_configurations(settings):
        return settings
    return resolve_names(settings, _known_configurations(client, settings, is_needed=True))


def find_unsuited(
    streams: Sequence[DestinationStream], opened: Mapping[StreamKey, StreamImports], settings: DestinationConfig
) -> ConfigProblem | None:
    """Why targets do not suit the sync modes of their streams, if they do not."""
    targets = {key: each.target for key, each in opened.items()}
    try:
        require_suitable_targets(streams, targets, settings.targets)
        require_no_emptying_update(streams, targets, settings.loading_of)
    except ConfigProblem as problem:
        return problem
    return None


def open_store(
    settings: DestinationConfig, streams: Sequence[DestinationStream], clock: Clock
) -> RejectedRowStore | None:
    """The bucket for rejected rows, if there is one."""
    if settings.bucket is None:
        return None
    names = ObjectNames.of_attempt(settings.bucket.path, find_job(streams), clock.now())
    return RejectedRowStore(settings.bucket, names, clock, open_objects)


def open_counts(client: PigmentClient, settings: DestinationConfig) -> BlockCounts:
    """The counts of blocks that the user wants."""
    return BlockCounts(
        partial(count_block, client),
        settings.count_blocks,
        partial(count_values, client),
        partial(total_block, client) if settings.control_totals else None,
    )


def open_rehearsal(
    client: PigmentClient,
    settings: DestinationConfig,
    opened: Mapping[StreamKey, StreamImports],
    spool: Spool,
    cancel: Cancel,
    asked: Queues | None,
) -> Rehearsal:
    """The dry run of these streams; `asked` are the queues by which Pigment checks files, if it does."""
    places, new_path = _find_places(client, settings, opened), partial(spool.new_path, ".rows")
    previews = {
        key: StreamPreview(each, places[key], client, new_path, lambda: cancel.requested)
        for key, each in opened.items()
    }
    return Rehearsal(previews, settings, cancel, asked)


def _find_places(
    client: PigmentClient, settings: DestinationConfig, opened: Mapping[StreamKey, StreamImports]
) -> dict[StreamKey, Place]:
    """Where each stream goes by name, its block and the key of that, as far as metadata says, for a dry run."""
    known = {each.id: each for each in _known_configurations(client, settings, is_needed=False) or ()}
    blocks: list[Block] = []
    if settings.application_id is not None and client.has_key_for(Purpose.METADATA):
        try:
            blocks = client.list_blocks(settings.application_id)
        except PigmentError as error:
            logger.info("The names of the blocks are not known: %s", error)
    names = {each.id: each.name for each in known.values()}
    return {
        key: _place(
            each.target,
            known.get(each.target.configuration_id),
            blocks,
            names,
            settings.loading_of(each.target.configuration_id).import_mode,
        )
        for key, each in opened.items()
    }


def _place(
    target: Target,
    configuration: ImportConfiguration | None,
    blocks: Sequence[Block],
    names: Mapping[str, str],
    import_mode: ImportMode | None,
) -> Place:
    wanted = target.block_id or (configuration.target if configuration else None)
    found = [each for each in blocks if wanted in {each.id, each.name} and each.type is not BlockType.TABLE]
    block = found[0] if len(found) == 1 else None
    columns = configuration.columns if configuration and configuration.columns else ()
    return Place(
        names,
        target.block_id or (block.id if block else None),
        block.name if block else None,
        tuple(each.name for each in columns if each.is_key),
        import_mode,
    )


def find_follow_ups(client: PigmentClient, settings: DestinationConfig) -> tuple[FollowUp, ...]:
    """What is to be started, by its name where that is known."""
    known: list[ImportConfiguration] = []
    if settings.then_run and client.has_key_for(Purpose.METADATA):
        try:
            known = client.list_import_configurations()
        except PigmentError as error:
            logger.info('The names of what is under "Then run" are not known: %s', error)
    return resolve_follow_ups(settings.then_run, known)


def _known_configurations(
    client: PigmentClient, settings: DestinationConfig, *, is_needed: bool
) -> list[ImportConfiguration] | None:
    """The import configurations of the application, None where they cannot be listed.

    Where no target depends on it, the listing is only useful (whether one creates missing items, which block it
    fills), and nothing fails without it.
    """
    if settings.application_id is None or not client.has_key_for(Purpose.METADATA):
        return None
    try:
        return client.list_import_configurations(settings.application_id)
    except PigmentError as error:
        if is_needed:
            raise
        logger.info("The import configurations could not be listed, and no target depends on it: %s", error)
        return None
