"""The sync: lines in, files out, states back when what they speak of is stored.

One thread runs this: it takes lines, fills files, hands them to the queues, collects results, and is the only one that
sends states. What has been reported to the platform is therefore always behind what has been stored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from destination_pigment.ending import Ending
from destination_pigment.failures import Failures
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.append import Append, FirstImports
from destination_pigment.imports.queue import ImportQueues, Job
from destination_pigment.imports.replace import Replace
from destination_pigment.imports.report import Imported, MayBeStored, NotPushedYet
from destination_pigment.input.cancel import Cancel, Cancelled, Patience
from destination_pigment.input.completion import Completion
from destination_pigment.input.configured_streams import StreamKey
from destination_pigment.intake import Intake
from destination_pigment.states import States
from destination_pigment.unreported import find_unreported, say_unreported
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.quantities import counted

logger = logging.getLogger("airbyte.pigment.destination")

_WAIT_SECONDS = 0.5

# The platform gives about a minute after SIGTERM, and what we spooled must be gone by then, even where a push waits for
# Pigment's limit.
_END_WHEN_CANCELLED_SECONDS = 50.0


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a sync, each with its strategy."""

    appends: Mapping[StreamKey, Append]
    replaces: Mapping[StreamKey, Replace]

    @property
    def has_generations(self) -> bool:
        """Whether the platform gives generation ids."""
        return any(each.stream.has_generation for each in self.files.values())

    @property
    def files(self) -> dict[StreamKey, StreamFiles]:
        """The files of every stream."""
        appends = {key: each.files for key, each in self.appends.items()}
        return appends | {key: each.files for key, each in self.replaces.items()}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a record may wait for its push, and how long we wait where only time can tell.

    `proves_all` where a stream that appends must be proved complete as well, for what follows the sync. In a dry run
    nothing is stored.
    """

    max_age_seconds: float
    patience: Patience
    proves_all: bool = False
    is_dry_run: bool = False


class Sync:
    """One run of `write`: `take` what comes, then `finish` or, once the platform cancels, `end`."""

    def __init__(self, streams: Streams, queues: ImportQueues, states: States, cancel: Cancel, pace: Pace) -> None:
        self._streams = streams
        self._queues = queues
        self._states = states
        self._cancel = cancel
        self._pace = pace
        self._completion = Completion(has_generations=streams.has_generations)
        self._intake = Intake(streams.files, self._completion, states)
        # All mutable state beside that: jobs whose queue had no room yet, results that are not certain yet, streams
        # still to be replaced, how many records were rejected, what went wrong, and when the cancel was seen: the wait
        # for imports ends once, for all.
        self._ready: list[Job] = []
        self._first_imports = FirstImports()
        self._to_replace = set(streams.replaces)
        self._rejected = 0
        self._failures = Failures()
        self._cancelled_at: float | None = None
        for key in self._to_replace:
            states.checkpoints.hold(key)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return bool(self._failures)

    @property
    def ending(self) -> Ending:
        """How it has ended; ask behind `finish` or `end`."""
        unfinished = tuple(
            files.stream.subject
            for key, files in self._streams.files.items()
            if key in self._to_replace or not self._completion.has_succeeded(key, still_wanted=True)
        )
        # Behind the wait: a source that had failed would have ended this sync.
        is_unproved = self._completion.is_undecided
        return Ending(
            has_failed=self.failed,
            is_cancelled=self._cancel.requested,
            is_empty=not self._streams.files,
            unfinished=() if is_unproved else unfinished,
            unproved=unfinished if is_unproved else (),
            unsettled=self._states.checkpoints.unsettled,
            unreadable=self._intake.unreadable,
            unsent_states=self._states.checkpoints.waiting,
            rejected=self._rejected,
        )

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Whatever goes wrong inside ends the sync, and is raised by `finish` or `end`."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is explained at the end, with all others
            self._fail(error, None)

    def take(self, block: bytes) -> None:
        """Take whole lines, or none where some time went by; nothing more once the sync has failed."""
        with self.failing():
            if not self.failed:
                self._intake.take(block)
            self._submit_due()
        self._collect(0)
        self._send_due()

    def finish(self, rest: bytes = b"") -> None:
        """The input has ended, with so much behind its last line end: what may be stored is; raises what went wrong."""
        with self.failing():
            if not self.failed:
                self._intake.take_rest(rest)
                self._finish_appending()
                self._finish_replacing()
        self.end(input_ended=True)

    def end(self, *, input_ended: bool = False) -> None:
        """The one way out: what runs is waited for, what is stored is reported, and what went wrong is raised."""
        if self.failed or self._cancel.requested:
            self._queues.stop()
        self._wait_for_imports()
        for job in self._queues.unfinished:
            self._first_imports.on_doubt(job.configuration_id)
        with self.failing():
            for certain, done in self._first_imports.end():
                self._settle(certain, done)
        self._send_due()
        with self.failing():
            if input_ended and not self._cancel.requested:
                self._add_what_was_held_back()
                self._confirm_replaced()
        self._intake.summarize()
        self._states.summarize()
        self._forbid_repeat()
        self._failures.raise_first()

    def _forbid_repeat(self) -> None:
        """Let nobody repeat unawares what adds rows once more: those that are stored and of which no state speaks."""
        if self._pace.is_dry_run or not (self.failed or self._cancel.requested):
            return
        streams = [strategy.stream for strategy in self._streams.appends.values()]
        in_doubt = [*self._queues.unfinished, *(job for job, _ in self._first_imports.doubted)]
        unreported = find_unreported(streams, self._states.checkpoints.stored_and_unreported, in_doubt)
        if not unreported:
            return
        if not self.failed:
            self._failures.add(ConfigProblem("The sync was stopped before its end."), None)
        self._failures.forbid_repeat(say_unreported(unreported))

    def _finish_appending(self) -> None:
        for strategy in self._streams.appends.values():
            self._ready += strategy.last()
        self._submit()

    def _finish_replacing(self) -> None:
        """Replace all blocks, if the source has succeeded with all of them and none must be left as it is."""
        waits_for_all = self._pace.proves_all and self._completion.is_undecided
        if waits_for_all or self._completion.depends_on_patience(self._to_replace):
            self._wait_while_wanted()
        if self._cancel.requested or self.failed:
            return
        jobs = [job for key, strategy in self._streams.replaces.items() if (job := self._replacement(key, strategy))]
        if self._failures:
            return
        self._ready += jobs
        self._submit()
        self._wait_for_imports()

    def _replacement(self, key: StreamKey, strategy: Replace) -> Job | None:
        job: Job | None = None
        try:
            if self._intake.misses_records(key):
                return None
            if not self._completion.has_succeeded(key, still_wanted=True):
                strategy.reject_unfinished()
            job = strategy.job(may_clear=self._completion.asks_for_clear(key))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._failures.add(error, strategy.stream.subject)
        if job is None and not self.failed:
            self._to_replace.discard(key)
        return job

    def _wait_while_wanted(self) -> None:
        seconds = self._pace.patience.still_wanted_seconds
        logger.info(
            "The input has ended and this platform does not say whether the source succeeded: waiting %.0f s, in which "
            "a platform would end this sync if it had not, before anything is replaced or started.",
            seconds,
        )
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.failed and not self._cancel.requested:
            self._collect(min(_WAIT_SECONDS, max(0.0, until - time.monotonic())))
            self._send_due()

    def _submit_due(self) -> None:
        self._make_due_ready()
        self._submit()

    def _make_due_ready(self) -> None:
        """Take the files that may go; where a first result is kept, the next one that there is, whatever its size."""
        for strategy in self._streams.appends.values():
            name = strategy.configuration_id
            is_asked = self._first_imports.wants_second(name) and not self._is_under_way(name)
            self._ready += strategy.due(0.0 if is_asked else self._pace.max_age_seconds)

    def _is_under_way(self, configuration_id: str) -> bool:
        under_way = (*self._ready, *self._queues.unfinished)
        return any(job.configuration_id == configuration_id for job in under_way)

    def _submit(self) -> None:
        """Hand the ready jobs to their queues; waits while one is full, so that the disk is not filled.

        A full queue holds up nobody else: files of other streams that grow old meanwhile go.
        """
        while self._ready and not self.failed and not self._cancel.requested:
            self._hand_over()
            if self._ready:
                self._collect(_WAIT_SECONDS)
                self._send_due()
                self._make_due_ready()

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

    def _wait_for_imports(self) -> None:
        while self._queues.outstanding:
            self._collect(_WAIT_SECONDS)
            self._send_due()
            if self._cancel.requested:
                if self._cancelled_at is None:
                    self._cancelled_at = time.monotonic()
                if time.monotonic() - self._cancelled_at > _END_WHEN_CANCELLED_SECONDS:
                    running = counted(self._queues.outstanding, "import still runs", "imports still run")
                    logger.error("%s, and the connector does not wait for that.", running)
                    return

    def _collect(self, timeout_seconds: float) -> None:
        while (collected := self._queues.collect(timeout_seconds)) is not None:
            timeout_seconds = 0
            try:
                self._conclude(*collected)
            except Exception as error:  # noqa: BLE001 - the imports behind it are waited for all the same
                # Results are counted one after the other: what follows a gap would be reported too early.
                self._states.stop()
                self._fail(error, None)

    def _conclude(self, job: Job, result: Imported | Exception) -> None:
        for file in job.files:
            with suppress(OSError):  # it goes with its folder
                file.remove()
        if isinstance(result, Imported):
            for certain, done in self._first_imports.on_imported(job, result):
                self._settle(certain, done)
            if result.problem is not None:
                self._fail(result.problem, job.stream.subject)
        elif not isinstance(result, Cancelled):
            was_sent = isinstance(result, MayBeStored | TransientProblem) and not isinstance(result, NotPushedYet)
            if was_sent:
                self._first_imports.on_doubt(job.configuration_id)
            self._fail(result, job.stream.subject)

    def _send_due(self) -> None:
        with self.failing():
            self._states.send_due()

    def _settle(self, job: Job, done: Imported) -> None:
        if done.problem is not None:
            return
        rows = job.records - job.rejected
        rejected = min(done.rejected, rows)
        self._rejected += rejected + job.rejected
        self._states.checkpoints.settle(job.stream.key, stored=rows - rejected, rejected=rejected + job.rejected)
        self._to_replace.discard(job.stream.key)

    def _add_what_was_held_back(self) -> None:
        for error, key in self._intake.problems():
            self._failures.add(error, None if key is None else key[1])
        if self.failed:
            return
        for strategy in self._streams.appends.values():
            try:
                strategy.reject_held_back()
            except TransientProblem as error:
                self._failures.add(error, strategy.stream.subject)

    def _confirm_replaced(self) -> None:
        """Let the states of replaced streams go, if nothing went wrong anywhere.

        A second attempt begins behind the states that left: without a record, it would clear what is stored.
        """
        if self.failed or self._to_replace:
            return
        for key in self._streams.replaces:
            self._states.checkpoints.free(key)
        self._send_due()

    def _fail(self, error: Exception, subject: str | None) -> None:
        self._queues.stop()
        self._failures.add(error, subject)
