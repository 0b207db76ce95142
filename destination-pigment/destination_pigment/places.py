"""Where the rows of a sync go: into private files, and where they are rejected, to a bucket."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from destination_pigment.config import DestinationConfig, FileLimits
from destination_pigment.files.rejected import ArrivedRows
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import FileOptions
from destination_pigment.imports.unstored_rows import NOT_KEPT, UnstoredRows
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.store import ObjectNames, RejectedRowStore, open_objects
from pigment_client.http.clock import Clock
from pigment_csv.dialect import CsvDialect

# The number of the platform's job (airbyte-platform: WorkerEnvConstants), where the catalog does not say it.
_JOB_ID = "WORKER_JOB_ID"


@dataclass(frozen=True, slots=True)
class Places:
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
def open_places(settings: DestinationConfig, streams: Sequence[DestinationStream], cancel: Cancel) -> Iterator[Places]:
    """The places of a sync; what it spooled is removed on every way out."""
    with Spool(settings.loading.dialect) as spool:
        if settings.bucket is None:
            yield Places(spool, NOT_KEPT, None)
            return
        clock = Clock(sleep=cancel.wait_unless_cancelled)
        sync_ids = [str(each.sync_id) for each in streams if each.sync_id is not None]
        job = sync_ids[0] if sync_ids else os.environ.get(_JOB_ID)
        names = ObjectNames.of_attempt(settings.bucket.path, job, clock.now())
        store = RejectedRowStore(settings.bucket, names, clock, open_objects)
        arrived = ArrivedRows(partial(spool.new_path, ".rejected"), clock.now)
        try:
            yield Places(spool, UnstoredRows(store), arrived)
        finally:
            arrived.close()
