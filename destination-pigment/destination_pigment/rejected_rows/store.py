"""Rejected rows into the bucket: in objects of bounded size, each written until it is there."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Protocol

from destination_pigment.input.catalog import StreamKey
from destination_pigment.rejected_rows.bucket import Bucket, BucketFailed
from destination_pigment.rejected_rows.csv_table import KeptRow, counts_of, table_of
from pigment_airbyte.failures import ConfigProblem
from pigment_client.http.clock import Clock
from pigment_client.http.retry import RetryPolicy, wait_seconds
from pigment_client.models import SkippedData

# What would begin another folder, or is not allowed in a name.
_NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")

# A key has at most 1024 bytes (Amazon S3, "Naming objects"), a folder of storage on disk 255.
_LONGEST_PART_BYTES = 200


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """The names of one attempt of a sync; `sync_id` is the number of its job, `token` tells attempts apart."""

    path: str
    sync_id: str
    started: datetime
    token: str

    @classmethod
    def of_attempt(cls, path: str, sync_id: str | None, started: datetime) -> ObjectNames:
        """The names of an attempt that begins; if the number of its job is not known, its time is the number."""
        return cls(path, sync_id or str(int(started.timestamp() * 1000)), started, uuid.uuid4().hex[:8])

    def rows(self, stream: StreamKey, part: int) -> str:
        """A file of rejected rows; `part` is a number that no other file of the attempt has."""
        return f"{self._file(stream, part)}.csv"

    def counts(self, stream: StreamKey, part: int) -> str:
        """The file of rejections that are only counted."""
        return f"{self._file(stream, part)}_counts.csv"

    def probe(self) -> str:
        """A file that shows whether the bucket can be written."""
        return self._in_path(f"_check_{self.token}")

    def _file(self, stream: StreamKey, part: int) -> str:
        milliseconds = int(self.started.timestamp() * 1000)
        name = f"{self.started:%Y_%m_%d}_{milliseconds}_{self.token}_{part}"
        return self._in_path("/".join([folder(self.sync_id), *(folder(each) for each in stream if each), name]))

    def _in_path(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


def folder(name: str) -> str:
    """The name of a stream or namespace as the name of a folder: unchanged, if it is a valid one."""
    kept = _NO_NAME.sub("_", name).encode()[:_LONGEST_PART_BYTES].decode(errors="ignore").strip()
    return "_" if kept in {"", ".", ".."} else kept


logger = logging.getLogger("airbyte.pigment.destination")

# 5 attempts in about 15 s, as for a push.
RETRIES = RetryPolicy(retries=4, ceiling_seconds=8.0)

# What people can open, and what fits into memory several times.
_MOST_ROWS = 20_000
_MOST_CHARACTERS = 4_000_000


class Objects(Protocol):
    """A bucket's objects."""

    def put(self, name: str, content: bytes) -> None:
        """Write an object; writing the same again is harmless. Raises `BucketFailed`."""

    def remove(self, name: str) -> None:
        """Remove an object; raises `BucketFailed`."""


class RejectedRowStore:
    """Writes rejected rows; may be shared by threads. The bucket is opened for the first of them."""

    def __init__(self, bucket: Bucket, names: ObjectNames, clock: Clock, opened: Callable[[Bucket], Objects]) -> None:
        self.bucket = bucket
        self._names = names
        self._clock = clock
        self.now = clock.now
        # Mutable state: the number of the next object (advancing it is atomic), and the objects, guarded by the lock.
        self._parts = count()
        self._lock = Lock()
        self._open = opened
        self._objects: Objects | None = None

    def keep(self, stream: StreamKey, rows: Iterable[KeptRow]) -> None:
        """Write the rows of a stream; raises `BucketFailed`, or `Cancelled` between two attempts."""
        for some in _in_objects(rows):
            self._put(self._names.rows(stream, next(self._parts)), table_of(some, stream))

    def keep_counts(self, stream: StreamKey, skipped: Sequence[SkippedData]) -> None:
        """Write the rejections that are only counted; raises as `keep`."""
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
    """The bucket's objects; raises `BucketFailed` if no request can be made."""
    from destination_pigment.rejected_rows.s3 import S3Objects  # noqa: PLC0415 - botocore takes long to load

    return S3Objects(bucket)


def probe_bucket(bucket: Bucket, opened: Callable[[Bucket], Objects], clock: Clock) -> str:
    """Write and remove a file; the result as a sentence. Raises `ConfigProblem` if the bucket cannot be written."""
    name = ObjectNames.of_attempt(bucket.path, None, clock.now()).probe()
    try:
        objects = opened(bucket)
        _put_with_one_retry(objects, name, clock)
    except BucketFailed as failed:
        cause, advice = failed.cause, failed.advice
    else:
        return f'Rejected rows go to the bucket "{bucket.name}"{_note_if_left(objects, name)}.'
    raise ConfigProblem(
        f'The bucket "{bucket.name}" under "Storage of rejected rows" cannot be written, because {cause}: {advice}.'
    )


def _put_with_one_retry(objects: Objects, name: str, clock: Clock) -> None:
    # A person waits for the result, so one retry is enough.
    try:
        objects.put(name, b"")
    except BucketFailed as failed:
        if not failed.is_passing:
            raise
        clock.sleep(clock.random())
        objects.put(name, b"")


def _note_if_left(objects: Objects, name: str) -> str:
    """What to add for a key that may write but not delete, which is enough for a sync."""
    try:
        objects.remove(name)
    except BucketFailed as failed:
        logger.warning('The file "%s" could not be removed, because %s: remove it manually.', name, failed.cause)
        return f', where the file "{name}" of this test stays, because {failed.cause}'
    return ""
