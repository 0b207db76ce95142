"""The sync: lines in, files out, states back when the records before them are stored.

One thread runs this: it reads lines, fills files, hands them to the queues, collects results, and is the only one that
sends states. So what has been reported to the platform is never ahead of what has been stored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Protocol

from destination_pigment.config import MAX_RETRIES, DestinationConfig, parse_config, require_runs_without_files
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import build_checks
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import ImportQueues, Job, StreamImports
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.then_run import FollowUp, Obstacle, ThenRun, find_obstacle, resolve_follow_ups
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import DestinationStream, StreamKey, WriteMode
from destination_pigment.input.completion import Completion, Proof
from destination_pigment.intake import Intake
from destination_pigment.loader import Loader
from destination_pigment.rejected_rows.store import (
    ObjectNames,
    RejectedRowStore,
    open_objects,
)
from destination_pigment.release import Hold, Release, decide_release
from destination_pigment.state_output import Emit, StateOutput, StateSpool
from destination_pigment.targets import (
    find_targets,
    needs_names,
    require_no_emptying_update,
    require_suitable_targets,
    shared_blocks,
)
from pigment_airbyte.connection import open_client
from pigment_airbyte.failures import TransientProblem
from pigment_airbyte.output import log_slow_conversion
from pigment_client.client import PigmentClient
from pigment_client.errors import PigmentError
from pigment_client.http.clock import Clock
from pigment_client.keys import Purpose
from pigment_client.models import ImportConfiguration

logger = logging.getLogger("airbyte.pigment.destination")

# The number of the platform's job (airbyte-platform: WorkerEnvConstants), where the catalog does not give it.
_JOB_ID = "WORKER_JOB_ID"


class Blocks(Protocol):
    """Blocks of whole lines; nothing (b"") where some time went by. `rest` is what came after the last line end."""

    rest: bytes

    def __iter__(self) -> Iterator[bytes]: ...


def write_blocks(
    config: Mapping[str, Any],
    streams: Sequence[DestinationStream],
    blocks: Blocks,
    cancel: Cancel,
    emit: Emit,
    patience: Patience,
) -> Iterator[None]:
    """Write what comes until it ends or the platform cancels; yields where states may have been sent.

    All targets are found and all checks fetched before the first record is read. Raises what went wrong. What was
    spooled is removed on every way out.
    """
    # Once the platform cancels, a request that waits for its turn is given up; imports that run are still asked about.
    patient = Clock(sleep=cancel.wait_waking_on_cancel)
    with (
        open_client(config, default_max_retries=MAX_RETRIES, clock=Clock(sleep=cancel.wait_or_raise)) as client,
        Spool() as spool,
        closing(StateSpool(partial(spool.new_path, ".states"))) as state_spool,
    ):
        settings = parse_config(config)
        log_slow_conversion(logger)
        if settings.dry_run:
            logger.warning(
                "This is a dry run: Pigment is asked to check the files and store nothing; no state is sent."
            )
            emit = _send_nothing
        importer = Importer(client, settings, cancel, patient)
        targeted = _open_streams(client, settings, streams, spool, patience, patient)
        wanted = _find_follow_ups(client, settings)
        sync = Sync(
            targeted,
            ImportQueues(importer, one_at_a_time=settings.dry_run),
            StateOutput(state_spool, emit, cancel),
            cancel,
            patience,
            max_age_seconds=settings.limits.max_age.total_seconds(),
            is_followed=bool(wanted and streams),
            is_dry_run=settings.dry_run,
        )
        then_run = ThenRun(client, importer, wanted, settings.import_timeout.total_seconds())
        yield from run_and_follow(sync, blocks, then_run)


def run_and_follow(sync: Sync, blocks: Blocks, then_run: ThenRun) -> Iterator[None]:
    """Run a sync and what follows it; nothing follows a sync that fails, even by an error that it does not expect."""
    has_failed = True
    try:
        yield from sync.run(blocks)
        has_failed = False
    finally:
        then_run.start_all(sync.find_obstacle(has_failed=has_failed))


class Sync:
    """One run of `write`; `is_followed` says that other imports are started after it."""

    def __init__(
        self,
        streams: Mapping[StreamKey, StreamImports],
        queues: ImportQueues,
        states: StateOutput,
        cancel: Cancel,
        patience: Patience,
        *,
        max_age_seconds: float,
        is_followed: bool = False,
        is_dry_run: bool = False,
    ) -> None:
        self._streams = streams
        self._states = states
        self._cancel = cancel
        self._patience = patience
        self._is_followed = is_followed and not is_dry_run
        self._is_dry_run = is_dry_run
        self._completion = Completion(any(each.stream.has_generation for each in streams.values()))
        self._intake = Intake({key: each.files for key, each in streams.items()}, self._completion, states)
        self._loader = Loader(streams, queues, states, cancel, max_age_seconds)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return self._loader.failed

    def run(self, blocks: Blocks) -> Iterator[None]:
        """Lines in, files out, states back, until the input ends, the platform cancels or something fails.

        Yields where states may have been sent. Raises what went wrong, once what is stored has been reported.
        """
        with self._loader.failing():
            for block in blocks:
                yield from self._consume(block)
                if self.failed:
                    break
        has_input_ended = not self._cancel.requested
        if has_input_ended and not self.failed:
            with self._loader.failing():
                self._intake.consume_rest(blocks.rest)
                # What the source has confirmed goes, whatever its size.
                yield from self._loader.submit_due(max_age_seconds=0.0)
                yield from self._prove()
                yield from self._replace_blocks()
        yield from self._end(has_input_ended=has_input_ended)

    def find_obstacle(self, *, has_failed: bool) -> Obstacle | None:
        """Why not everything is stored, so that nothing may follow; ask after `run`."""
        stopped = (
            (has_failed or self.failed, "the sync failed"),
            (self._cancel.requested, "the sync was stopped"),
            (self._is_dry_run, "this is a dry run"),
            (not self._streams, "the sync has no stream"),
        )
        proofs = {key: self._completion.proof(key) for key in self._streams}
        unfinished = [
            each.stream.subject
            for key, each in self._streams.items()
            if key in self._loader.to_replace or proofs[key] in {Proof.INCOMPLETE, Proof.UNPROVED}
        ]
        # A source that had failed would have ended this sync within the wait.
        is_unproved = any(each in {Proof.IF_STILL_WANTED, Proof.UNPROVED} for each in proofs.values())
        return find_obstacle(
            stopped=next((reason for applies, reason in stopped if applies), ""),
            unfinished=() if is_unproved else unfinished,
            unproved=unfinished if is_unproved else (),
            not_accounted_for=self._states.checkpoints.not_accounted_for,
            unreadable=self._intake.unreadable,
            unsent_states=self._states.checkpoints.waiting,
            rejected=self._loader.rejected,
        )

    def _consume(self, block: bytes) -> Iterator[None]:
        """Read whole lines, or none where some time went by; yields where states may have been sent."""
        with self._loader.failing():
            self._intake.consume(block)
            yield from self._loader.submit_due()
        self._loader.collect(0)
        self._loader.send_due_states()
        yield

    def _decide(self, key: StreamKey, *, has_waited: bool) -> Release | Hold:
        each = self._streams[key]
        return decide_release(
            each.stream,
            self._completion.proof(key),
            after_watermark=each.files.records,
            misses_records=self._intake.misses_records(key),
            is_followed=self._is_followed,
            has_waited=has_waited,
        )

    def _prove(self) -> Iterator[None]:
        """Where only the platform's patience proves that the source has succeeded, wait for that."""
        if all(self._decide(key, has_waited=False) is not Release.WAIT for key in self._streams):
            return
        seconds = self._patience.still_wanted_seconds
        logger.info(
            "The input has ended and this platform does not say whether the source succeeded: waiting %.0f s, in which "
            "a platform would end this sync if it had not, before anything is replaced or started.",
            seconds,
        )
        yield from self._loader.collect_for(seconds)

    def _replace_blocks(self) -> Iterator[None]:
        """Start to replace all blocks, if the source has succeeded with all of them and none must be left as it is."""
        if self._cancel.requested or self.failed:
            return
        jobs: list[Job] = []
        for key, each in self._streams.items():
            if not isinstance(each, Reload) or key not in self._loader.to_replace:
                continue
            decision = self._decide(key, has_waited=True)
            if isinstance(decision, Hold):
                self._fail_because_of(decision, each.stream)
                continue
            try:
                of_stream = each.last_jobs(may_clear=self._completion.asks_for_clear(key))
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
                self._loader.fail(error, each.stream.subject)
                continue
            jobs += of_stream
            if not of_stream and not self.failed:
                self._loader.to_replace.discard(key)
        if not self.failed:
            yield from self._loader.submit(jobs)

    def _end(self, *, has_input_ended: bool) -> Iterator[None]:
        """The one way out: what runs is waited for, what is stored is reported, and what went wrong is raised."""
        yield from self._loader.wait_for_imports()
        self._loader.confirm_provisional()
        with self._loader.failing():
            if has_input_ended and not self._cancel.requested:
                self._fail_what_was_left_out()
                self._loader.send_replaced_states()
        self._intake.log_left_out()
        self._states.log_unsent()
        if not self._is_dry_run and (self.failed or self._cancel.requested):
            self._loader.forbid_retry()
        self._loader.raise_failure()
        yield

    def _fail_what_was_left_out(self) -> None:
        """Everything else is stored: now records that are missing, stray or unconfirmed end the sync with an error."""
        for error, key in self._intake.problems():
            self._loader.fail(error, None if key is None else key[1])
        if self.failed:
            return
        for key, each in self._streams.items():
            decision = self._decide(key, has_waited=True)
            if each.stream.mode is not WriteMode.REPLACE and isinstance(decision, Hold):
                self._fail_because_of(decision, each.stream)

    def _fail_because_of(self, hold: Hold, stream: DestinationStream) -> None:
        if hold.sentence is not None:
            self._loader.fail(TransientProblem(hold.sentence), stream.subject)


def _send_nothing(_lines: bytes) -> None:
    """In a dry run nothing is stored, so no state may leave."""


def _open_streams(
    client: PigmentClient,
    settings: DestinationConfig,
    streams: Sequence[DestinationStream],
    spool: Spool,
    patience: Patience,
    clock: Clock,
) -> dict[StreamKey, StreamImports]:
    """The streams with their targets, checks and files; raises `ConfigProblem` where one has no target that suits."""
    known = _known_configurations(client, settings, is_needed=needs_names(streams, settings.targets))
    targets = find_targets(streams, settings.targets, known)
    require_suitable_targets(streams, targets, settings.targets)
    require_no_emptying_update(streams, targets, settings.loading_of)
    for sentence in shared_blocks(streams, targets, known or ()):
        logger.warning(sentence)
    by_id = {each.id: each for each in known or ()}
    configurations = {key: by_id.get(target.configuration_id) for key, target in targets.items()}
    checks = build_checks(client, settings, streams, configurations)
    store = _open_store(settings, streams, clock)
    opened: dict[StreamKey, StreamImports] = {}
    for stream in streams:
        key, target = stream.key, targets[stream.key]
        require_runs_without_files(settings.then_run, (target.configuration_id, target.clearing_id), stream.subject)
        converter = RecordConverter(stream, checks[key], settings.loading_of(target.configuration_id).dialect)
        rejections = None if store is None else RejectionsOnDisk(spool, clock.now)
        files = StreamFiles(converter, spool, settings.limits, rejections, deleted_rows=settings.deleted_rows)
        if stream.mode is WriteMode.REPLACE:
            opened[key] = Reload(stream, target, files, patience.restart_seconds, store)
        else:
            opened[key] = Changes(stream, target, files, spool, store)
        logger.info(
            "The %s goes to the import configuration %s (%s).", stream.subject, target.configuration_id, stream.mode
        )
    return opened


def _open_store(
    settings: DestinationConfig, streams: Sequence[DestinationStream], clock: Clock
) -> RejectedRowStore | None:
    if settings.bucket is None:
        return None
    sync_ids = [str(each.sync_id) for each in streams if each.sync_id is not None]
    job = sync_ids[0] if sync_ids else os.environ.get(_JOB_ID)
    names = ObjectNames.of_attempt(settings.bucket.path, job, clock.now())
    return RejectedRowStore(settings.bucket, names, clock, open_objects)


def _find_follow_ups(client: PigmentClient, settings: DestinationConfig) -> tuple[FollowUp, ...]:
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
