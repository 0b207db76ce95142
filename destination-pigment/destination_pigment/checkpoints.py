"""When a state may go: after every record before it is stored or permanently rejected. Pure.

Records of a stream are counted as they come and confirmed in the same order, so two numbers for each stream tell which
states are due. A state of one stream waits for that stream; a global one, for all. States that wait for the same
stream keep their order. A state that counts more records than came is false, and so is every state after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from destination_pigment.input.catalog import StreamKey

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class DueState(Generic[S]):
    """A state that may go, with what became of the records since the last state of the same stream."""

    state: S
    stored: int
    rejected: int


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[S]):
    """A state, its place among all that came, and how many records of which streams it waits for."""

    state: S
    place: int
    required: tuple[tuple[StreamKey, int], ...]
    is_false: bool


@dataclass(slots=True)
class _Confirmed:
    """Records confirmed and not yet covered by a state: how many, how many of them were rejected, but may be stored."""

    records: int
    rejected: int
    in_doubt: int


@dataclass(slots=True)
class Checkpoints(Generic[S]):
    """Queues of states, one for each stream and one for global states (None)."""

    _received: Counter[StreamKey] = field(default_factory=Counter)
    _confirmed: Counter[StreamKey] = field(default_factory=Counter)
    _stored: Counter[StreamKey] = field(default_factory=Counter)
    _reported: Counter[StreamKey] = field(default_factory=Counter)
    _uncovered: dict[StreamKey, deque[_Confirmed]] = field(default_factory=lambda: defaultdict(deque))
    _since_state: dict[StreamKey | None, Counter[StreamKey]] = field(default_factory=lambda: defaultdict(Counter))
    _queues: dict[StreamKey | None, deque[_Waiting[S]]] = field(default_factory=lambda: defaultdict(deque))
    _withheld: set[StreamKey] = field(default_factory=set)
    _misses_records: bool = False
    _places: int = 0

    @property
    def waiting(self) -> int:
        """How many states wait."""
        return sum(map(len, self._queues.values()))

    @property
    def received(self) -> int:
        """How many records came."""
        return self._received.total()

    @property
    def not_accounted_for(self) -> int:
        """How many records came and are neither stored nor rejected."""
        return (self._received - self._confirmed).total()

    def unconfirmed(self, key: StreamKey) -> int:
        """How many records of a stream came and are neither stored nor rejected."""
        return self._received[key] - self._confirmed[key]

    def uncovered(self, key: StreamKey) -> tuple[int, int]:
        """Records of a stream not yet covered by a state that has left: how many are stored, how many more may be."""
        uncovered = self._uncovered[key]
        return sum(each.records - each.rejected for each in uncovered), sum(each.in_doubt for each in uncovered)

    def stored(self, key: StreamKey) -> int:
        """How many records of a stream are stored, covered by a state or not."""
        return self._stored[key]

    def withhold(self, key: StreamKey) -> None:
        """Keep back every state of a stream until `stop_withholding`: what replaces a block is true only as a whole."""
        self._withheld.add(key)

    def stop_withholding(self, key: StreamKey) -> None:
        """The stream is complete: its states go when they are due."""
        self._withheld.discard(key)

    def count_records(self, key: StreamKey, records: int) -> None:
        self._received[key] += records
        self._since_state[key][key] += records
        self._since_state[None][key] += records

    def on_stray_records(self) -> None:
        """Records came of a stream that the catalog lacks: from here on, no state of all streams is true."""
        self._misses_records = True

    def push_state(self, state: S, key: StreamKey | None, announced: int | None = None) -> int:
        """Queue a state of a stream (None: of all); `announced` is how many records the source counts since the last.

        Returns how many of these have not arrived.
        """
        missing = self._missing(key, announced)
        is_false = missing > 0 or (key is None and self._misses_records)
        since = self._since_state.pop(key, Counter())
        required = tuple((each, self._received[each]) for each in ([key] if key is not None else since))
        self._places += 1
        self._queues[key].append(_Waiting(state, self._places, required, is_false))
        return missing

    def confirm(self, key: StreamKey, *, stored: int, rejected: int, in_doubt: int = 0) -> None:
        """Count the next records of a stream as stored or permanently rejected; `in_doubt` of these may be stored."""
        if self._confirmed[key] + stored + rejected > self._received[key]:
            raise ValueError("more records confirmed than came")
        self._confirmed[key] += stored + rejected
        self._stored[key] += stored
        if stored + rejected:
            self._uncovered[key].append(_Confirmed(stored + rejected, rejected, in_doubt))

    def pop_due(self) -> list[DueState[S]]:
        """The states that may go now, in the order in which they came."""
        due: list[_Waiting[S]] = []
        everywhere = self._queues[None]
        while True:
            # A global state covers every stream: it overtakes none, and none overtakes it.
            barrier = everywhere[0].place if everywhere else self._places + 1
            for key, queue in self._queues.items():
                while key is not None and queue and queue[0].place < barrier and self._may_leave(queue[0]):
                    due.append(queue.popleft())
            if not everywhere or self._withheld or not self._may_leave(everywhere[0]):
                break
            if any(queue and queue[0].place < barrier for queue in self._queues.values()):
                break
            due.append(everywhere.popleft())
        due.sort(key=lambda each: each.place)
        return [self._with_counts(each) for each in due]

    def _missing(self, key: StreamKey | None, announced: int | None) -> int:
        return max(0, (announced or 0) - self._since_state[key].total())

    def _may_leave(self, waiting: _Waiting[S]) -> bool:
        return not waiting.is_false and all(
            key not in self._withheld and self._confirmed[key] >= count for key, count in waiting.required
        )

    def _with_counts(self, waiting: _Waiting[S]) -> DueState[S]:
        stored = rejected = 0
        for key, count in waiting.required:
            records, rejected_records = self._cover(key, count - self._reported[key])
            stored, rejected = stored + records - rejected_records, rejected + rejected_records
            self._reported[key] = max(self._reported[key], count)
        return DueState(waiting.state, stored, rejected)

    def _cover(self, key: StreamKey, records: int) -> tuple[int, int]:
        """Take this number of records from those that no state covers; how many, and how many of them were rejected.

        An import does not say which of a file's rows it skipped: where a file spans several states, the skipped rows
        are counted with the first of them, as far as they fit.
        """
        taken = rejected = 0
        uncovered = self._uncovered[key]
        while taken < records:
            first = uncovered[0]
            step = min(first.records, records - taken)
            rejected_here = min(first.rejected, step)
            first.records, first.rejected = first.records - step, first.rejected - rejected_here
            taken, rejected = taken + step, rejected + rejected_here
            if first.records == 0:
                uncovered.popleft()
        return taken, rejected
