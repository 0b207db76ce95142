"""How far a stream is: what is reported while it is read, and once for what repeats."""

from __future__ import annotations

import logging
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from ctypes import CDLL
from itertools import islice
from operator import eq
from threading import Lock

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    EstimateType,
    TraceType,
    Type,
)

from pigment_client.wording import byte_size, counted
from pigment_native.library import LIBRARY
from pigment_native.record_lines import count_repeated
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import MOST_KEYS, RecordBlock


class KeyCheck:
    """Counts the keys that are blank in part, and those that came before, among the first two million."""

    def __init__(self, library: CDLL | None = LIBRARY) -> None:
        self._library = library
        # All mutable state.
        self._keys = array("Q")
        self._blank = 0

    def add(self, block: RecordBlock) -> None:
        """Take the keys of records that leave."""
        self._blank += block.blank_keys
        self._keys += block.keys[: MOST_KEYS - len(self._keys)]

    def problem(self) -> str | None:
        """What is wrong with the key, in words; None where it holds."""
        blank = (self._blank, "record has a blank in it", "records have a blank in it")
        repeated = (self._count_repeated(), "record repeats one", "records repeat one")
        return " and ".join(counted(*each) for each in (blank, repeated) if each[0]) or None

    def _count_repeated(self) -> int:
        if self._library is not None:
            return count_repeated(self._library, self._keys)
        # A set would take three times the memory.
        keys = sorted(self._keys)
        return sum(map(eq, keys, islice(keys, 1, None)))


logger = logging.getLogger("airbyte.pigment.source")


class Progress:
    """Counts the rows and bytes of a stream, and the values that did not fit; may be used by many threads."""

    def __init__(self, stream: StreamName, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        # All mutable state, guarded by the lock: what was downloaded and what of it was sent, since when, and what is
        # said once.
        self._lock = Lock()
        self._rows = 0
        self._bytes = 0
        self.rows_sent = 0
        self._bytes_sent = 0
        self._since: float | None = None
        self._misfits: Counter[str] = Counter()
        self._new_columns: set[str] = set()
        self._key = KeyCheck()

    def start(self) -> None:
        """The first download begins."""
        self._since = self._clock()

    def add_download(self, rows: int, num_bytes: int) -> AirbyteMessage:
        """Count an export that is whole; what is there now as an ESTIMATE trace, which is exact."""
        with self._lock:
            self._rows += rows
            self._bytes += num_bytes
            estimate = AirbyteEstimateTraceMessage(
                name=self._stream.name,
                namespace=self._stream.namespace,
                type=EstimateType.STREAM,
                row_estimate=self._rows,
                byte_estimate=self._bytes,
            )
        trace = AirbyteTraceMessage(type=TraceType.ESTIMATE, emitted_at=time.time() * 1000, estimate=estimate)
        return AirbyteMessage(type=Type.TRACE, trace=trace)

    def add(self, block: RecordBlock) -> None:
        """Count records that leave."""
        with self._lock:
            self.rows_sent += block.count
            self._bytes_sent += len(block.lines)
            self._misfits.update(block.misfits)
            self._key.add(block)

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

    def summarize(self) -> None:
        """Say at the end how much was sent, and what repeated, once for each column."""
        logger.info(
            'The stream "%s" has ended: %s sent, %s in %.1f s.',
            self._stream,
            counted(self.rows_sent, "row was", "rows were"),
            byte_size(self._bytes_sent),
            self._clock() - (self._clock() if self._since is None else self._since),
        )
        for column, count in sorted(self._misfits.items()):
            logger.warning(
                'The column "%s" of the stream "%s" has %s sent as text: refresh the schema, or set "Column '
                'types" to text.',
                column,
                self._stream,
                counted(count, "value that does not fit its type and was", "values that do not fit its type and were"),
            )
        problem = self._key.problem()
        if problem is not None:
            logger.warning(
                'The primary key of the stream "%s" does not hold: %s. Choose another key for it in the '
                "connection, or refresh the schema.",
                self._stream,
                problem,
            )
