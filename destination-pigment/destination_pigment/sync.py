"""The sync: lines in, files out, states back when what they speak of is stored.

One thread runs this: it takes lines, fills files, hands them to the queues, collects results, and is the only one that
sends states. What has been reported to the platform is therefore always behind what has been stored.
"""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

from destination_pigment.dispatch import Dispatch
from destination_pigment.imports.queue import ImportQueues, Job
from destination_pigment.imports.reload import Replace
from destination_pigment.imports.strategies import Streams
from destination_pigment.imports.then_run import Ending
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import StreamKey
from destination_pigment.input.completion import Completion
from destination_pigment.intake import Intake
from destination_pigment.outcomes import Outcomes
from destination_pigment.state_output import States
from destination_pigment.unreported import find_unreported, say_unreported
from pigment_airbyte.failures import ConfigProblem, TransientProblem

logger = logging.getLogger("airbyte.pigment.destination")


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
        self._states = states
        self._cancel = cancel
        self._pace = pace
        self._completion = Completion(has_generations=streams.has_generations)
        self._intake = Intake(streams.files, self._completion, states)
        self._outcomes = Outcomes(states, streams.replaces, queues.stop)
        self._dispatch = Dispatch(streams.appends, pace.max_age_seconds, queues, self._outcomes, cancel)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return self._outcomes.failed

    @property
    def ending(self) -> Ending:
        """How it has ended; ask behind `finish` or `end`."""
        unfinished = tuple(
            files.stream.subject
            for key, files in self._streams.files.items()
            if key in self._outcomes.to_replace or not self._completion.has_succeeded(key, still_wanted=True)
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
            rejected=self._outcomes.rejected,
        )

    def failing(self) -> AbstractContextManager[None]:
        """Whatever goes wrong inside ends the sync, and is raised by `finish` or `end`."""
        return self._outcomes.failing()

    def take(self, block: bytes) -> None:
        """Take whole lines, or none where some time went by; nothing more once the sync has failed."""
        with self.failing():
            if not self.failed:
                self._intake.take(block)
            self._dispatch.submit_due()
        self._dispatch.collect(0)
        self._outcomes.send_due()

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
            self._dispatch.stop()
        self._dispatch.wait()
        self._outcomes.end(self._dispatch.unfinished)
        with self.failing():
            if input_ended and not self._cancel.requested:
                self._add_what_was_held_back()
                self._outcomes.free_replaced(self._streams.replaces)
        self._intake.summarize()
        self._states.summarize()
        self._forbid_repeat()
        self._outcomes.failures.raise_first()

    def _forbid_repeat(self) -> None:
        """Let nobody repeat unawares what adds rows once more: those that are stored and of which no state speaks."""
        if self._pace.is_dry_run or not (self.failed or self._cancel.requested):
            return
        streams = [strategy.stream for strategy in self._streams.appends.values()]
        in_doubt = [*self._dispatch.unfinished, *(job for job, _ in self._outcomes.first_imports.doubted)]
        unreported = find_unreported(streams, self._states.checkpoints.stored_and_unreported, in_doubt)
        if not unreported:
            return
        if not self.failed:
            self._outcomes.failures.add(ConfigProblem("The sync was stopped before its end."), None)
        self._outcomes.failures.forbid_repeat(say_unreported(unreported))

    def _finish_appending(self) -> None:
        self._dispatch.submit([job for strategy in self._streams.appends.values() for job in strategy.last()])

    def _finish_replacing(self) -> None:
        """Replace all blocks, if the source has succeeded with all of them and none must be left as it is."""
        waits_for_all = self._pace.proves_all and self._completion.is_undecided
        if waits_for_all or self._completion.depends_on_patience(self._outcomes.to_replace):
            self._wait_while_wanted()
        if self._cancel.requested or self.failed:
            return
        jobs = [job for key, strategy in self._streams.replaces.items() if (job := self._replacement(key, strategy))]
        if self._outcomes.failures:
            return
        self._dispatch.submit(jobs)
        self._dispatch.wait()

    def _replacement(self, key: StreamKey, strategy: Replace) -> Job | None:
        job: Job | None = None
        try:
            if self._intake.misses_records(key):
                return None
            if not self._completion.has_succeeded(key, still_wanted=True):
                strategy.reject_unfinished()
            job = strategy.job(may_clear=self._completion.asks_for_clear(key))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._outcomes.failures.add(error, strategy.stream.subject)
        if job is None and not self.failed:
            self._outcomes.to_replace.discard(key)
        return job

    def _wait_while_wanted(self) -> None:
        seconds = self._pace.patience.still_wanted_seconds
        logger.info(
            "The input has ended and this platform does not say whether the source succeeded: waiting %.0f s, in which "
            "a platform would end this sync if it had not, before anything is replaced or started.",
            seconds,
        )
        self._dispatch.collect_until(time.monotonic() + seconds)

    def _add_what_was_held_back(self) -> None:
        for error, key in self._intake.problems():
            self._outcomes.failures.add(error, None if key is None else key[1])
        if self.failed:
            return
        for strategy in self._streams.appends.values():
            try:
                strategy.reject_held_back()
            except TransientProblem as error:
                self._outcomes.failures.add(error, strategy.stream.subject)
