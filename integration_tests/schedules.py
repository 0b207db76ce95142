"""A schedule: one sync through both connectors, with faults, kills and endings of its seed, until it succeeds.

After every attempt the block is judged: what is there more often than it was sent, what is there that was never sent,
whether anything was imported although nothing had proved that the source succeeded, and whether the destination asks
for what is there to be sent again.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from airbyte_platform.job import CUSTOM_IMAGE, REFRESH, REGISTRY, Job, Way
from connectors import Runner
from disturbances import Broken, DisturbedAttempt, Finding, Row
from local_pigment.sample import CONSOLIDATION, PLANNING
from writing import LEDGER

MODES = ("append", "append_dedup", "overwrite", "overwrite_dedup")
OLD = "old"
# The last attempts are undisturbed, so that every schedule comes to its end.
DISTURBED, ATTEMPTS = 4, 7
_FIRST_JOB = 40
# How much faster time passes for both connectors.
SPEED = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the seed decides before the first attempt."""

    seed: int
    mode: str
    way: Way
    slices: int
    tls: bool
    max_file_rows: int
    # Whether the platform passes states on as states of all streams, and hands over the input bit by bit.
    states_of_all: bool
    is_slow: bool
    # Whether the import configuration is found by its name.
    by_name: bool
    upload: str

    @classmethod
    def of(cls, seed: int) -> Plan:
        chance = random.Random(f"plan {seed}")
        mode, slices = MODES[seed % len(MODES)], chance.choice([1, 1, 4])
        ways = [CUSTOM_IMAGE, REGISTRY] + ([] if mode.startswith("overwrite") else [REFRESH])
        way = chance.choice(ways)
        adds = mode == "append" and not way.refreshes
        return cls(
            seed,
            mode,
            way,
            slices,
            tls=chance.random() < 0.3,
            max_file_rows=chance.choice([25, 60, 1000]),
            states_of_all=slices == 1 and chance.random() < 0.3,
            is_slow=adds and chance.random() < 0.2,
            by_name=adds and chance.random() < 0.3,
            upload=chance.choice(["raw", "multipart"]),
        )

    @property
    def replaces(self) -> bool:
        return self.way.refreshes or self.mode.startswith("overwrite")

    @property
    def settings(self) -> dict[str, Any]:
        """What is set for the destination beside its targets."""
        return {
            "max_file_rows": self.max_file_rows,
            "upload": self.upload,
            "flush_interval_minutes": 1 if self.is_slow else 10,
        }


@dataclass(slots=True)
class Schedule:
    """One sync with all its attempts."""

    plan: Plan
    source: Runner
    destination: Runner
    stream: dict[str, Any]
    chance: random.Random = field(init=False)
    # How often each row has been sent, or was there before.
    rows_sent: Counter[Row] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    attempts: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        self.rows_sent.update(self.stored())

    @property
    def replaces(self) -> bool:
        return self.plan.replaces

    @property
    def adds(self) -> bool:
        return self.plan.mode == "append" and not self.replaces

    def sent(self, row: Row) -> None:
        """A record goes to the destination."""
        self.rows_sent[row] += 1

    def note(self, words: str) -> None:
        """Record what happened, to explain a finding."""
        self.story.append(words)

    def stored(self) -> Counter[Row]:
        return Counter(map(tuple, self.source.pigment.workspace.rows(LEDGER, CONSOLIDATION)))

    def run(self) -> None:
        """Attempt until one succeeds; raises `Finding` for a promise that is not kept."""
        old, expected = self.stored(), Counter(map(tuple, self.source.pigment.workspace.rows(LEDGER, PLANNING)))
        # A job's number is never 1 for a platform that refreshes: that is how PyAirbyte is known.
        job = Job([self.stream], self.plan.mode, self.plan.way, id=_FIRST_JOB)
        for number in range(ATTEMPTS):
            self.attempts += 1
            attempt, before = DisturbedAttempt(self, job, disturbed=number < DISTURBED), self.stored()
            succeeded = attempt.run()
            self.source.pigment.faults.forget()
            if succeeded or self.chance.random() < 0.5:
                self.source.pigment.workspace.settle()
            self._judge(old, expected, succeeded=succeeded)
            if self.adds and attempt.asks_again:
                self._judge_repeat(self.stored() - before, attempt)
            if succeeded:
                return
            job.attempt_failed(attempt.states)
            if attempt.stopped:
                # The platform does not repeat a config error; a user reads it and starts the sync again.
                job = Job(
                    [self.stream],
                    self.plan.mode,
                    self.plan.way,
                    first_generation=number + 2,
                    id=_FIRST_JOB + number + 1,
                )
        raise Finding(Broken.OTHER, words="No attempt succeeded, although the last ones were undisturbed.")

    def _judge_repeat(self, added: Counter[Row], attempt: DisturbedAttempt) -> None:
        """What the platform sends again because the destination asks for it is not there already."""
        if doubled := added & attempt.passed_on.unreported(attempt.states):
            raise Finding(Broken.DOUBLED, doubled.total(), "They are stored, and sent again by the platform.")

    def _judge(self, old: Counter[Row], expected: Counter[Row], *, succeeded: bool) -> None:
        stored = self.stored()
        if changed := stored.keys() - expected.keys() - old.keys():
            raise Finding(Broken.CHANGED, len(changed))
        allowed = self.rows_sent if self.adds else old | expected
        if doubled := stored - allowed:
            raise Finding(Broken.DOUBLED, doubled.total())
        if not succeeded:
            return
        if lost := (expected if self.replaces else old | expected) - stored:
            raise Finding(Broken.LOST, lost.total())
        if self.replaces and stored != expected:
            raise Finding(Broken.OTHER, words="Old rows were left by a replacement.")
