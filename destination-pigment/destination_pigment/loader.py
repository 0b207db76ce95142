"""Files on their way to Pigment and results on their way back: what is stored, and what failed.

Files are handed to the queues as there is room, and results are collected one after the other, as they come. A result
that a later import through the same configuration may still undo is provisional until one shows that it stays, or until
the end.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from destination_pigment.closing_lines import ClosingLines
from destination_pigment.ending import Failures, describe_uncovered, find_uncovered
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.doubts import Replacement, problem_of_doubts
from destination_pigment.imports.polling import CancelGrace
from destination_pigment.imports.queue import Job, JobDone, Queues, StreamImports
from destination_pigment.imports.verdicts import NotPushedYet, PartialWrite
from destination_pigment.input.cancel import Cancel, Cancelled
from destination_pigment.input.catalog import DestinationStream, StreamKey, named
from destination_pigment.state_output import StateOutput
from destination_pigment.targets import first_step
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.wording import and_the, counted

logger = logging.getLogger("airbyte.pigment.destination")

_WAIT_SECONDS = 0.5


class Loader:
    """Imports the files of a sync's streams; `max_age_seconds` is how long a record may wait for its push."""

    def __init__(
        self,
        streams: Mapping[StreamKey, StreamImports],
        queues: Queues,
        states: StateOutput,
        cancel: Cancel,
        max_age_seconds: float,
        counts: BlockCounts,
    ) -> None:
        self._streams = streams
        self._queues = queues
        self._states = states
        self._cancel = cancel
        self._max_age_seconds = max_age_seconds
        self._counts = counts
        # Mutable state: jobs whose queue had no room yet; provisional results, by configuration; jobs whose rows may or
        # may not be stored; streams still to be replaced; replacements whose blocks are to be counted; the streams that
        # were imported into each block, with the values of the scope that they cleared; streams whose states never
        # leave; what became of each stream; what went wrong; and the grace, because the wait for imports ends once, for
        # all.
        self._ready: list[Job] = []
        self._provisional: dict[str, list[tuple[Job, JobDone]]] = defaultdict(list)
        self._uncertain: list[Job] = []
        self.to_replace = {key for key, each in streams.items() if each.replaces}
        self._to_count: dict[StreamKey, Replacement] = {}
        self._imported_into: dict[tuple[str, str | None], dict[StreamKey, frozenset[str | None]]] = defaultdict(dict)
        self._with_rows: set[StreamKey] = set()
        self._kept_back: set[StreamKey] = set()
        self._closing_lines = ClosingLines()
        self._failures = Failures()
        self._grace = CancelGrace(lambda: cancel.requested)
        first = first_step(each.target for each in streams.values())
        for key, each in streams.items():
            if each.replaces or each.target.step > first or is_true_as_a_whole(each):
                states.checkpoints.withhold(key)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return bool(self._failures)

    @property
    def rejected(self) -> int:
        """How many records were rejected, without deletions that are not sent."""
        return self._closing_lines.rejected

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Whatever goes wrong inside ends the sync, and is raised at its end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is explained at the end, with all others
            self.fail(error)

    def fail(self, error: Exception, subject: str | None = None) -> None:
        """Remember what went wrong (with what the user calls `subject`), and begin no further import."""
        self._queues.stop()
        self._failures.append(error, subject)

    def submit_due(self, max_age_seconds: float | None = None) -> Iterator[None]:
        """Send the files that may go now: full ones, and all once a record has waited this long; yields meanwhile."""
        self._make_due_ready(self._max_age_seconds if max_age_seconds is None else max_age_seconds)
        yield from self.submit(())

    def submit(self, jobs: Iterable[Job]) -> Iterator[None]:
        """Hand jobs to their queues; waits while one is full, so that the disk is not filled, and yields in between.

        A full queue holds up no other: files of other streams that grow old meanwhile go, and so do states.
        """
        self._ready += jobs
        while self._ready and not self.failed and not self._cancel.requested:
            self._hand_over()
            if self._ready:
                self.collect(_WAIT_SECONDS)
                self.send_due_states()
                yield
                self._make_due_ready(self._max_age_seconds)

    def collect(self, timeout_seconds: float) -> None:
        """Take in the results that there are; waits this long for a first one."""
        while (collected := self._queues.collect(timeout_seconds)) is not None:
            timeout_seconds = 0
            job, result = collected
            try:
                self._conclude(job, result)
            except Exception as error:  # noqa: BLE001 - the imports after it are waited for anyway
                # Results are counted one after the other: what follows a gap would be reported too early.
                self._states.stop()
                self.fail(error)

    def collect_for(self, seconds: float) -> Iterator[None]:
        """Take in results for this long, or until the sync fails or is cancelled; yields in between."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.failed and not self._cancel.requested:
            self.collect(min(_WAIT_SECONDS, max(0.0, until - time.monotonic())))
            self.send_due_states()
            yield

    def wait_for_imports(self) -> Iterator[None]:
        """Wait for all imports, but not for one that goes on long after the cancel; yields in between."""
        if self._cancel.requested:
            self._queues.stop()
        while self._queues.unfinished:
            self.collect(_WAIT_SECONDS)
            self.send_due_states()
            yield
            if self._grace.is_over():
                running = counted(len(self._queues.unfinished), "import is", "imports are")
                logger.error("%s still running in Pigment; the connector has stopped waiting.", running)
                return

    def send_due_states(self) -> None:
        with self.failing():
            self._states.send_due()

    def confirm_provisional(self) -> None:
        """What is provisional becomes certain at the end, unless an import that still runs may change it."""
        for job in self._queues.unfinished:
            self._never_confirm(job.configuration_id)
        with self.failing():
            for results in self._provisional.values():
                for job, done in results:
                    self._confirm(job, done)
            self._provisional.clear()
        self.send_due_states()

    def begin_step(self, keys: Iterable[StreamKey]) -> None:
        """Everything of the steps before is stored: states of these streams that add go once their rows are."""
        for key in keys:
            if not (self._streams[key].replaces or is_true_as_a_whole(self._streams[key])):
                self._states.checkpoints.stop_withholding(key)

    def settle_doubts(self, *, is_end: bool = False) -> None:
        """Count the blocks of replacements that are in doubt, or that are counted anyway.

        What stays in doubt is one error for all streams. At the end, states of the others are kept for the last step.
        """
        problems: list[Exception] = []
        doubts: list[Replacement] = []
        for key, replacement in self._to_count.items():
            settlement = self._counts.settle(replacement)
            self._closing_lines.note_block(key, settlement.in_block)
            if settlement.problem is not None:
                problems.append(settlement.problem)
                self._kept_back.add(key)
            elif replacement.is_doubtful and not settlement.is_settled:
                doubts.append(replacement)
                self._kept_back.add(key)
        self._to_count.clear()
        if is_end:
            self._keep_replaced_states()
        if doubts:
            problems.append(problem_of_doubts(doubts))
        for problem in problems:
            self.fail(problem)

    def forbid_retry(self, reason: str) -> None:
        """Stop automatic retries that would duplicate rows: those that are stored and that the platform sends again.

        `reason` is why the platform may retry, if nothing failed here.
        """
        uncertain = [*self._queues.unfinished, *self._uncertain]
        streams = [each.stream for each in self._streams.values() if not each.replaces]
        uncovered = find_uncovered(streams, self._sent_again, uncertain)
        if not uncovered:
            return
        self._failures.forbid_retry(describe_uncovered(uncovered), reason)

    def _sent_again(self, key: StreamKey) -> tuple[int, int]:
        """Stored records of a stream that a second attempt sends again: how many are, and how many more may be.

        Of a full refresh these are all: the platform begins it again without its state.
        """
        stored, maybe_stored = self._states.checkpoints.uncovered(key)
        is_read_whole_again = self._streams[key].stream.waits_for_proof
        return (self._states.checkpoints.stored(key) if is_read_whole_again else stored), maybe_stored

    def log_streams(self) -> None:
        """Log what became of each stream."""
        streams = [each.stream for each in self._streams.values()]
        self._closing_lines.log_streams(streams, self._states.checkpoints.unconfirmed)

    def raise_failure(self) -> None:
        """Raise what went wrong, if anything did."""
        self._failures.raise_first()

    def _keep_replaced_states(self) -> None:
        """Take the states of replaced streams out of those that wait, if nothing went wrong anywhere; not those of a
        doubtful replacement. `StateOutput.send_kept` sends them, as the last thing of the sync.

        A second attempt begins after the states that left: it would not send again what another stream lacks, and
        would replace a whole block by the few rows that came since.
        """
        if self.failed or self.to_replace:
            return
        for key in self._streams.keys() - self._to_count.keys() - self._kept_back:
            self._states.checkpoints.stop_withholding(key)
        self._states.keep_due()

    def _make_due_ready(self, max_age_seconds: float) -> None:
        """Get the files that may go; where a first result is provisional, the next file whatever its size."""
        for each in self._streams.values():
            name = each.target.configuration_id
            # A second import shows that the first one stays, so its states need not wait for a full file.
            wants_second = any(done.has_rows for _, done in self._provisional.get(name, ()))
            if wants_second:
                under_way = (*self._ready, *self._queues.unfinished)
                wants_second = all(job.configuration_id != name for job in under_way)
            self._ready += each.due_jobs(0.0 if wants_second else max_age_seconds)

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

    def _conclude(self, job: Job, result: JobDone | Exception) -> None:
        """Draw the conclusions from a result: for the states, and for the sync."""
        for segment in job.segments:
            if segment.file is not None:
                with suppress(OSError):  # it goes with its folder
                    segment.file.remove()
        name, subject = job.configuration_id, job.stream.subject
        match result:
            case JobDone():
                self._provisional[name].append((job, result))
                if not result.is_provisional:
                    for certain, done in self._provisional.pop(name):
                        self._confirm(certain, done)
                if result.to_count is not None:
                    self._to_count[job.stream.key] = result.to_count
                if result.problem is not None:
                    self.fail(result.problem, subject)
                if any(each.rows for each in job.segments):
                    self._with_rows.add(job.stream.key)
                self._check_blocks(job.stream, result)
            case Cancelled():
                pass
            case _:
                was_sent = isinstance(result, PartialWrite | TransientProblem) and not isinstance(result, NotPushedYet)
                if was_sent:
                    self._never_confirm(name)
                self.fail(result, subject)

    def _never_confirm(self, configuration_id: str) -> None:
        """What was stored through the configuration may be deleted: what is provisional never becomes certain."""
        self._uncertain += [job for job, _ in self._provisional.pop(configuration_id, ())]

    def _check_blocks(self, stream: DestinationStream, done: JobDone) -> None:
        """Fail where what one stream has put into a block may have been deleted by another, whichever came first."""
        for block in done.blocks:
            cleared = self._imported_into[block.block_id, block.scenario_id]
            cleared[stream.key] = done.scope_values
            for key in cleared.keys() - {stream.key}:
                pair = {stream.key, key}
                deleting = [each for each in sorted(pair, key=str) if self._streams[each].replaces]
                is_clear = pair.isdisjoint(self._with_rows)
                if not deleting or is_clear or self._are_apart(pair, cleared) or pair <= self._kept_back:
                    continue
                self._kept_back |= pair
                for each in pair:
                    self._states.checkpoints.withhold(each)
                deleting.sort(key=lambda each: self._streams[each].target.scope is not None)
                scope = self._streams[deleting[0]].target.scope
                self.fail(ConfigProblem(describe_shared_block(pair, deleting[0], scope)))

    def _are_apart(self, pair: set[StreamKey], cleared: Mapping[StreamKey, frozenset[str | None]]) -> bool:
        """Whether two streams clear different values of the same column."""
        one, other = (self._streams[key].target.scope for key in pair)
        return one is not None and one == other and frozenset.isdisjoint(*(cleared[key] for key in pair))

    def _confirm(self, job: Job, done: JobDone) -> None:
        if done.problem is not None:
            return
        rows = sum(each.rows for each in job.segments)
        # What another record replaces is stored with it, and a deletion that is not sent is no row that was rejected.
        stored = max(0, rows - done.rejected) + sum(each.superseded for each in job.segments)
        rejected = sum(each.records for each in job.segments) - stored
        self._states.checkpoints.confirm(
            job.stream.key, stored=stored, rejected=rejected, maybe_stored=done.maybe_stored
        )
        self._closing_lines.count_job(job, done, stored=stored)
        self.to_replace.discard(job.stream.key)

    def summary(self) -> str:
        """What is stored so far, for the last line of the log."""
        return self._closing_lines.summary()


def is_true_as_a_whole(each: StreamImports) -> bool:
    """Whether no state of a stream is true before all of its files are stored.

    Where its rows wait for the end, a record of an early file may have been left out for one of its key in a later one.
    """
    return not each.goes_at_states and bool(each.stream.primary_key)


def describe_shared_block(pair: Iterable[StreamKey], deleting: StreamKey, scope: str | None) -> str:
    """The error for two streams of which one deletes what the other may have put into the same block."""
    names = and_the(named(key) for key in sorted(pair, key=str))
    what = "replaces all of it" if scope is None else f'deletes rows by the values of the column "{scope}"'
    return (
        f"The {names} were imported into the same block in this sync, and the {named(deleting)} {what}, so rows of the "
        'other may be gone: give each a block of its own, or a "Scope" of the same column under "Targets", of which no '
        "value comes in both; then look at the block, and run the sync again."
    )
