"""A dry run: files are made, counted and thrown away, and the log says what would become of them.

Pigment's public API knows no dry run and would store the rows of one, so nothing is pushed to it.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain

from destination_pigment.config import DestinationConfig
from destination_pigment.files.protected_rows import find_protected
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.guards import require_no_rejection_on_arrival
from destination_pigment.imports.preview import StreamPreview
from destination_pigment.imports.preview_table import preview_lines
from destination_pigment.imports.queue import Job, JobDone, Queues, Result, StreamImports
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# An error that names more than these is not read; the log has all.
_MOST_PROBLEMS = 5


class Rehearsal:
    """Stands in for the queues of imports, or before those that ask Pigment to check the files.

    What would stop a sync before a push ends the dry run, too, once everything has been looked at.
    """

    def __init__(
        self,
        previews: Mapping[StreamKey, StreamPreview],
        settings: DestinationConfig,
        cancel: Cancel,
        asked: Queues | None = None,
    ) -> None:
        self._previews = previews
        self._count_blocks = settings.count_blocks
        self._fail_on_rejected = settings.fail_on_rejected
        self._cancel = cancel
        self._asked = asked
        # Mutable state: jobs whose result has not been collected, and what would stop a sync, by stream.
        self._done: deque[Job] = deque()
        self._problems: dict[StreamKey, list[ConfigProblem]] = defaultdict(list)

    @property
    def unfinished(self) -> list[Job]:
        """The jobs whose result has not been collected."""
        return [*self._done, *(self._asked.unfinished if self._asked else ())]

    def has_room(self, job: Job) -> bool:
        """Whether the job may be submitted."""
        return self._asked is None or self._asked.has_room(job)

    def submit(self, job: Job) -> None:
        """Look at what would be pushed."""
        preview = self._previews[job.stream.key]
        for each in job.segments:
            preview.add(each)
        problem = job.obstacle
        if problem is None and not preview.each.replaces:
            problem = find_protected(job.stream, preview.each.target.protected, job.segments)
        if problem is not None and problem not in self._problems[job.stream.key]:
            self._problems[job.stream.key].append(problem)
        if self._asked is None or problem is not None:
            self._done.append(job)
        else:
            self._asked.submit(job)

    def collect(self, timeout_seconds: float) -> Result | None:
        """The next result, if there is one."""
        if self._done:
            return self._done.popleft(), JobDone(0)
        return self._asked.collect(timeout_seconds) if self._asked else None

    def stop(self) -> None:
        """Begin no further import."""
        if self._asked:
            self._asked.stop()

    @contextmanager
    def summarized(self) -> Iterator[None]:
        """Log at the end for each stream what a sync would push, and what it would change in its block.

        Raises all that would stop a sync, if nothing else is raised inside.
        """
        try:
            yield
        finally:
            self._log_summary()
        problems = list(chain.from_iterable(self._problems.values()))
        if problems:
            shown = [str(each) for each in problems[:_MOST_PROBLEMS]]
            if len(problems) > _MOST_PROBLEMS:
                shown.append(f"{counted(len(problems) - _MOST_PROBLEMS, 'more problem')}: see the log.")
            raise ConfigProblem(" Also: ".join(shown))

    def _log_summary(self) -> None:
        is_stopped = self._cancel.requested
        for key, preview in self._previews.items():
            if not is_stopped:  # where the platform has stopped the dry run, no block is read
                preview.compare()
                self._problems[key] += self._find_obstacles(preview)
            logger.info("Dry run: %s", _describe(preview))
            if preview.files or preview.rejected:
                for line in preview_lines(preview):
                    logger.info(line)
            if preview.rejected:
                rejected = counted(preview.rejected, "record")
                subject = preview.each.stream.subject
                logger.warning("Dry run: %s of the %s would be rejected before upload.", rejected, subject)
            for problem in self._problems[key]:
                logger.warning("Dry run: a sync would stop. %s", problem)

    def _find_obstacles(self, preview: StreamPreview) -> list[ConfigProblem]:
        """What would stop a sync before its push: rejected rows, and fewer than a share of those in the block."""
        subject = preview.each.stream.subject
        found: list[ConfigProblem] = []
        for require in (
            partial(require_no_rejection_on_arrival, self._fail_on_rejected, preview.rejected, subject),
            partial(self._require_enough, preview, subject),
        ):
            try:
                require()
            except ConfigProblem as problem:
                found.append(problem)
        return found

    def _require_enough(self, preview: StreamPreview, subject: str) -> None:
        """Raise `ConfigProblem` for a replacement with too few rows, compared with the block as the preview read it."""
        each = preview.each
        if not (each.replaces and preview.files):
            return
        counts = BlockCounts(
            lambda _: preview.count_rows(), self._count_blocks, lambda _block, _scope: preview.count_values()
        )
        if each.target.scope is not None:
            counts.check_scope(each.target, preview.scope_values, subject)
        elif each.target.minimum_percent is not None:
            counts.count_before(each.target, preview.totals.rows, subject)


def _describe(preview: StreamPreview) -> str:
    each, rows, files = preview.each, preview.totals.rows, preview.files
    subject = each.stream.subject
    if not files:
        return f"the {subject} has no row to push."
    left = f"; {counted(preview.deleted, 'deleted row')} would not be sent" if preview.deleted else ""
    if not rows:
        return f"the block of the {subject} would be emptied through {_ways(preview)}{left}."
    return (
        f"{counted(rows, 'row')} of the {subject} would go in {counted(files, 'file')} through "
        f"{_ways(preview)}, and {_effect(each)}{left}."
    )


def _ways(preview: StreamPreview) -> str:
    target, name_of = preview.each.target, preview.place.name_of
    adds, clears = name_of(target.configuration_id), target.clearing_id
    if not preview.each.replaces or clears is None or clears == target.configuration_id:
        return f"the import configuration {adds}"
    first = f"the import configuration {name_of(clears)}"
    return first if preview.files == 1 else f"{first} (the first file) and {adds} (the others)"


def _effect(each: StreamImports) -> str:
    if not each.replaces:
        return "be added to its block"
    if each.target.scope is not None:
        return f'rows with the same values in the column "{each.target.scope}" would be replaced'
    return "everything in its block would be replaced"


def asks_for_dry_run(client: PigmentClient) -> bool:
    """Whether Pigment itself checks the files of a dry run and stores nothing."""
    asks = client.offers_dry_run()
    logger.warning(
        "This is a dry run: Pigment is asked to check the files and store nothing; no state is sent."
        if asks
        else "This is a dry run: everything is read, converted and counted, nothing is pushed, and no state is sent."
    )
    return asks
