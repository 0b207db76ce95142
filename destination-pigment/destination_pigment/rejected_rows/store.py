"""Rejected rows into the bucket: cut into objects of bounded size, each written until it is there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from threading import Lock
from typing import Protocol

from destination_pigment.input.configured_streams import StreamKey
from destination_pigment.rejected_rows.failures import BucketFailed
from destination_pigment.rejected_rows.layout import ObjectNames
from destination_pigment.rejected_rows.settings import Bucket
from destination_pigment.rejected_rows.table import KeptRow, counts_of, table_of
from pigment_client.http.clock import Clock
from pigment_client.http.retry import RetryPolicy, wait_seconds
from pigment_client.models import SkippedData

logger = logging.getLogger("airbyte.pigment.destination")

# 5 attempts in about 15 s, as for a push.
RETRIES = RetryPolicy(retries=4, ceiling_seconds=8.0)

# What people can open, and what fits into memory several times.
_MOST_ROWS = 20_000
_MOST_CHARACTERS = 4_000_000


class Objects(Protocol):
    """A bucket's objects."""

    def put(self, name: str, content: bytes) -> None:
        """Write an object; the same again does no harm. Raises `BucketFailed`."""

    def remove(self, name: str) -> None:
        """Remove an object; raises `BucketFailed`."""


class RejectedRowStore:
    """Writes rejected rows; may be shared by threads. The bucket is opened for the first of them."""

    def __init__(self, bucket: Bucket, names: ObjectNames, clock: Clock, opened: Callable[[Bucket], Objects]) -> None:
        self.bucket = bucket
        self._names = names
        self._clock = clock
        self.now = clock.now
        # Mutable state: the number of the next object (one step, whoever asks), and guarded by the lock, the objects.
        self._parts = count()
        self._lock = Lock()
        self._open = opened
        self._objects: Objects | None = None

    def keep(self, stream: StreamKey, rows: Iterable[KeptRow]) -> None:
        """Write the rows of a stream; raises `BucketFailed`, or `Cancelled` between two attempts."""
        for some in _in_objects(rows):
            self._put(self._names.rows(stream, next(self._parts)), table_of(some, stream))

    def keep_counts(self, stream: StreamKey, skipped: Sequence[SkippedData]) -> None:
        """Write what was counted and not named; raises as `keep`."""
        content = counts_of(skipped, stream, self.now())
        self._put(self._names.counts(stream, next(self._parts)), content)

    def _put(self, name: str, content: bytes) -> None:
        for retry in count(1):
            try:
                self._opened().put(name, content)
            except BucketFailed as failed:
                if not failed.is_passing or retry > RETRIES.retries:
                    raise
                wait = wait_seconds(RETRIES, retry, retry_after=None, random=self._clock.random)
                logger.info("Writing rejected rows to the bucket: %s. Trying again in %.1f s.", failed.cause, wait)
                self._clock.sleep(wait)
            else:
                logger.info('Wrote rejected rows to "%s" in the bucket "%s".', name, self.bucket.name)
                return

    def _opened(self) -> Objects:
        with self._lock:
            if self._objects is None:
                self._objects = self._open(self.bucket)
            return self._objects


def _in_objects(rows: Iterable[KeptRow]) -> Iterator[list[KeptRow]]:
    some: list[KeptRow] = []
    characters = 0
    for row in rows:
        if some and (len(some) >= _MOST_ROWS or characters + row.size > _MOST_CHARACTERS):
            yield some
            some, characters = [], 0
        some.append(row)
        characters += row.size
    if some:
        yield some


def open_objects(bucket: Bucket) -> Objects:
    """The bucket's objects; raises `BucketFailed` where not even a request can be made."""
    from destination_pigment.rejected_rows.s3 import S3Objects  # noqa: PLC0415 - it takes a while

    return S3Objects(bucket)
