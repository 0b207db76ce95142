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
from disturbances import DELETED, Broken, DisturbedAttempt, Finding, Row
from local_pigment.sample import CONSOLIDATION, LEDGER_BY_KEY, LEDGER_BY_MONTH, PLANNING
from local_pigment.variants import DuplicateKey, Variants
from writing import COLUMNS, LEDGER

MODES = ("append", "append_dedup", "overwrite", "overwrite_dedup")
OLD = "old"
# The last attempts are undisturbed, so that every schedule comes to its end.
DISTURBED, ATTEMPTS = 4, 7
_FIRST_JOB = 40
# What a replacement clears: the whole block, what the file does not name by its key, or the months that it names.
CLEARING = (f"{LEDGER} (replace)", LEDGER_BY_KEY, LEDGER_BY_MONTH)
POSTED = COLUMNS.index("Posted")
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
    # The name of the import configuration that clears.
    clearing: str
    # Whether older versions of records come, and a record and its deletion, in which order.
    repeats: bool
    deleted_first: bool
    # What is not known of Pigment, and whether the user entered a key that counts blocks.
    clear_counted: bool
    unchanged_counted: bool
    duplicate_key: DuplicateKey
    counts_blocks: bool

    @classmethod
    def of(cls, seed: int) -> Plan:
        chance = random.Random(f"plan {seed}")
        mode, slices = MODES[seed % len(MODES)], chance.choice([1, 1, 4])
        ways = [CUSTOM_IMAGE, REGISTRY] + ([] if mode.startswith("overwrite") else [REFRESH])
        way = chance.choice(ways)
        adds = mode == "append" and not way.refreshes
        clearing, clear_counted = chance.choice(CLEARING), chance.random() < 0.7
        # The first file of several has a row of every day.
        sizes = [79, 1000] if clearing == LEDGER_BY_MONTH else [25, 60, 1000]
        return cls(
            seed,
            mode,
            way,
            slices,
            tls=chance.random() < 0.3,
            max_file_rows=chance.choice(sizes),
            states_of_all=slices == 1 and chance.random() < 0.3,
            is_slow=adds and chance.random() < 0.2,
            by_name=adds and chance.random() < 0.3,
            upload=chance.choice(["raw", "multipart"]),
            clearing=clearing,
            # An older version has an older day, and a scope of which no row is left is an error for the user.
            repeats=mode.endswith("dedup") and clearing != LEDGER_BY_MONTH and chance.random() < 0.7,
            deleted_first=chance.random() < 0.5,
            clear_counted=clear_counted,
            unchanged_counted=chance.random() < 0.5,
            duplicate_key=chance.choice(list(DuplicateKey)),
            # Where nothing shows that a block was cleared, only a count settles the doubt.
            counts_blocks=not clear_counted or chance.random() < 0.5,
        )

    @property
    def replaces(self) -> bool:
        return self.way.refreshes or self.mode.startswith("overwrite")

    def put_variants(self, variants: Variants) -> None:
        """Turn what is not known of Pigment."""
        variants.clear_counted, variants.unchanged_counted = self.clear_counted, self.unchanged_counted
        variants.duplicate_key = self.duplicate_key

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
    # How often each row has been sent, or was there before; and rows that a later version or a deletion replaces.
    rows_sent: Counter[Row] = field(default_factory=Counter)
    passing: set[Row] = field(default_factory=set)
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
                # The platform does not repeat a config error; a user reads it, waits for what still runs, and starts
                # the sync again.
                self.source.pigment.workspace.settle()
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
        is_keyed = self.plan.mode == "append_dedup" and not self.replaces
        may_pass = self.passing if is_keyed else set()
        if changed := stored.keys() - expected.keys() - old.keys() - may_pass:
            raise Finding(Broken.CHANGED, len(changed))
        allowed = self.rows_sent if self.adds else old | expected | Counter(may_pass)
        if doubled := stored - allowed:
            raise Finding(Broken.DOUBLED, doubled.total())
        if not succeeded:
            return
        if lost := (expected + self._beside(old, expected) if self.replaces else old | expected) - stored:
            raise Finding(Broken.LOST, lost.total())
        if self.replaces and stored != expected + self._beside(old, expected):
            raise Finding(Broken.OTHER, words="Old rows were left by a replacement.")
        revived = {row for row in stored if row in may_pass and not (self._is_deleted(row) and self._may_be_left)}
        if revived:
            raise Finding(Broken.CHANGED, len(revived), "Older versions, or deleted rows, are there.")

    def _beside(self, old: Counter[Row], expected: Counter[Row]) -> Counter[Row]:
        """The old rows that a replacement leaves: those of months that it does not name."""
        if self.plan.clearing != LEDGER_BY_MONTH:
            return Counter()
        months = {row[POSTED][:7] for row in expected}
        return Counter({row: count for row, count in old.items() if row[POSTED][:7] not in months})

    @property
    def _may_be_left(self) -> bool:
        """Whether a row may be there that the source has deleted: it went before its deletion came."""
        return not self.plan.deleted_first

    def _is_deleted(self, row: Row) -> bool:
        return row[0].startswith(DELETED)
