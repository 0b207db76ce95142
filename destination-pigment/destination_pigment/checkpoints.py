"""When a state may go: after every record before it is stored or refused for good. Pure.

Records of a stream are counted as they come and settled in the same order, so two numbers for each stream say which
states are due. A state of one stream waits for that stream; a global one, for all. States that wait for the same
stream keep their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from destination_pigment.input.configured_streams import StreamKey

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Released(Generic[S]):
    """A state that may go, with what became of the records since the last state of the same stream."""

    state: S
    stored: int
    rejected: int


@dataclass(slots=True)
class _Waiting(Generic[S]):
    state: S
    key: StreamKey | None
    required: dict[StreamKey, int]


@dataclass(slots=True)
class _Settled:
    """Records settled and not yet told of in a state: how many, and how many of them were rejected."""

    records: int
    rejected: int


@dataclass(slots=True)
class Checkpoints(Generic[S]):
    """A queue of states, each with the numbers of records that must be settled before it may go."""

    _received: Counter[StreamKey] = field(default_factory=Counter)
    _settled: Counter[StreamKey] = field(default_factory=Counter)
    _told: Counter[StreamKey] = field(default_factory=Counter)
    _untold: dict[StreamKey, deque[_Settled]] = field(default_factory=lambda: defaultdict(deque))
    _waiting: deque[_Waiting[S]] = field(default_factory=deque)
    _held: set[StreamKey] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many states wait."""
        return len(self._waiting)

    def hold(self, key: StreamKey) -> None:
        """Keep back every state of a stream until `free`: what replaces a block is true only as a whole."""
        self._held.add(key)

    def free(self, key: StreamKey) -> None:
        """What was to be done with the stream is done."""
        self._held.discard(key)

    def receive(self, key: StreamKey, records: int) -> None:
        """Count records that came."""
        self._received[key] += records

    def add(self, state: S, key: StreamKey | None) -> None:
        """Queue a state of a stream, or of all streams (None)."""
        required = dict(self._received) if key is None else {key: self._received[key]}
        self._waiting.append(_Waiting(state, key, required))

    def settle(self, key: StreamKey, *, stored: int, rejected: int) -> None:
        """Count the next records of a stream as stored or refused for good."""
        if self._settled[key] + stored + rejected > self._received[key]:
            raise ValueError("more records settled than came")
        self._settled[key] += stored + rejected
        if stored + rejected:
            self._untold[key].append(_Settled(stored + rejected, rejected))

    def release(self) -> list[Released[S]]:
        """The states that may go now, in order."""
        released: list[Released[S]] = []
        blocked: set[StreamKey | None] = set()
        kept: deque[_Waiting[S]] = deque()
        for each in self._waiting:
            # A global state speaks of every stream: it overtakes none, and none overtakes it.
            is_free = not (blocked or self._held) if each.key is None else not (blocked | self._held) & {each.key, None}
            if is_free and all(self._settled[key] >= count for key, count in each.required.items()):
                released.append(self._release(each))
            else:
                blocked.add(each.key)
                kept.append(each)
        self._waiting = kept
        return released

    def _release(self, waiting: _Waiting[S]) -> Released[S]:
        stored = rejected = 0
        for key, count in waiting.required.items():
            records, refused = self._tell(key, count - self._told[key])
            stored, rejected = stored + records - refused, rejected + refused
            self._told[key] = max(self._told[key], count)
        return Released(waiting.state, stored, rejected)

    def _tell(self, key: StreamKey, records: int) -> tuple[int, int]:
        """Take so many records from those not told of; how many, and how many of them were rejected.

        An import does not say which of a file's rows it skipped: where a file spans several states, the skipped rows
        are told of with the first of them, as far as they fit.
        """
        taken = refused = 0
        untold = self._untold[key]
        while taken < records:
            first = untold[0]
            step = min(first.records, records - taken)
            refused_here = min(first.rejected, step)
            first.records, first.rejected = first.records - step, first.rejected - refused_here
            taken, refused = taken + step, refused + refused_here
            if first.records == 0:
                untold.popleft()
        return taken, refused
