"""All that a run of `write` needs, put together; what it spooled is removed on every way out."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from destination_pigment.config import MAX_RETRIES, DestinationConfig, FileLimits, parse_config, reject_started
from destination_pigment.files.arrived_rows import ArrivedRows
from destination_pigment.files.automatic_checks import checks_of_sync
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.held_states import HeldStates
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import FileOptions, StreamFiles
from destination_pigment.imports.append import Append
from destination_pigment.imports.followups import FollowUp, FollowUps, settle_follow_ups
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.replace import Replace
from destination_pigment.imports.unstored_rows import NOT_KEPT, UnstoredRows
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.configured_streams import DestinationStream, StreamKey, WriteMode
from destination_pigment.rejected_rows.layout import ObjectNames
from destination_pigment.rejected_rows.store import RejectedRowStore, open_objects
from destination_pigment.states import Emit, States
from destination_pigment.sync import Pace, Streams, Sync
from destination_pigment.targets import needs_names, reject_update, settle_targets, shared_blocks
from pigment_airbyte.connection import connected
from pigment_client.client import PigmentClient
from pigment_client.errors import PigmentError
from pigment_client.http.clock import Clock
from pigment_client.keys import Purpose
from pigment_client.models import ImportConfiguration
from pigment_csv.dialect import CsvDialect

# The number of the platform's job (airbyte-platform: WorkerEnvConstants), where the catalog does not say it.
_JOB_ID = "WORKER_JOB_ID"

logger = logging.getLogger("airbyte.pigment.destination")


class Blocks(Protocol):
    """Blocks of whole lines; nothing (b"") where some time went by. `rest` is what stood behind the last line end."""

    rest: bytes

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever runs the sync: whether it cancels, where states go, and how long to wait where only time can tell."""

    cancel: Cancel
    emit: Emit
    patience: Patience


def write_blocks(
    config: Mapping[str, Any], streams: tuple[DestinationStream, ...], blocks: Blocks, caller: Caller
) -> None:
    """Write what comes until it ends or the caller cancels; raises what went wrong."""
    with writing(config, streams, caller) as load:
        sync = load.sync
        with sync.failing():
            for block in blocks:
                sync.take(block)
                if sync.failed:
                    break
        if caller.cancel.requested:
            load.end()
        else:
            load.finish(blocks.rest)


@dataclass(frozen=True, slots=True)
class Load:
    """A sync, and what is started behind it."""

    sync: Sync
    followups: FollowUps
    is_dry_run: bool

    def finish(self, rest: bytes = b"") -> None:
        """The input has ended, with so much behind its last line end; raises what went wrong."""
        with self._followed():
            self.sync.finish(rest)

    def end(self) -> None:
        """The platform cancels; raises what went wrong."""
        with self._followed(is_cancelled=True):
            self.sync.end()

    @contextmanager
    def _followed(self, *, is_cancelled: bool = False) -> Iterator[None]:
        """Behind what is done inside, even where it fails: what follows is started, or said not to be."""
        has_failed = True
        try:
            yield
            has_failed = False
        finally:
            ending = self.sync.ending
            ending = replace(
                ending,
                has_failed=has_failed or ending.has_failed,
                is_cancelled=is_cancelled or ending.is_cancelled,
                is_dry_run=self.is_dry_run,
            )
            self.followups.run(ending)


@contextmanager
def writing(config: Mapping[str, Any], streams: tuple[DestinationStream, ...], caller: Caller) -> Iterator[Load]:
    """A sync with all that it needs; all targets are settled and all checks fetched before the first record is read."""
    # Once the platform cancels, a request that waits for its turn is given up; imports that run are still asked about.
    cancel, patience = caller.cancel, caller.patience
    clock = Clock(sleep=cancel.sleep)
    with (
        connected(config, parse_config, default_max_retries=MAX_RETRIES, clock=clock) as (client, settings),
        _places(settings, streams, cancel) as places,
    ):
        importer = Importer(client, settings, cancel, Clock(sleep=cancel.doze))
        queues = ImportQueues(importer, one_at_a_time=settings.dry_run)
        held = HeldStates(partial(places.spool.new_path, ".states"))
        if settings.dry_run:
            logger.warning(
                "This is a dry run: Pigment is asked to check the files and store nothing; no state is sent."
            )
        states = States(held, _keep_back if settings.dry_run else caller.emit, cancel)
        strategies = _strategies(client, settings, streams, places, patience)
        followups = FollowUps(
            client, importer, _settled_follow_ups(client, settings), settings.import_timeout.total_seconds()
        )
        proves_all = bool(settings.then_run and streams) and not settings.dry_run
        pace = Pace(settings.limits.max_age.total_seconds(), patience, proves_all, settings.dry_run)
        try:
            yield Load(Sync(strategies, queues, states, cancel, pace), followups, settings.dry_run)
        finally:
            held.close()


@dataclass(frozen=True, slots=True)
class _Places:
    """Where rows go: into files, and where they are rejected, to a bucket (None: nowhere) and on disk until then."""

    spool: Spool
    unstored: UnstoredRows
    arrived: ArrivedRows | None

    def options(self, dialect: CsvDialect, limits: FileLimits) -> FileOptions:
        """How files are written."""
        if self.arrived is None:
            return FileOptions(dialect, limits, time.monotonic)
        return FileOptions(dialect, limits, time.monotonic, self.arrived.add, self.arrived.take)


@contextmanager
def _places(settings: DestinationConfig, streams: Sequence[DestinationStream], cancel: Cancel) -> Iterator[_Places]:
    with Spool(settings.loading.dialect) as spool:
        if settings.bucket is None:
            yield _Places(spool, NOT_KEPT, None)
            return
        clock = Clock(sleep=cancel.doze)
        sync_ids = [str(each.sync_id) for each in streams if each.sync_id is not None]
        job = sync_ids[0] if sync_ids else os.environ.get(_JOB_ID)
        names = ObjectNames.of_attempt(settings.bucket.path, job, clock.now())
        store = RejectedRowStore(settings.bucket, names, clock, open_objects)
        arrived = ArrivedRows(partial(spool.new_path, ".rejected"), clock.now)
        try:
            yield _Places(spool, UnstoredRows(store), arrived)
        finally:
            arrived.close()


def _keep_back(_lines: bytes) -> None:
    """Send nothing."""


def _strategies(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    places: _Places,
    patience: Patience,
) -> Streams:
    known = _known_configurations(client, settings, is_needed=needs_names(streams, settings.targets))
    targets = settle_targets(streams, settings.targets, known)
    reject_update(streams, targets, settings.loading_of)
    for sentence in shared_blocks(streams, targets, known or ()):
        logger.warning(sentence)
    by_id = {each.id: each for each in known or ()}
    configurations = {key: by_id.get(target.configuration_id) for key, target in targets.items()}
    checks = checks_of_sync(client, settings, streams, configurations)
    appends: dict[StreamKey, Append] = {}
    replaces: dict[StreamKey, Replace] = {}
    for stream in streams:
        key, target = stream.key, targets[stream.key]
        reject_started(settings.then_run, (target.configuration_id, target.clearing_id), stream.subject)
        dialect = settings.loading_of(target.configuration_id).dialect
        options = places.options(dialect, settings.limits)
        files = StreamFiles(stream, RecordConverter(stream, checks[key], dialect), places.spool, options)
        if stream.mode is WriteMode.REPLACE:
            replaces[key] = Replace(stream, target, files, patience.restart_seconds, places.unstored)
        else:
            appends[key] = Append(stream, target, files, places.spool, places.unstored)
        logger.info(
            "The %s goes to the import configuration %s (%s).", stream.subject, target.configuration_id, stream.mode
        )
    return Streams(appends, replaces)


def _settled_follow_ups(client: PigmentClient, settings: DestinationConfig) -> tuple[FollowUp, ...]:
    """What is to be started, by its name where somebody can ask for that."""
    known: list[ImportConfiguration] = []
    if settings.then_run and client.has_key_for(Purpose.METADATA):
        try:
            known = client.list_import_configurations()
        except PigmentError as error:
            logger.info('The names of what is under "Then run" are not known: %s', error)
    return settle_follow_ups(settings.then_run, known)


def _known_configurations(
    client: PigmentClient, settings: DestinationConfig, *, is_needed: bool
) -> list[ImportConfiguration] | None:
    """The import configurations of the application, None where they cannot be listed.

    Where no target depends on it, what they say is welcome (whether one creates missing items, which block it fills),
    and nothing fails without it.
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
