"""The oracle: what was sent, what came back, and what must therefore be in Pigment. It knows no code of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pigment_in_memory import Pigment, Row

OLD: Row = ("old", "")


@dataclass(frozen=True, slots=True)
class SentState:
    """A state: its stream (None: all), how many records of which streams came before it, and whether it is false."""

    name: str | None
    before: Mapping[str, int]
    is_false: bool


@dataclass(slots=True)
class Ledger:
    """Keeps the books of one sync; `blocks` says which block a stream fills, `replaced` which streams replace theirs.

    A stream in `keyed` fills a block in which a later version of a row takes the place of the one before.
    """

    blocks: Mapping[str, str]
    replaced: frozenset[str]
    keyed: frozenset[str]
    # A record that was rejected on arrival is None.
    sent: dict[str, list[Row | None]] = field(default_factory=dict)
    states: list[SentState] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)
    has_statuses: bool = False
    has_strays: bool = False
    is_cut: bool = False
    # Records since the last state: arrived, and as the source counts them; None stands for all streams together.
    arrived: Counter[str | None] = field(default_factory=Counter)
    counted: Counter[str | None] = field(default_factory=Counter)
    short: set[str] = field(default_factory=set)
    unstated: set[str] = field(default_factory=set)
    stated: set[str] = field(default_factory=set)
    cleared: set[str] = field(default_factory=set)
    has_records: bool = False
    # How many records of a stream the source has confirmed: a source that fails sends all others again.
    confirmed: Counter[str] = field(default_factory=Counter)
    _reported: Counter[str] = field(default_factory=Counter)
    _reported_rejected: float = 0.0

    def __post_init__(self) -> None:
        self.sent = {name: [] for name in self.blocks}

    def record(self, name: str, rows: Iterable[Row | None], unreadable: int) -> None:
        """Records of a stream were sent, and a number of unreadable ones that only the source counts."""
        rows = list(rows)
        for key in (name, None):
            self.arrived[key] += len(rows)
            self.counted[key] += len(rows) + unreadable
        self.has_records |= bool(rows or unreadable)
        if rows:
            self.sent[name] += rows
            self.unstated.add(name)
            self.complete.discard(name)

    def state(self, name: str | None, announced: float | None, cleared: Iterable[str]) -> int:
        """A state was sent; its number. `cleared` are the streams for which it is null."""
        is_short = announced is not None and announced > self.arrived[name]
        names = list(self.blocks) if name is None else [name]
        if is_short:
            self.short.update(names)
        before = {each: len(self.sent[each]) for each in names}
        self.states.append(SentState(name, before, is_short or (name is None and self.has_strays)))
        self._vouch(*names)
        self.arrived[name] = self.counted[name] = 0
        self.unstated.difference_update(names)
        self.stated.update(names)
        self.cleared.difference_update(names)
        self.cleared.update(cleared)
        return len(self.states) - 1

    def status(self, name: str, word: str) -> None:
        """A status was sent."""
        self.has_statuses = True
        self.complete.discard(name)
        if word == "COMPLETE":
            self.complete.add(name)
            self._vouch(name)

    def state_came_back(self, number: int, stats: Mapping[str, Any], pigment: Pigment) -> None:
        """A state came back: it must be true now, in its place, and its counts must add up."""
        state = self.states[number]
        assert number not in self.back, "a state came back twice"
        for earlier, other in enumerate(self.states[:number]):
            shares = other.name is None or state.name is None or other.name == state.name
            assert earlier in self.back or not shares, "a state left before, or without, one that came before it"
        assert not state.is_false, "a state left although records before it are missing"
        self._check_stored(state, pigment)
        counted = sum(max(0, count - self._reported[name]) for name, count in state.before.items())
        assert stats["recordCount"] + stats["rejectedRecordCount"] == counted, "the counts do not add up"
        self._reported |= Counter(state.before)
        self._reported_rejected += stats["rejectedRecordCount"]
        on_arrival = sum(row is None for name, count in self._reported.items() for row in self.sent[name][:count])
        assert self._reported_rejected >= on_arrival, "records that were rejected on arrival are reported as stored"
        self.back.append(number)

    @property
    def reported_rejected(self) -> float:
        """How many rows the states that came back count as rejected."""
        return self._reported_rejected

    def check_now(self, pigment: Pigment, *, ended: bool, clean: bool, generations: bool) -> None:
        """What holds at any moment."""
        for name, block in self.blocks.items():
            sharing = [other for other, each in self.blocks.items() if each == block]
            known = {OLD, *(row for other in sharing for row in self.sent[other][: self.confirmed[other]])}
            there = Counter(pigment.blocks[block])
            assert set(there) <= known, "a row is there that was never sent, or never confirmed"
            if name not in self.replaced:
                assert all(count == 1 for count in there.values()), "a row was added twice"
            elif not (ended and self._is_proven(name, generations=generations)):
                assert pigment.blocks[block] == [OLD], "a block was touched without proof"
        if not clean:
            # A second attempt begins with none of them, or their blocks would be cleared after their states left.
            assert not any(self.states[number].name in {None, *self.replaced} for number in self.back)

    def check_end(self, pigment: Pigment, *, clean: bool, failure: str | None) -> None:
        """What holds once everything that Pigment accepted has been carried out."""
        for number in self.back:
            self._check_stored(self.states[number], pigment)
        on_arrival = sum(row is None for rows in self.sent.values() for row in rows)
        most = on_arrival + len(pigment.ever_rejected)
        assert self._reported_rejected <= most, "more rows are reported as rejected than were"
        added = {row for name in self.blocks if name not in self.replaced | self.keyed for row in self.sent[name]}
        if pigment.lost & added:
            assert failure == "config_error", "the platform retries what may be stored"
        if clean:
            self._check_success(pigment, on_arrival + len(pigment.rejected))

    def _check_success(self, pigment: Pigment, rejected: int) -> None:
        assert len(self.back) == len(self.states), "a state stayed although the sync succeeded"
        assert not self.short, "records are missing, and the sync succeeded"
        assert not self.has_strays, "records of no stream came, and the sync succeeded"
        everything = SentState(None, {name: len(rows) for name, rows in self.sent.items()}, is_false=False)
        self._check_stored(everything, pigment)
        covered = {name: self._reported[name] for name in self.sent}
        if pigment.is_reported and all(covered[name] == len(rows) for name, rows in self.sent.items()):
            assert self._reported_rejected >= rejected, "rejected rows are reported as stored"
        for name in self.replaced:
            there = Counter(pigment.blocks[self.blocks[name]])
            rows = Counter(row for row in self.sent[name] if row is not None)
            if rows:
                assert there <= rows, "old rows were left, or rows doubled, by a replacement"
            else:
                is_clear = not self.has_records and (name in self.cleared or not self.states)
                assert there == (Counter() if is_clear else Counter([OLD])), "cleared, or not, unasked"

    def check_repeatable(self, pigment: Pigment) -> None:
        """What the platform automatically sends again is not stored already, where that would double it."""
        for name, block in self.blocks.items():
            if name in self.replaced | self.keyed or block in pigment.cleared_again:
                continue
            again = {row for row in self.sent[name][self._reported[name] :] if row is not None}
            assert not again & set(pigment.blocks[block]), "stored rows are sent again by the platform"

    def _check_stored(self, state: SentState, pigment: Pigment) -> None:
        """All that came before a state is stored or rejected."""
        for name, count in state.before.items():
            if self.blocks[name] in pigment.cleared_again:
                continue
            block = pigment.blocks[self.blocks[name]]
            there, versions = set(block), dict(block)
            for row in self.sent[name][:count]:
                if row is None or row in pigment.rejected or row in there:
                    continue
                assert name in self.keyed, "a state covers a row that is not stored"
                assert int(versions.get(row[0], -1)) > int(row[1]), "a version is not stored, and no later one is"

    def _vouch(self, *names: str) -> None:
        for name in names:
            if name not in self.short:
                self.confirmed[name] = len(self.sent[name])

    def _is_proven(self, name: str, *, generations: bool) -> bool:
        """Whether the source has succeeded with a stream, as far as the sync can know it at the end of its input."""
        if self.is_cut or name in self.short:
            return False
        if generations or self.has_statuses:
            return name in self.complete
        return name in self.stated and not self.unstated
