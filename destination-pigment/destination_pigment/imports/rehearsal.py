"""A dry run that pushes nothing: files are made, counted and thrown away, and the log says what would become of them.

Pigment's public API knows no dry run and would store the rows of one.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Mapping

from destination_pigment.imports.queue import Job, JobDone, Result, StreamImports
from destination_pigment.input.catalog import StreamKey
from pigment_client.client import PigmentClient
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


class Rehearsal:
    """Stands in for the queues of imports."""

    def __init__(self, streams: Mapping[StreamKey, StreamImports]) -> None:
        self._streams = streams
        # Mutable state: jobs whose result has not been collected, and what would have been pushed of each stream.
        self._done: deque[Job] = deque()
        self._rows: Counter[StreamKey] = Counter()
        self._files: Counter[StreamKey] = Counter()
        self._rejected: Counter[StreamKey] = Counter()
        self._deleted: Counter[StreamKey] = Counter()

    @property
    def unfinished(self) -> list[Job]:
        """The jobs whose result has not been collected."""
        return list(self._done)

    def has_room(self, job: Job) -> bool:  # noqa: ARG002 - nothing is waited for
        """Whether the job may be submitted."""
        return True

    def submit(self, job: Job) -> None:
        """Count what would be pushed."""
        key = job.stream.key
        for each in job.segments:
            self._rows[key] += each.rows
            self._files[key] += each.file is not None
            self._rejected[key] += each.rejected
            self._deleted[key] += each.deleted
        self._done.append(job)

    def collect(self, timeout_seconds: float) -> Result | None:  # noqa: ARG002 - nothing is waited for
        """The next result, if there is one."""
        return (self._done.popleft(), JobDone(0)) if self._done else None

    def stop(self) -> None:
        """Nothing is imported anyway."""

    def log_summary(self, *, fail_on_rejected: bool) -> None:
        """Log for each stream what a sync would push, and what it would replace."""
        for key, each in self._streams.items():
            logger.info("Dry run, nothing was pushed: %s", self._describe(key, each))
            if rejected := self._rejected[key]:
                stops = ', and "Rejected rows" is set to fail, so the sync would stop' if fail_on_rejected else ""
                logger.warning(
                    "Dry run: %s of the %s would be rejected before upload%s.",
                    counted(rejected, "record"),
                    each.stream.subject,
                    stops,
                )

    def _describe(self, key: StreamKey, each: StreamImports) -> str:
        rows, files, subject = self._rows[key], self._files[key], each.stream.subject
        if not files:
            return f"the {subject} has no row to push."
        deleted = self._deleted[key]
        left = f"; {counted(deleted, 'deleted row')} would not be sent" if deleted else ""
        if not rows:
            return f"the block of the {subject} would be emptied through {_ways(each, files)}{left}."
        return (
            f"{counted(rows, 'row')} of the {subject} would go in {counted(files, 'file')} through "
            f"{_ways(each, files)}, and {_effect(each)}{left}."
        )


def _ways(each: StreamImports, files: int) -> str:
    adds, clears = each.target.configuration_id, each.target.clearing_id
    if not each.replaces or clears in {None, adds}:
        return f"the import configuration {adds}"
    first = f"the import configuration {clears}"
    return first if files == 1 else f"{first} (the first file) and {adds} (the others)"


def _effect(each: StreamImports) -> str:
    if not each.replaces:
        return "be added to its block"
    if each.target.scope is not None:
        return f'take the place of rows with the same values in the column "{each.target.scope}"'
    return "take the place of everything in its block"


def asks_for_dry_run(client: PigmentClient) -> bool:
    """Whether Pigment itself checks the files of a dry run and stores nothing."""
    asks = client.offers_dry_run()
    logger.warning(
        "This is a dry run: Pigment is asked to check the files and store nothing; no state is sent."
        if asks
        else "This is a dry run, which Pigment's public API does not know: everything is read, converted and counted, "
        "nothing is pushed, and no state is sent."
    )
    return asks
