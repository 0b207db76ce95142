"""The oracle: what was sent, what came back, and what must therefore be in Pigment. It knows no code of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pigment_in_memory import Kind, Pigment, Row


class Sent(NamedTuple):
    """A record that can become a row; `rank` orders the cursors of its stream, None for one that does not compare."""

    row: Row
    rank: Any = None
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class SentState:
    """A state: its stream (None: all), how many records of which streams came before it, and whether it is false."""

    name: str | None
    before: Mapping[str, int]
    is_false: bool


@dataclass(frozen=True, slots=True)
class Promise:
    """What a stream is to do to its block, and when.

    `has_key` says that of the records of one key one counts. `waits_for_proof`: no state proves anything. `deleted` is
    what the user chose for deletions of a stream with a key, `minimum_rows` and `step` what stands in its target.
    """

    block: str
    configurations: frozenset[str]
    replaces: bool = False
    has_scope: bool = False
    has_key: bool = False
    waits_for_proof: bool = False
    deleted: str = "report"
    minimum_rows: int | None = None
    step: int = 1

    @property
    def adds(self) -> bool:
        """Whether every row that is sent twice is there twice."""
        return not (self.replaces or self.has_key)

    def stored(self, sent: Sent) -> Row | None:
        """What a record becomes; None where it is a deletion that is not sent."""
        if not (self.has_key and sent.is_deletion) or self.deleted == "mark":
            return sent.row
        return Row(sent.row.id) if self.deleted == "blank" and not self.replaces else None


@dataclass(slots=True)
class Ledger:
    """Keeps the books of one sync; `old` is what the blocks contain before it."""

    promises: Mapping[str, Promise]
    old: Mapping[str, Sequence[Row]]
    has_generations: bool
    # A record that was rejected on arrival is None.
    sent: dict[str, list[Sent | None]] = field(default_factory=dict)
    states: list[SentState] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)
    has_statuses: bool = False
    has_strays: bool = False
    has_ended: bool = False
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
        self.sent = {name: [] for name in self.promises}

    def record(self, name: str, records: Iterable[Sent | None], unreadable: int) -> None:
        """Records of a stream were sent, and a number of unreadable ones that only the source counts."""
        records = list(records)
        for key in (name, None):
            self.arrived[key] += len(records)
            self.counted[key] += len(records) + unreadable
        self.has_records |= bool(records or unreadable)
        if records:
            self.sent[name] += records
            self.unstated.add(name)
            self.complete.discard(name)

    def state(self, name: str | None, announced: float | None, cleared: Iterable[str]) -> int:
        """A state was sent; its number. `cleared` are the streams for which it is null."""
        is_short = announced is not None and announced > self.arrived[name]
        names = list(self.promises) if name is None else [name]
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

    @property
    def reported_rejected(self) -> float:
        """How many rows the states that came back count as rejected."""
        return self._reported_rejected

    @property
    def has_rejected(self) -> bool:
        """Whether a record was rejected on arrival."""
        return any(None in records for records in self.sent.values())

    def state_came_back(self, number: int, stats: Mapping[str, Any], pigment: Pigment) -> None:
        """A state came back: it must be true now, in its place, and its counts must add up."""
        state = self.states[number]
        assert number not in self.back, "a state came back twice"
        for earlier, other in enumerate(self.states[:number]):
            shares = other.name is None or state.name is None or other.name == state.name
            assert earlier in self.back or not shares, "a state left before, or without, one that came before it"
        assert not state.is_false, "a state left although records before it are missing"
        self._check_stored(state, pigment)
        if any(self.promises[name].replaces for name in state.before):
            self._check_all_replaced(pigment)
        counted = sum(max(0, count - self._reported[name]) for name, count in state.before.items())
        assert stats["recordCount"] + stats["rejectedRecordCount"] == counted, "the counts do not add up"
        self._reported |= Counter(state.before)
        self._reported_rejected += stats["rejectedRecordCount"]
        on_arrival = sum(each is None for name, count in self._reported.items() for each in self.sent[name][:count])
        assert self._reported_rejected >= on_arrival, "records that were rejected on arrival are reported as stored"
        self.back.append(number)

    def check_push(self, configuration_id: str, pigment: Pigment) -> None:
        """What holds when a file is pushed: what comes in a later step finds everything before it stored."""
        step = min(each.step for each in self.promises.values() if configuration_id in each.configurations)
        earlier = [name for name, each in self.promises.items() if each.step < step]
        if earlier:
            assert all(map(self._is_proven, self.promises)), "a later step was pushed before the source succeeded"
            self._check_stored(self._everything(earlier), pigment)

    def check_now(self, pigment: Pigment) -> None:
        """What holds at any moment."""
        for name, promise in self.promises.items():
            there = Counter(pigment.blocks[promise.block])
            sharing = [other for other, each in self.promises.items() if each.block == promise.block]
            known = {*self.old[promise.block], *(row for other in sharing for row in self._may_be_stored(other))}
            assert set(there) <= known, "a row is there that was never sent or confirmed, or that a later one replaces"
            if promise.has_key:
                repeated = any(pigment.repeated_keys[each] for each in promise.configurations)
                assert not repeated, "a key stood twice in one file"
            if promise.adds:
                own = {each.row for each in self.sent[name] if each is not None}
                assert all(there[row] <= 1 for row in own), "a row was added twice"
            may_go = self.has_ended and self._is_proven(name)
            # Where a stream adds to a block that another one replaces, only the check of that one can tell.
            can_tell = promise.replaces or not self._is_contested(promise.block)
            if promise.waits_for_proof and can_tell and not (may_go and self._may_replace(name)):
                others = [row for other in sharing if other != name for row in self._may_be_stored(other)]
                left = there - Counter(others)
                assert left == Counter(self.old[promise.block]), "a block was touched without proof"

    def check_end(self, pigment: Pigment, *, clean: bool, failure: str | None) -> None:
        """What holds once everything that Pigment accepted has been carried out."""
        for number in self.back:
            self._check_stored(self.states[number], pigment)
        on_arrival = sum(each is None for records in self.sent.values() for each in records)
        unsent = sum(
            each is not None and self.promises[name].stored(each) is None
            for name, records in self.sent.items()
            for each in records
            if not self.promises[name].replaces
        )
        most = on_arrival + unsent + len(pigment.ever_rejected) + pigment.unexplained
        assert self._reported_rejected <= most, "more rows are reported as rejected than were"
        added = {each.row for name in self.promises for each in self.sent[name] if each and self.promises[name].adds}
        if pigment.lost & added:
            assert failure == "config_error", "the platform retries what may be stored"
        if clean:
            self._check_success(pigment, on_arrival + len(pigment.rejected))

    def _check_success(self, pigment: Pigment, rejected: int) -> None:
        # Where all records of a stream are deletions, its block stays as it is, and so do its states.
        has_only_deletions = any(
            promise.replaces and self.sent[name] and not self._final(name) for name, promise in self.promises.items()
        )
        all_are_back = len(self.back) == len(self.states)
        assert all_are_back or has_only_deletions, "a state stayed although the sync succeeded"
        assert not self.short, "records are missing, and the sync succeeded"
        assert not self._has_fought(pigment), "a stream replaced a block into which another one was imported"
        assert not pigment.lacks_rights, "rows without the right to write them were left out unnoticed"
        assert not self.has_strays, "records of no stream came, and the sync succeeded"
        self._check_stored(self._everything(self.promises), pigment)
        covered = {name: self._reported[name] for name in self.sent}
        if pigment.is_reported and all(covered[name] == len(records) for name, records in self.sent.items()):
            assert self._reported_rejected >= rejected, "rejected rows are reported as stored"

    def check_empty(self, pigment: Pigment, *, is_reported: bool) -> None:
        """What became of blocks for which no row came; `is_reported`: the sync ends with an error that names them."""
        refused = False
        for name, promise in self.promises.items():
            if not promise.replaces or self._final(name):
                continue
            there = pigment.blocks[promise.block]
            is_clear = not self.has_records and (name in self.cleared or (not self.states and name in self.complete))
            if promise.has_scope:
                refused |= not is_clear and bool(promise.minimum_rows)
            elif is_clear or promise.minimum_rows == 0:
                is_shared = self._is_contested(promise.block)
                may_stay = is_shared or not pigment.can_empty(promise.configurations)
                assert not there or may_stay, "a block was not cleared"
            else:
                was_left = self._is_contested(promise.block) or there == self.old[promise.block]
                assert was_left, "a block was emptied unasked"
                refused = True
        assert refused == is_reported, "a source without a row was taken for a success"

    def check_repeatable(self, pigment: Pigment) -> None:
        """What the platform automatically sends again is not stored already, where that would double it."""
        for name, promise in self.promises.items():
            if promise.adds and promise.block not in pigment.cleared_again:
                again = {each.row for each in self.sent[name][self._reported[name] :] if each is not None}
                assert not again & set(pigment.blocks[promise.block]), "stored rows are sent again by the platform"

    def _everything(self, names: Iterable[str]) -> SentState:
        return SentState(None, {name: len(self.sent[name]) for name in names}, is_false=False)

    def _check_stored(self, state: SentState, pigment: Pigment) -> None:
        """All that came before a state is stored or rejected."""
        for name, count in state.before.items():
            promise = self.promises[name]
            there = pigment.blocks[promise.block]
            if promise.block in pigment.cleared_again or self._is_contested(promise.block):
                continue
            if promise.replaces:
                self._check_replaced(name, pigment)
            elif promise.has_key:
                self._check_versions(name, count, pigment)
            else:
                for each in self.sent[name][:count]:
                    is_stored = each is None or each.row in pigment.rejected or each.row in there
                    assert is_stored, "a state covers a row that is not stored"

    def _check_versions(self, name: str, count: int, pigment: Pigment) -> None:
        """Of every key that came before, the record that counted then, or one that counts in its place since.

        Where one of these is a deletion that is not sent, or was rejected, what came before may still be there.
        """
        promise = self.promises[name]
        is_metric = pigment.kinds[promise.block] is Kind.METRIC
        there = {row.id: row for row in pigment.blocks[promise.block]}
        for key, chain in self._chains(name, len(self.sent[name])).items():
            begun = [each for each in chain if each[0] < count]
            if not begun:
                continue
            since = chain[len(begun) - 1 :]
            rows = [promise.stored(each) for _, each in since]
            confirmed = [row for (place, _), row in zip(since, rows, strict=True) if place < self.confirmed[name]]
            is_loose = any(row is None or row in pigment.rejected for row in confirmed)
            may_be_blank = is_metric and any(row is not None and not row.v for row in rows)
            if key not in there:
                assert is_loose or may_be_blank, "a state covers a key that is not there"
                continue
            if is_loose:
                rows += [promise.stored(each) for _, each in chain]
            assert there[key] in rows, "an older version took the place of the one that counts"

    def _check_replaced(self, name: str, pigment: Pigment) -> None:
        """A block contains what its stream sent, no more and no less; with a scope, also what is beside that."""
        promise = self.promises[name]
        if not (promise.configurations & pigment.reported or pigment.clears(promise.configurations)):
            return  # the user has ticked that it clears, and no report contradicts that
        rows, there = self._final(name), Counter(pigment.blocks[promise.block])
        if pigment.kinds[promise.block] is Kind.METRIC:
            rows = [row for row in rows if row.v]
        if not rows:
            if promise.has_scope:
                assert there == Counter(self.old[promise.block]), "rows beside the scope were deleted"
            return
        scope = {pigment.scope_of(row) for row in rows}
        named = {row.id for row in rows} if pigment.kinds[promise.block] is Kind.KEYED else set()
        beside = [row for row in self.old[promise.block] if pigment.scope_of(row) not in scope and row.id not in named]
        expected = Counter([*rows, *(beside if promise.has_scope else [])])
        # A key of the file is not deleted, even if Pigment rejects its row: then what was there stays.
        refused = {row.id for row in pigment.rejected} if pigment.kinds[promise.block] is Kind.KEYED else set()
        kept = Counter(row for row in self.old[promise.block] if row.id in refused)
        assert there <= expected + kept, "old rows were left, or rows doubled, by a replacement"
        assert all(row in pigment.rejected for row in expected - there), "a state covers a row that is not stored"

    def _check_all_replaced(self, pigment: Pigment) -> None:
        """States of replaced streams leave once all of them are stored: a second attempt begins after them."""
        for name, promise in self.promises.items():
            if promise.replaces and not self._is_contested(promise.block):
                missing = Counter(self._final(name)) - Counter(pigment.blocks[promise.block])
                is_metric = pigment.kinds[promise.block] is Kind.METRIC
                left_out = all(row in pigment.rejected or (is_metric and not row.v) for row in missing)
                assert left_out, "a state left before every replacement was stored"

    def _final(self, name: str) -> list[Row]:
        """The rows of a stream that replaces its block, once the source has sent all."""
        promise = self.promises[name]
        if not promise.has_key:
            return [each.row for each in self.sent[name] if each is not None]
        last = [chain[-1][1] for chain in self._chains(name, len(self.sent[name])).values()]
        return [row for each in last if (row := promise.stored(each)) is not None]

    def _may_be_stored(self, name: str) -> list[Row]:
        """The rows of a stream that may be there: those that the source has confirmed, of a key those that counted."""
        promise, confirmed = self.promises[name], self.confirmed[name]
        if not promise.has_key:
            return [each.row for each in self.sent[name][:confirmed] if each is not None]
        chains = self._chains(name, confirmed).values()
        return [row for chain in chains for _, each in chain if (row := promise.stored(each)) is not None]

    def _chains(self, name: str, count: int) -> dict[str, list[tuple[int, Sent]]]:
        """For each key the records that counted, one after the other, with their places.

        The greatest cursor counts, and where two do not compare or are equal, the last to arrive.
        """
        chains: dict[str, list[tuple[int, Sent]]] = {}
        for place, each in enumerate(self.sent[name][:count]):
            if each is None:
                continue
            chain = chains.setdefault(each.row.id, [])
            before = chain[-1][1].rank if chain else None
            if before is None or each.rank is None or before <= each.rank:
                chain.append((place, each))
        return chains

    def _is_contested(self, block: str) -> bool:
        """Whether a stream replaces a block that another one fills."""
        sharing = [each.replaces for each in self.promises.values() if each.block == block]
        return len(sharing) > 1 and any(sharing)

    def _has_fought(self, pigment: Pigment) -> bool:
        """Whether reports say that a stream replaced a block into which another one was imported."""
        return any(
            all(each.configurations & pigment.reported for each in self.promises.values() if each.block == block)
            for block in {each.block for each in self.promises.values()}
            if self._is_contested(block)
        )

    def _may_replace(self, name: str) -> bool:
        """Whether nothing in what was sent forbids that the block is touched."""
        promise, records = self.promises[name], [each for each in self.sent[name] if each is not None]
        if promise.has_scope and any(not each.row.m for each in records):
            return False
        return not records or len(records) >= (promise.minimum_rows or 0)

    def _vouch(self, *names: str) -> None:
        for name in names:
            if name not in self.short:
                self.confirmed[name] = len(self.sent[name])

    def _is_proven(self, name: str) -> bool:
        """Whether the source has succeeded with a stream, as far as the sync can know it at the end of its input."""
        if self.is_cut or name in self.short:
            return False
        if self.has_generations or self.has_statuses:
            return name in self.complete
        return name in self.stated and not self.unstated
