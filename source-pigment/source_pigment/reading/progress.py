"""How far a stream is: what is told while it is read, and what is told once for what repeats."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    EstimateType,
    TraceType,
    Type,
)

from source_pigment.reading.records import RecordBlock

logger = logging.getLogger("airbyte.pigment.source")

_SECONDS_BETWEEN_ESTIMATES = 5.0


class Progress:
    """Counts the rows and bytes of a stream, and the values that did not fit; may be used by many threads."""

    def __init__(self, stream: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        # All mutable state, guarded by the lock.
        self._lock = Lock()
        self._rows = 0
        self._bytes = 0
        self._misfits: Counter[str] = Counter()
        self._new_columns: set[str] = set()
        self._told_at = clock()
        self.started = False

    @property
    def rows(self) -> int:
        """The rows so far."""
        with self._lock:
            return self._rows

    def add(self, block: RecordBlock, _bytes_received: int) -> None:
        """Count a block."""
        with self._lock:
            self._rows += block.count
            self._bytes += len(block.lines)
            self._misfits.update(block.misfits)

    def note_new_columns(self, names: Sequence[str]) -> None:
        """Say once that columns came which the configured schema lacks; their values are sent all the same."""
        with self._lock:
            new = [name for name in names if name not in self._new_columns]
            self._new_columns.update(new)
        if new:
            logger.warning(
                'The stream "%s" has columns that its configured schema lacks, new ones or ones you left out: %s. They '
                "are sent, but many destinations keep only configured columns: refresh the schema to keep new ones.",
                self._stream,
                ", ".join(new),
            )

    def estimate(self) -> AirbyteMessage | None:
        """The rows and bytes so far as an ESTIMATE trace, if it is time to tell them again."""
        with self._lock:
            if self._clock() - self._told_at < _SECONDS_BETWEEN_ESTIMATES:
                return None
            self._told_at = self._clock()
            estimate = AirbyteEstimateTraceMessage(
                name=self._stream, type=EstimateType.STREAM, row_estimate=self._rows, byte_estimate=self._bytes
            )
        trace = AirbyteTraceMessage(type=TraceType.ESTIMATE, emitted_at=time.time() * 1000, estimate=estimate)
        return AirbyteMessage(type=Type.TRACE, trace=trace)

    def summarize(self) -> None:
        """Say at the end what repeated, once for each column."""
        for column, count in sorted(self._misfits.items()):
            logger.warning(
                '%d value(s) of the column "%s" in the stream "%s" do not fit its type and were sent as text: refresh '
                'the schema, or set "Types" to text.',
                count,
                column,
                self._stream,
            )
