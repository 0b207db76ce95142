"""Files on their way to Pigment: handed to the queues as there is room, their results collected as they come."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from destination_pigment.imports.changes import Append
from destination_pigment.imports.queue import ImportQueues, Job
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey
from destination_pigment.outcomes import Outcomes
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

_WAIT_SECONDS = 0.5

# The platform gives about a minute after SIGTERM, and what we spooled must be gone by then, even where a push waits for
# Pigment's limit.
_END_WHEN_CANCELLED_SECONDS = 50.0


class Dispatch:
    """Sends the files of streams that append once a record in them has waited so long, and any job that it is given."""

    def __init__(
        self,
        appends: Mapping[StreamKey, Append],
        max_age_seconds: float,
        queues: ImportQueues,
        outcomes: Outcomes,
        cancel: Cancel,
    ) -> None:
        self._appends = appends
        self._max_age_seconds = max_age_seconds
        self._queues = queues
        self._outcomes = outcomes
        self._cancel = cancel
        # Mutable state: jobs whose queue had no room yet, and when the cancel was seen: the wait for imports ends once,
        # for all.
        self._ready: list[Job] = []
        self._cancelled_at: float | None = None

    @property
    def unfinished(self) -> list[Job]:
        """The jobs that the queues took and whose result has not come."""
        return self._queues.unfinished

    def stop(self) -> None:
        """Begin no further import."""
        self._queues.stop()

    def submit_due(self) -> None:
        """Send the files that may go now."""
        self._make_due_ready()
        self.submit(())

    def submit(self, jobs: Iterable[Job]) -> None:
        """Hand jobs to their queues; waits while one is full, so that the disk is not filled.

        A full queue holds up nobody else: files of other streams that grow old meanwhile go.
        """
        self._ready += jobs
        while self._ready and not self._outcomes.failed and not self._cancel.requested:
            self._hand_over()
            if self._ready:
                self.collect(_WAIT_SECONDS)
                self._outcomes.send_due()
                self._make_due_ready()

    def collect(self, timeout_seconds: float) -> None:
        """Take the results that there are; waits so long for a first one."""
        while (collected := self._queues.collect(timeout_seconds)) is not None:
            timeout_seconds = 0
            self._outcomes.take(*collected)

    def collect_until(self, moment: float) -> None:
        """Take results until then, or until the sync fails or is cancelled."""
        while time.monotonic() < moment and not self._outcomes.failed and not self._cancel.requested:
            self.collect(min(_WAIT_SECONDS, max(0.0, moment - time.monotonic())))
            self._outcomes.send_due()

    def wait(self) -> None:
        """Wait for all imports; not where one goes on long after the cancel."""
        while self._queues.outstanding:
            self.collect(_WAIT_SECONDS)
            self._outcomes.send_due()
            if self._cancel.requested:
                if self._cancelled_at is None:
                    self._cancelled_at = time.monotonic()
                if time.monotonic() - self._cancelled_at > _END_WHEN_CANCELLED_SECONDS:
                    running = counted(self._queues.outstanding, "import still runs", "imports still run")
                    logger.error("%s, and the connector does not wait for that.", running)
                    return

    def _make_due_ready(self) -> None:
        """Take the files that may go; where a first result is kept, the next one that there is, whatever its size."""
        for strategy in self._appends.values():
            name = strategy.configuration_id
            is_asked = self._outcomes.first_imports.wants_second(name) and not self._is_under_way(name)
            self._ready += strategy.due(0.0 if is_asked else self._max_age_seconds)

    def _is_under_way(self, configuration_id: str) -> bool:
        under_way = (*self._ready, *self._queues.unfinished)
        return any(job.configuration_id == configuration_id for job in under_way)

    def _hand_over(self) -> None:
        kept: list[Job] = []
        full: set[str] = set()
        for job in self._ready:
            if job.configuration_id in full or not self._queues.has_room(job):
                full.add(job.configuration_id)
                kept.append(job)
            else:
                self._queues.submit(job)
        self._ready = kept
