"""All that a run of `write` needs, put together; what it spooled is removed on every way out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from destination_pigment.config import MAX_RETRIES, parse_config
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import ImportQueues
from destination_pigment.imports.then_run import FollowUps
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.load import Load
from destination_pigment.places import open_places
from destination_pigment.settling import settle_streams, settle_then_run
from destination_pigment.state_output import Emit, HeldStates, States
from destination_pigment.sync import Pace, Sync
from pigment_airbyte.connection import connected
from pigment_airbyte.output import log_slow_conversion
from pigment_client.http.clock import Clock

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


@contextmanager
def writing(config: Mapping[str, Any], streams: tuple[DestinationStream, ...], caller: Caller) -> Iterator[Load]:
    """A sync with all that it needs; all targets are settled and all checks fetched before the first record is read."""
    # Once the platform cancels, a request that waits for its turn is given up; imports that run are still asked about.
    cancel, patience = caller.cancel, caller.patience
    clock = Clock(sleep=cancel.wait_or_raise)
    with (
        connected(config, parse_config, default_max_retries=MAX_RETRIES, clock=clock) as (client, settings),
        open_places(settings, streams, cancel) as places,
    ):
        importer = Importer(client, settings, cancel, Clock(sleep=cancel.wait_unless_cancelled))
        queues = ImportQueues(importer, one_at_a_time=settings.dry_run)
        held = HeldStates(partial(places.spool.new_path, ".states"))
        log_slow_conversion(logger)
        if settings.dry_run:
            logger.warning(
                "This is a dry run: Pigment is asked to check the files and store nothing; no state is sent."
            )
        states = States(held, _keep_back if settings.dry_run else caller.emit, cancel)
        strategies = settle_streams(client, settings, streams, places, patience)
        followups = FollowUps(
            client, importer, settle_then_run(client, settings), settings.import_timeout.total_seconds()
        )
        proves_all = bool(settings.then_run and streams) and not settings.dry_run
        pace = Pace(settings.limits.max_age.total_seconds(), patience, proves_all, settings.dry_run)
        try:
            yield Load(Sync(strategies, queues, states, cancel, pace), followups, settings.dry_run)
        finally:
            held.close()


def _keep_back(_lines: bytes) -> None:
    """Send nothing."""
