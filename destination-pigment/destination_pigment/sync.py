"""The sync: lines in, files out, states back when the records before them are stored.

One thread runs this: it reads lines, fills files, hands them to the queues, collects results, and is the only one that
sends states. So what has been reported to the platform is never ahead of what has been stored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from destination_pigment.imports.guards import (
    EmptySource,
    describe_empty_rehearsal,
    describe_empty_sources,
    describe_nothing_came,
    with_advice_on_clear,
)
from destination_pigment.imports.queue import Job, StreamImports
from destination_pigment.imports.then_run import Obstacle, find_obstacle
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import DestinationStream, StreamKey
from destination_pigment.input.completion import Completion, Proof
from destination_pigment.input.stdin import Blocks
from destination_pigment.intake import Intake
from destination_pigment.loader import Loader
from destination_pigment.release import Hold, Release, decide_release
from destination_pigment.state_output import StateOutput
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.wording import and_the, listed

logger = logging.getLogger("airbyte.pigment.destination")


class Sync:
    """One run of `write`; `is_followed` says that other imports are started after it.

    `unsuited` is why the targets do not suit the sync modes: an error as soon as a record comes, because only a Clear
    changes the modes.
    """

    def __init__(
        self,
        streams: Mapping[StreamKey, StreamImports],
        loader: Loader,
        states: StateOutput,
        cancel: Cancel,
        patience: Patience,
        *,
        is_followed: bool = False,
        is_dry_run: bool = False,
        unsuited: ConfigProblem | None = None,
    ) -> None:
        self._streams = streams
        self._states = states
        self._cancel = cancel
        self._patience = patience
        self._is_followed = is_followed and not is_dry_run
        self._is_dry_run = is_dry_run
        self._unsuited = unsuited
        self._steps = sorted({each.target.step for each in streams.values()})
        self._completion = Completion(any(each.stream.has_generation for each in streams.values()))
        self._intake = Intake({key: each.files for key, each in streams.items()}, self._completion, states)
        self._loader = loader
        # Mutable state: the streams that stay here, with the reason, and those of which the source is empty.
        self._held: dict[StreamKey, Hold] = {}
        self._empty: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return self._loader.failed

    def run(self, blocks: Blocks) -> Iterator[None]:
        """Lines in, files out, states back, until the input ends, the platform cancels or something fails.

        Yields where states may have been sent. Raises what went wrong, once what is stored has been reported.
        """
        self._log_steps()
        with self._loader.failing():
            for block in blocks:
                yield from self._consume(block)
                if self.failed:
                    break
        has_input_ended = not self._cancel.requested
        if has_input_ended and not self.failed:
            with self._loader.failing():
                self._intake.consume_rest(blocks.rest)
                # What the source has confirmed goes, whatever its size.
                yield from self._loader.submit_due(max_age_seconds=0.0)
                if self._is_dry_run:  # waits for nothing and proves nothing
                    self._require_suited()
                    yield from self._load(list(self._streams))
                else:
                    yield from self._prove()
                    self._hold_what_is_unproved()
                    yield from self._load_steps()
        yield from self._end(has_input_ended=has_input_ended)

    def send_last_states(self) -> None:
        """Send the states of replaced streams, unless the sync was stopped: a second attempt may begin after them."""
        if not self._cancel.requested:
            self._states.send_kept()

    def find_obstacle(self, *, has_failed: bool) -> Obstacle | None:
        """Why not everything is stored, so that nothing may follow; ask after `run`."""
        stopped = (
            (has_failed or self.failed, "the sync failed"),
            (self._cancel.requested, "the sync was stopped"),
            (self._is_dry_run, "this is a dry run"),
            (not self._streams, "the sync has no stream"),
        )
        proofs = self._proofs()
        unfinished = [
            each.stream.subject
            for key, each in self._streams.items()
            if key in self._loader.to_replace or not proofs[key].is_good
        ]
        # A source that had failed would have ended this sync within the wait.
        is_unproved = any(each in {Proof.IF_STILL_WANTED, Proof.UNPROVED} for each in proofs.values())
        return find_obstacle(
            stopped=next((reason for applies, reason in stopped if applies), ""),
            unfinished=() if is_unproved else unfinished,
            unproved=unfinished if is_unproved else (),
            not_accounted_for=self._states.checkpoints.not_accounted_for,
            unreadable=self._intake.unreadable,
            unsent_states=self._states.checkpoints.waiting,
            rejected=self._loader.rejected,
        )

    def _consume(self, block: bytes) -> Iterator[None]:
        """Read whole lines, or none where some time went by; yields where states may have been sent."""
        with self._loader.failing():
            self._intake.consume(block)
            if self._unsuited is not None and self._states.checkpoints.received:
                raise self._unsuited
            yield from self._loader.submit_due()
        self._loader.collect(0)
        self._loader.send_due_states()
        yield

    def _decide(self, key: StreamKey, *, has_waited: bool) -> Release | Hold:
        each = self._streams[key]
        return decide_release(
            each.stream,
            self._completion.proof(key),
            has_gone=each.goes_at_states,
            replaces=each.replaces,
            records=each.files.records,
            misses_records=self._intake.misses_records(key),
            needs_all=self._is_followed or len(self._steps) > 1,
            has_waited=has_waited,
        )

    def _prove(self) -> Iterator[None]:
        """Where only the platform's patience proves that the source has succeeded, wait for that."""
        waiting = (self._decide(key, has_waited=False) is Release.WAIT for key in self._streams)
        if not (any(waiting) or self._replaced_by_silence()):
            return
        seconds = self._patience.still_wanted_seconds
        logger.info(
            "The input has ended and this platform does not say whether the source succeeded: waiting %.0f s, in which "
            "a platform would end this sync if it had not, before anything else is pushed or started.",
            seconds,
        )
        yield from self._loader.collect_for(seconds)

    def _replaced_by_silence(self) -> list[str]:
        """The streams that replace where nothing came: a Clear, an empty source, or one that failed at once."""
        if not (self._completion.is_silent and Proof.UNPROVED in self._proofs().values()):
            return []
        return [each.stream.subject for each in self._streams.values() if each.replaces]

    def _hold_what_is_unproved(self) -> None:
        """Find what stays here; where the source has not succeeded with a stream that replaces, nothing is replaced."""
        if self._cancel.requested or self.failed:
            return
        self._require_suited()
        if silent := self._replaced_by_silence():
            raise describe_nothing_came(silent)
        for key, each in self._streams.items():
            decision = self._decide(key, has_waited=True)
            if isinstance(decision, Hold):
                self._held[key] = decision
                if each.replaces:
                    self._fail_because_of(decision, each.stream)

    def _require_suited(self) -> None:
        """Raise why the targets do not suit the sync modes, which does not matter in a Clear."""
        if self._unsuited is not None and not any(map(self._completion.asks_for_clear, self._streams)):
            raise self._unsuited

    def _load_steps(self) -> Iterator[None]:
        """What waited for the end goes step by step: a step begins once everything before it is stored."""
        for step in self._steps:
            if step > self._steps[0]:
                yield from self._loader.wait_for_imports()
                if not self._cancel.requested:
                    self._loader.settle_doubts()
                if self._is_held_back(step):
                    return
            keys = self._keys_of(step)
            self._loader.begin_step(keys)
            if not self.failed and not self._cancel.requested:
                yield from self._load(keys)

    def _is_held_back(self, step: int) -> bool:
        """Whether the streams of a later step must not go; says so where they have anything to push."""
        unfinished = [self._streams[key].stream.subject for key, proof in self._proofs().items() if not proof.is_good]
        misses_records = any(map(self._intake.misses_records, self._streams))
        if not (self.failed or self._cancel.requested or self._held or unfinished or misses_records):
            return False
        later = [each for each in self._streams.values() if each.target.step >= step]
        waiting = [each.stream.subject for each in later if each.replaces or each.files.records]
        if waiting:
            names = f"{and_the(waiting)} {'was' if len(waiting) == 1 else 'were'} not pushed"
            logger.warning("The %s, because not everything of the steps before is stored.", names)
            if unfinished and not self.failed and not self._held:
                raise TransientProblem(
                    f"The {names}, because the source did not finish the {and_the(unfinished)}: fix what "
                    "stopped the source, and run the sync again."
                )
        return True

    def _load(self, keys: Sequence[StreamKey]) -> Iterator[None]:
        """All that is left of these streams goes, unless a block of one of them must stay as it is."""
        jobs: list[Job] = []
        problems: list[tuple[Exception, str]] = []
        for key in keys:
            each = self._streams[key]
            if key in self._held:
                continue
            try:
                of_stream = each.last_jobs(is_clear=self._completion.asks_for_clear(key))
            except EmptySource:
                of_stream = ()
                self._empty.append(each.stream.subject)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
                problems.append((error, each.stream.subject))
                continue
            jobs += of_stream
            if not self._is_dry_run:  # which shows it with the rows
                problems += [(each.obstacle, each.stream.subject) for each in of_stream if each.obstacle is not None]
            if not of_stream:
                self._loader.to_replace.discard(key)
        if self._is_dry_run or not problems:
            yield from self._loader.submit(jobs)
        for problem, subject in problems:
            self._loader.fail(problem, subject)

    def _keys_of(self, step: int) -> list[StreamKey]:
        return [key for key, each in self._streams.items() if each.target.step == step]

    def _proofs(self) -> dict[StreamKey, Proof]:
        return {key: self._completion.proof(key) for key in self._streams}

    def _log_steps(self) -> None:
        """Log which streams wait for which."""
        for step in self._steps[1:]:
            names = listed(self._streams[key].stream.subject for key in self._keys_of(step))
            logger.info(
                "Step %d: %s. Rows and states of this step wait on disk until the input has ended, the source has "
                "succeeded, and everything of the steps before is stored.",
                step,
                names,
            )

    def _end(self, *, has_input_ended: bool) -> Iterator[None]:
        """The one way out: what runs is waited for, what is stored is reported, and what went wrong is raised."""
        yield from self._loader.wait_for_imports()
        self._loader.confirm_provisional()
        with self._loader.failing():
            if has_input_ended and not self._cancel.requested:
                self._fail_what_was_left_out()
                is_stored = not self.failed
                self._loader.settle_doubts(is_end=True)
                self._report_empty_sources(is_stored=is_stored)
        self._intake.log_left_out()
        self._states.log_unsent()
        if not self._is_dry_run:
            self._loader.log_streams()
            self._forbid_retry()
        self._loader.raise_failure()
        yield

    def _fail_what_was_left_out(self) -> None:
        """Everything else is stored: now records that are missing, stray or unconfirmed end the sync with an error."""
        for error, key in self._intake.problems():
            self._loader.fail(error, None if key is None else key[1])
        if self.failed:
            return
        for key, hold in self._held.items():
            self._fail_because_of(hold, self._streams[key].stream)

    def _forbid_retry(self) -> None:
        """Unless the sync succeeded, the platform may send again what no state covers."""
        unfinished = [
            self._streams[key].stream.subject for key, proof in self._proofs().items() if proof is Proof.INCOMPLETE
        ]
        if self.failed or self._cancel.requested:
            self._loader.forbid_retry("The sync was stopped before its end.")
        elif unfinished:
            self._loader.forbid_retry(f"The source did not finish the {and_the(unfinished)}.")

    def _report_empty_sources(self, *, is_stored: bool) -> None:
        """Where everything else is stored, and the states have left, streams without a row are an error.

        So they are in a dry run that found nothing else.
        """
        if self._empty and is_stored:
            self._loader.fail((describe_empty_rehearsal if self._is_dry_run else describe_empty_sources)(self._empty))
            return
        for subject in self._empty:
            logger.warning("No row came for the %s, so its block stays as it is.", subject)

    def _fail_because_of(self, hold: Hold, stream: DestinationStream) -> None:
        if hold.sentence is None:
            return
        problem = TransientProblem(hold.sentence)
        is_clear = self._completion.asks_for_clear(stream.key)
        self._loader.fail(with_advice_on_clear(problem, stream.subject) if is_clear else problem, stream.subject)
