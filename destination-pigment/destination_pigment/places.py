"""Where the rows of a sync go: into private files, and where they are rejected, to a bucket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from destination_pigment.config import DestinationConfig
from destination_pigment.files.rejected import NOT_KEPT, Rejections, RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.store import (
    KEEPS_NOTHING,
    ObjectNames,
    RejectedRowKeeper,
    RejectedRowStore,
    open_objects,
)
from pigment_client.http.clock import Clock

# The number of the platform's job (airbyte-platform: WorkerEnvConstants), where the catalog does not say it.
_JOB_ID = "WORKER_JOB_ID"


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows go: into files, and where they are rejected, to a bucket, if there is one, and on disk until then."""

    spool: Spool
    unstored: RejectedRowKeeper
    now: Callable[[], datetime]

    def rejections(self) -> Rejections:
        """Where the rejections of a further stream go."""
        return RejectionsOnDisk(self.spool, self.now) if self.unstored.store is not None else NOT_KEPT


@contextmanager
def open_places(settings: DestinationConfig, streams: Sequence[DestinationStream], cancel: Cancel) -> Iterator[Places]:
    """The places of a sync; what it spooled is removed on every way out."""
    with Spool() as spool:
        clock = Clock(sleep=cancel.wait_unless_cancelled)
        if settings.bucket is None:
            yield Places(spool, KEEPS_NOTHING, clock.now)
            return
        sync_ids = [str(each.sync_id) for each in streams if each.sync_id is not None]
        job = sync_ids[0] if sync_ids else os.environ.get(_JOB_ID)
        names = ObjectNames.of_attempt(settings.bucket.path, job, clock.now())
        store = RejectedRowStore(settings.bucket, names, clock, open_objects)
        yield Places(spool, RejectedRowKeeper(store), clock.now)
