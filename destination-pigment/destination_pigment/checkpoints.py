"""When a state may go: after every record before it is stored or permanently rejected. Pure.

Records of a stream are counted as they come and confirmed in the same order, so two numbers for each stream tell which
states are due. A state of one stream waits for that stream; a global one, for all. States that wait for the same
stream keep their order. A state that counts more records than came is false, and so is every state after it.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

from destination_pigment.input.catalog import StreamKey


@dataclass(frozen=True, slots=True)
class DueState:
    """A state that may go, with what became of the records since the last state of the same stream."""

    state: int
    stored: int
    rejected: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A state, its place among all that came, and how many records of which streams it waits for."""

    state: int
    place: int
    required: tuple[tuple[StreamKey, int], ...]
    is_false: bool


class _Numbers:
    """A queue of numbers, each in as few bytes as the code of its array says."""

    # An array that grows is copied: beyond this, the copies that are no longer needed would leave holes in the memory.
    _MOST_TOGETHER = 4096

    def __init__(self, code: str) -> None:
        self._code = code
        # Mutable state: the arrays, how many numbers of the first were taken, and how many there are.
        self._parts: deque[array[int]] = deque()
        self._taken = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, number: int) -> None:
        self._count += 1
        if not self._parts or len(self._parts[-1]) == self._MOST_TOGETHER:
            self._parts.append(array(self._code))
        self._parts[-1].append(number)

    def __getitem__(self, place: int) -> int:
        """The number at a place, of which the first is 0."""
        place += self._taken
        if place < self._MOST_TOGETHER:  # as nearly always
            return self._parts[0][place]
        return self._parts[place // self._MOST_TOGETHER][place % self._MOST_TOGETHER]

    def drop(self, count: int) -> None:
        """Remove the first numbers."""
        self._count -= count
        self._taken += count
        while self._taken >= self._MOST_TOGETHER:
            self._parts.popleft()
            self._taken -= self._MOST_TOGETHER


class _Queue:
    """States of a stream (None: of all) that wait, in their order: there may be one for every record.

    A state of a stream takes 24 bytes; one of all takes 20, and 12 for each stream that it waits for.
    """

    def __init__(self, key: StreamKey | None) -> None:
        self._key = key
        # Mutable state: each state, its place (doubled, and odd where the state is false), and for each stream that it
        # waits for the number of records; and the first state put together, once it was asked for.
        self._states, self._places, self._counts = _Numbers("q"), _Numbers("q"), _Numbers("q")
        self._first: _Waiting | None = None
        # Only if states are of all streams: the streams, with their places in this list; how many streams each state
        # waits for, and the places of these.
        self._keys: list[StreamKey] = []
        self._key_places: dict[StreamKey, int] = {}
        self._widths, self._streams = _Numbers("I"), _Numbers("I")

    def __len__(self) -> int:
        return len(self._states)

    def push(self, waiting: _Waiting) -> None:
        self._states.push(waiting.state)
        self._places.push(2 * waiting.place + waiting.is_false)
        for _, count in waiting.required:
            self._counts.push(count)
        if self._key is None:
            self._widths.push(len(waiting.required))
            for key, _ in waiting.required:
                if key not in self._key_places:
                    self._key_places[key] = len(self._keys)
                    self._keys.append(key)
                self._streams.push(self._key_places[key])

    @property
    def place(self) -> int:
        """The place of the first state."""
        return self._places[0] // 2

    def first(self) -> _Waiting:
        """The first state, which stays."""
        if self._first is None:
            required = tuple([(key, self._counts[number]) for number, key in enumerate(self._first_keys())])
            is_false = bool(self._places[0] % 2)
            self._first = _Waiting(self._states[0], self.place, required, is_false)
        return self._first

    def pop(self) -> _Waiting:
        first, self._first = self.first(), None
        self._states.drop(1)
        self._places.drop(1)
        self._counts.drop(len(first.required))
        if self._key is None:
            self._widths.drop(1)
            self._streams.drop(len(first.required))
        return first

    def _first_keys(self) -> list[StreamKey]:
        """The streams that the first state waits for."""
        if self._key is not None:
            return [self._key]
        return [self._keys[self._streams[number]] for number in range(self._widths[0])]


class _Queues(dict[StreamKey | None, _Queue]):
    """The queue of each stream and of all; one that is not there yet is empty."""

    def __missing__(self, key: StreamKey | None) -> _Queue:
        self[key] = queue = _Queue(key)
        return queue


@dataclass(slots=True)
class _Confirmed:
    """Records confirmed and not yet covered by a state: how many, how many of them were rejected, but may be stored."""

    records: int
    rejected: int
    maybe_stored: int


@dataclass(slots=True)
class Checkpoints:
    """Queues of states, one for each stream and one for global states (None)."""

    _received: Counter[StreamKey] = field(default_factory=Counter)
    _confirmed: Counter[StreamKey] = field(default_factory=Counter)
    _stored: Counter[StreamKey] = field(default_factory=Counter)
    _reported: Counter[StreamKey] = field(default_factory=Counter)
    _uncovered: dict[StreamKey, deque[_Confirmed]] = field(default_factory=lambda: defaultdict(deque))
    _since_state: dict[StreamKey | None, Counter[StreamKey]] = field(default_factory=lambda: defaultdict(Counter))
    _queues: _Queues = field(default_factory=_Queues)
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
        return sum(each.records - each.rejected for each in uncovered), sum(each.maybe_stored for each in uncovered)

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

    def push_state(self, state: int, key: StreamKey | None, announced: int | None = None) -> int:
        """Queue a state of a stream (None: of all); `announced` is how many records the source counts since the last.

        Returns how many of these have not arrived.
        """
        missing = self._missing(key, announced)
        is_false = missing > 0 or (key is None and self._misses_records)
        since = self._since_state[key]
        required = tuple([(each, self._received[each]) for each in ([key] if key is not None else since)])
        since.clear()
        self._places += 1
        self._queues[key].push(_Waiting(state, self._places, required, is_false))
        return missing

    def confirm(self, key: StreamKey, *, stored: int, rejected: int, maybe_stored: int = 0) -> None:
        """Count the next records of a stream as stored or permanently rejected.

        `maybe_stored` is how many of the rejected may be stored anyway.
        """
        if self._confirmed[key] + stored + rejected > self._received[key]:
            raise ValueError("more records confirmed than came")
        self._confirmed[key] += stored + rejected
        self._stored[key] += stored
        if stored + rejected:
            self._uncovered[key].append(_Confirmed(stored + rejected, rejected, maybe_stored))

    def pop_due(self) -> Iterator[DueState]:
        """The states that may go now, in the order in which they came; each is taken out when it is asked for."""
        everywhere = self._queues[None]
        while True:
            # A global state covers every stream: it overtakes none, and none overtakes it.
            barrier = everywhere.place if everywhere else self._places + 1
            before = [(queue.place, key) for key, queue in self._queues.items() if key is not None and queue]
            before = [(place, key) for place, key in before if place < barrier]
            due = [(place, key) for place, key in before if self._may_leave(self._queues[key].first())]
            # Whether nothing that came before the first state of all streams still waits.
            nothing_waits = len(due) == len(before)
            heapify(due)
            while due:
                queue = self._queues[due[0][1]]
                yield self._with_counts(queue.pop())
                if queue and queue.place < barrier and self._may_leave(queue.first()):
                    heapreplace(due, (queue.place, due[0][1]))
                else:
                    nothing_waits &= not queue or queue.place > barrier
                    heappop(due)
            if not (everywhere and nothing_waits) or self._withheld or not self._may_leave(everywhere.first()):
                return
            yield self._with_counts(everywhere.pop())

    def _missing(self, key: StreamKey | None, announced: int | None) -> int:
        return max(0, announced - self._since_state[key].total()) if announced else 0

    def _may_leave(self, waiting: _Waiting) -> bool:
        for key, count in waiting.required:
            if key in self._withheld or self._confirmed[key] < count:
                return False
        return not waiting.is_false

    def _with_counts(self, waiting: _Waiting) -> DueState:
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
