"""A bucket in memory, for rejected rows: it counts what was written, and fails as the schedule says."""

from __future__ import annotations

import csv
import io
from collections import deque
from datetime import UTC, datetime

from destination_pigment.rejected_rows.store import (
    Bucket,
    BucketFailed,
    ObjectNames,
    RejectedRowStore,
)
from pigment_client.http.clock import Clock

NOW = datetime(2026, 11, 21, tzinfo=UTC)

# How often in a row the bucket does not take what is written: five times is once too often.
FAULTS = {
    "slow once": [BucketFailed("it is slow", "wait", is_passing=True)],
    "slow": [BucketFailed("it is slow", "wait", is_passing=True)] * 5,
    "gone": [BucketFailed("it is gone", "make another")],
}


class BucketInMemory:
    """Stands in for a bucket and its objects."""

    def __init__(self) -> None:
        self.faults: deque[BucketFailed] = deque()
        self.rows = 0
        self.names: set[str] = set()

    def put(self, name: str, content: bytes) -> None:
        """Write an object; as many rows as it holds or counts can be found from now on."""
        if self.faults:
            raise self.faults.popleft()
        assert name not in self.names, "an object was overwritten"
        self.names.add(name)
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        self.rows += sum(int(row.get("rejected_times", "1")) for row in rows)

    def remove(self, name: str) -> None:
        """Nothing is ever removed by a sync."""
        raise AssertionError(f"{name} was removed")

    def store(self) -> RejectedRowStore:
        """What brings rows here, without a wait."""
        clock = Clock(sleep=lambda _seconds: None, random=lambda: 1.0, now=lambda: NOW)
        names = ObjectNames("", "27", NOW, "t")
        return RejectedRowStore(Bucket("rows", "", ""), names, clock, lambda _bucket: self)
