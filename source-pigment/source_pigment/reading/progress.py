"""How far a stream is: what is reported while it is read, and at its end about values and keys."""

from __future__ import annotations

import logging
import time
from array import array
from collections import Counter
from ctypes import CDLL
from itertools import islice
from operator import eq

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    EstimateType,
    TraceType,
    Type,
)

from pigment_client.wording import byte_size, counted
from pigment_csv.totals import Totals
from pigment_native.library import LIBRARY
from pigment_native.record_lines import count_repeated
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import MOST_KEYS, RecordBlock

logger = logging.getLogger("airbyte.pigment.source")


class KeyCheck:
    """Counts the keys that contain a blank, and those that repeat another of the first two million."""

    def __init__(self, library: CDLL | None = LIBRARY) -> None:
        self._library = library
        # All mutable state.
        self._keys = array("Q")
        self._blank = 0

    def count_keys(self, block: RecordBlock) -> None:
        self._blank += block.blank_keys
        self._keys += block.keys[: MOST_KEYS - len(self._keys)]

    def problem(self) -> str | None:
        """What is wrong with the key, in words; None if nothing is."""
        blank = (self._blank, "record has a blank in it", "records have a blank in it")
        repeated = (self._count_repeated(), "record repeats one", "records repeat one")
        return " and ".join(counted(*each) for each in (blank, repeated) if each[0]) or None

    def _count_repeated(self) -> int:
        if self._library is not None:
            return count_repeated(self._library, self._keys)
        # A set would take three times the memory.
        keys = sorted(self._keys)
        return sum(map(eq, keys, islice(keys, 1, None)))


class Progress:
    """Counts what was downloaded of a stream and what was sent, with the values that did not fit; for one thread."""

    def __init__(self, stream: StreamName, subject: str) -> None:
        self._stream = stream
        self._subject = subject
        # All mutable state: what was downloaded and what of it was sent, since when, and what was found in it.
        self._rows = 0
        self._bytes = 0
        self.rows_sent = 0
        self._since: float | None = None
        self._misfits: Counter[str] = Counter()
        self._key = KeyCheck()
        self._totals = Totals()

    def start(self) -> None:
        self._since = time.monotonic()

    def count_download(self, rows: int, num_bytes: int) -> AirbyteMessage:
        """Count a complete export; gives all that has arrived so far as an ESTIMATE trace, which is exact."""
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

    def count_sent(self, block: RecordBlock) -> None:
        self.rows_sent += block.count
        self._misfits.update(block.misfits)
        self._key.count_keys(block)
        if block.totals is not None:
            self._totals.add_totals(block.totals)

    def log_end(self, *, is_complete: bool) -> None:
        """Log the closing line of the stream, and warn once for each column and once about the key."""
        seconds = 0.0 if self._since is None else time.monotonic() - self._since
        if is_complete:
            received = f"{counted(self.rows_sent, 'row')}, {byte_size(self._bytes)} in {seconds:.1f} s"
            logger.info("Read the %s: %s%s.", self._subject, received, self._totals.sums_in_words)
        else:
            sent = counted(self.rows_sent, "row was", "rows were")
            sums = self._totals.sums_in_words
            logger.info("The %s was not read to its end: %s sent in %.1f s%s.", self._subject, sent, seconds, sums)
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
                'The primary key of the stream "%s" is violated: %s. Choose another key for it in the '
                "connection, or refresh the schema.",
                self._stream,
                problem,
            )
