"""write: everything that a sync needs is opened and put together, then the sync runs, and what follows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import partial
from typing import Any

from destination_pigment.config import MAX_RETRIES, parse_config
from destination_pigment.ending import advising_to_refresh_again
from destination_pigment.files.spool import Spool
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.rehearsal import asks_for_dry_run
from destination_pigment.imports.then_run import ThenRun
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.input.stdin import Blocks
from destination_pigment.loader import Loader
from destination_pigment.opening import (
    find_follow_ups,
    find_unsuited,
    open_counts,
    open_rehearsal,
    open_store,
    open_streams,
    with_target_ids,
)
from destination_pigment.state_output import Emit, StateOutput, StateSpool
from destination_pigment.sync import Sync
from pigment_airbyte.connection import open_client
from pigment_airbyte.output import log_slow_conversion
from pigment_client.http.clock import Clock

logger = logging.getLogger("airbyte.pigment.destination")


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
    clock = Clock(sleep=cancel.wait_waking_on_cancel)
    with (
        advising_to_refresh_again(streams, cancel),
        open_client(config, default_max_retries=MAX_RETRIES, clock=Clock(sleep=cancel.wait_or_raise)) as client,
        Spool() as spool,
        closing(StateSpool(partial(spool.new_path, ".states"))) as state_spool,
    ):
        settings = with_target_ids(client, parse_config(config))
        log_slow_conversion(logger)
        for warning in settings.warnings():
            logger.warning(warning)
        pushes = not settings.dry_run or asks_for_dry_run(client)
        importer = Importer(client, settings, cancel, clock)
        store = open_store(settings, streams, clock) if pushes else None
        counts = open_counts(client, settings)
        targeted = open_streams(client, settings, streams, spool, patience, clock, store, counts)
        wanted = find_follow_ups(client, settings)
        queues = ImportQueues(importer, one_at_a_time=settings.dry_run)
        rehearsal = None
        if settings.dry_run:
            rehearsal = open_rehearsal(client, settings, targeted, spool, cancel, queues if pushes else None)
        states = StateOutput(state_spool, _send_nothing if settings.dry_run else emit, cancel)
        max_age_seconds = settings.limits.max_age.total_seconds()
        loader = Loader(targeted, rehearsal or queues, states, cancel, max_age_seconds, counts)
        if not settings.dry_run:
            client.summarize_with(loader.summary)
        sync = Sync(
            targeted,
            loader,
            states,
            cancel,
            patience,
            is_followed=bool(wanted and streams),
            is_dry_run=settings.dry_run,
            unsuited=find_unsuited(streams, targeted, settings),
        )
        then_run = ThenRun(client, importer, wanted, settings.import_timeout.total_seconds())
        with nullcontext() if rehearsal is None else rehearsal.summarized():
            yield from run_and_follow(sync, blocks, then_run)


def run_and_follow(sync: Sync, blocks: Blocks, then_run: ThenRun) -> Iterator[None]:
    """Run a sync and what follows it; nothing follows a sync that fails, even by an error that it does not expect.

    The states of replaced streams go last, whatever became of what followed.
    """
    has_failed = True
    try:
        yield from sync.run(blocks)
        has_failed = False
    finally:
        try:
            then_run.start_all(sync.find_obstacle(has_failed=has_failed))
        finally:
            sync.send_last_states()
    yield


def _send_nothing(_lines: bytes) -> None:
    """In a dry run nothing is stored, so no state may leave."""
