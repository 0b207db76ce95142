"""Many streams at a time: slices run on threads, their messages leave in order.

Each stream has a lane of slices. Workers take slices, first slices of all streams first, and put what they read into
the slice's own short queue; the reader (one thread, the caller's) takes from the current slice of every lane. So the
messages of a stream keep their order, a state never overtakes its records, and a slow reader stops the exports
instead of filling memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread

from pigment_client.errors import TryLater
from source_pigment.reading.export_stream import ExportStream
from source_pigment.reading.records import RecordBlock

# Blocks that a slice may be ahead of the reader.
_BLOCKS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Started:
    """The first slice of the stream is under way."""


@dataclass(frozen=True, slots=True)
class SliceFinished:
    """A slice came whole."""

    position: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A slice could not be read; the stream ends here."""

    error: Exception


Item = Started | RecordBlock | SliceFinished | Failed


@dataclass(slots=True)
class Slice:
    """A slice on its way."""

    position: int
    items: deque[Item] = field(default_factory=deque)


@dataclass(slots=True)
class Lane:
    """The slices of one stream that are still to be read, in order."""

    stream: ExportStream
    slices: deque[Slice]
    ended: bool = False


class Reading:
    """Reads streams with several workers; iterate over it once."""

    def __init__(self, streams: Sequence[tuple[ExportStream, int]], *, num_workers: int) -> None:
        # All mutable state, guarded by the condition: the lanes, the slices nobody has taken, and whether to stop.
        self._changed = Condition()
        self._lanes = [
            Lane(stream, deque(Slice(position) for position in range(first, len(stream.slices))))
            for stream, first in streams
        ]
        self._waiting = deque(_in_turn(self._lanes))
        self._stopped = False
        self._num_workers = num_workers

    def __iter__(self) -> Iterator[tuple[ExportStream, Item]]:
        workers = [Thread(target=self._work, daemon=True) for _ in range(min(self._num_workers, len(self._waiting)))]
        for worker in workers:
            worker.start()
        try:
            while (taken := self._take()) is not None:
                yield taken
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()

    def _take(self) -> tuple[ExportStream, Item] | None:
        """The next item of some lane's current slice; None when all lanes have ended."""
        with self._changed:
            while True:
                open_lanes = [lane for lane in self._lanes if lane.slices and not lane.ended]
                if not open_lanes:
                    return None
                for lane in open_lanes:
                    if lane.slices[0].items:
                        return lane.stream, self._take_from(lane)
                self._changed.wait()

    def _take_from(self, lane: Lane) -> Item:
        item = lane.slices[0].items.popleft()
        if isinstance(item, SliceFinished):
            lane.slices.popleft()
        elif isinstance(item, Failed):
            lane.ended = True
        # A lane that was served goes to the end, so that all are served alike.
        self._lanes.remove(lane)
        self._lanes.append(lane)
        self._changed.notify_all()
        return item

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._stopped or not self._waiting:
                    return
                lane, slice_ = self._waiting.popleft()
                if lane.ended:
                    continue
                first = not lane.stream.progress.started
                lane.stream.progress.started = True
            if first:
                self._put(lane, slice_, Started())
            self._read(lane, slice_)

    def _read(self, lane: Lane, slice_: Slice) -> None:
        try:
            for block in lane.stream.read(slice_.position):
                if not self._put(lane, slice_, block):
                    break
            else:
                self._put(lane, slice_, SliceFinished(slice_.position))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the stream, and is explained there
            if isinstance(error, TryLater) and self._may_begin_anew(lane, slice_):
                self._read(lane, slice_)
            else:
                self._put(lane, slice_, Failed(error))

    def _may_begin_anew(self, lane: Lane, slice_: Slice) -> bool:
        """Whether a slice that broke is still behind others, so that nothing of it has left; waits for its turn.

        A slice ahead of the reader stands still until its turn comes, which a server may not have the patience for.
        """
        with self._changed:
            if lane.slices[0] is slice_:
                return False
            slice_.items.clear()
            while lane.slices[0] is not slice_:
                if self._stopped or lane.ended:
                    return False
                self._changed.wait()
            return True

    def _put(self, lane: Lane, slice_: Slice, item: Item) -> bool:
        """Hand an item over, waiting while the slice is too far ahead; False when nobody wants it any more."""
        with self._changed:
            while len(slice_.items) >= _BLOCKS_AHEAD and isinstance(item, RecordBlock):
                if self._stopped or lane.ended:
                    return False
                self._changed.wait()
            slice_.items.append(item)
            self._changed.notify_all()
            return not (self._stopped or lane.ended)


def _in_turn(lanes: Sequence[Lane]) -> list[tuple[Lane, Slice]]:
    """The slices in the order in which they are begun: the first of every lane, then the second …"""
    order = [(place, number, lane, each) for number, lane in enumerate(lanes) for place, each in enumerate(lane.slices)]
    return [(lane, each) for _, _, lane, each in sorted(order, key=lambda entry: entry[:2])]
