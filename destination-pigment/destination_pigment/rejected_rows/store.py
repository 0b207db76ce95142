"""Rejected rows into the user's bucket: those rejected on arrival before the push, those of Pigment after it.

Where there is no bucket, nothing is written. Rows go in objects of bounded size, each written until it is there.
Pigment numbers the rows that it rejects, or only counts them by reason; what is only counted is written as counts.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from destination_pigment.input.catalog import DestinationStream, StreamKey
from destination_pigment.rejected_rows.csv_table import (
    NO_REASON,
    KeptRow,
    ReadRows,
    are_quoted_right,
    counts_of,
    named_rows,
    rows_by_number,
    table_of,
)
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_airbyte.form import entered_text
from pigment_client.errors import AddressUnusable, PlainHttp
from pigment_client.http.address import Address
from pigment_client.http.clock import Clock
from pigment_client.http.retry import RetryPolicy, wait_seconds
from pigment_client.models import RejectedRow, SkippedData
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where rejected rows go, and who writes there: a key, a role, or (neither) the identity of this machine.

    With an `endpoint`, storage that speaks S3 and is not Amazon's.
    """

    name: str
    region: str
    path: str
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    role_arn: str | None = None
    endpoint: Address | None = None


def parse_bucket(config: Mapping[str, Any]) -> Bucket | None:
    """The bucket, or None if rejected rows are only counted; raises `ConfigProblem`."""
    storage = config.get("object_storage_config") or {}
    if storage.get("storage_type") != "S3":
        return None
    key_id, secret = entered_text(storage, "access_key_id"), entered_text(storage, "secret_access_key")
    if bool(key_id) != bool(secret):
        missing, there = ("Secret access key", "Access key ID") if key_id else ("Access key ID", "Secret access key")
        raise ConfigProblem(
            f'"Storage of rejected rows" has the "{there}" and no "{missing}": enter both, or leave both empty where '
            "the connector runs in AWS with a role that may write to the bucket."
        )
    return Bucket(
        name=entered_text(storage, "s3_bucket_name"),
        region=entered_text(storage, "s3_bucket_region"),
        # The platform's link drops the slashes at the end.
        path=entered_text(storage, "bucket_path").strip("/"),
        access_key_id=key_id or None,
        secret_access_key=secret or None,
        role_arn=entered_text(storage, "role_arn") or None,
        endpoint=_endpoint(entered_text(storage, "s3_endpoint")),
    )


def _endpoint(entered: str) -> Address | None:
    if not entered:
        return None
    try:
        address, parts = Address(entered.rstrip("/")), urlsplit(entered)
        # Only an address: no key, query or fragment, and no blank inside.
        if "@" not in parts.netloc and not parts.query and not parts.fragment and len(entered.split()) == 1:
            return address
    except AddressUnusable:
        pass
    except PlainHttp:
        raise ConfigProblem(
            'The "S3 endpoint" is not encrypted, and rejected rows would travel in clear: enter an address that begins '
            "with https://."
        ) from None
    raise ConfigProblem(
        'The "S3 endpoint" is no address: enter one such as https://s3.example.com, or leave it empty for Amazon S3.'
    )


class BucketFailed(Exception):
    """The bucket was not written; `cause` is a clause, `advice` one thing to do, `is_passing` whether it may pass."""

    def __init__(self, cause: str, advice: str, *, is_passing: bool = False) -> None:
        super().__init__(f"{cause}: {advice}.")
        self.cause = cause
        self.advice = advice
        self.is_passing = is_passing


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
        # Mutable state: the number of the next object (advancing it is atomic), and the objects, guarded by the lock.
        self._parts = count()
        self._lock = Lock()
        self._open = opened
        self._objects: Objects | None = None

    def write_imported(
        self,
        stream: DestinationStream,
        columns: tuple[str, ...],
        read_rows: ReadRows,
        rejected: int,
        numbered: Sequence[RejectedRow],
        skipped: Sequence[SkippedData],
    ) -> None:
        """Write what Pigment rejected of a file with these columns and rows; raises `BucketFailed`.

        `numbered` are the rejected rows that the response names, `skipped` those that it counts by reason.
        """
        if not rejected:
            return
        by_number = rows_by_number(numbered) if are_quoted_right(columns, read_rows, numbered) else {}
        if 0 < len(by_number) <= rejected:
            self.write_rows(stream.key, named_rows(columns, read_rows, by_number, self._clock.now()))
        if len(by_number) < rejected:
            unnamed = skipped or (SkippedData(NO_REASON, rejected - len(by_number)),)
            self._write_counts(stream.key, unnamed)

    def sentence_after_push(self, failed: BucketFailed, stream: DestinationStream, rejected: int, stored: int) -> str:
        """What happened to rows that Pigment rejected while others are stored, up to what to do."""
        return (
            f"Pigment stored {counted(stored, 'row')} of the {stream.subject}, and {counted(rejected, 'row')} that it "
            f'rejected could not be written to the bucket "{self.bucket.name}", because {failed.cause}: '
            f"{failed.advice}, and"
        )

    def write_rows(self, stream: StreamKey, rows: Iterable[KeptRow]) -> None:
        """Write the rows of a stream; raises `BucketFailed`, or `Cancelled` between two attempts."""
        for some in _in_objects(rows):
            self._put(self._names.rows(stream, next(self._parts)), table_of(some, stream))

    def _write_counts(self, stream: StreamKey, skipped: Sequence[SkippedData]) -> None:
        """Write the rejections that are only counted; raises likewise."""
        content = counts_of(skipped, stream, self._clock.now())
        self._put(self._names.counts(stream, next(self._parts)), content)

    def _put(self, name: str, content: bytes) -> None:
        _repeat_while_passing(lambda: self._opened().put(name, content), RETRIES.retries, self._clock)
        logger.info('Wrote rejected rows to "%s" in the bucket "%s".', name, self.bucket.name)

    def _opened(self) -> Objects:
        with self._lock:
            if self._objects is None:
                self._objects = self._open(self.bucket)
            return self._objects


def _repeat_while_passing(put: Callable[[], None], retries: int, clock: Clock) -> None:
    for retry in count(1):
        try:
            put()
        except BucketFailed as failed:
            if not failed.is_passing or retry > retries:
                raise
            wait = wait_seconds(RETRIES, retry, retry_after=None, random=clock.random)
            logger.info("The bucket could not be written, because %s: trying again in %.1f s.", failed.cause, wait)
            clock.sleep(wait)
        else:
            return


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


def problem_of(failed: BucketFailed, sentence: str) -> ConfigProblem | TransientProblem:
    """The failure as an error of the sync."""
    return TransientProblem(sentence) if failed.is_passing else ConfigProblem(sentence)


def open_objects(bucket: Bucket) -> Objects:
    """The bucket's objects; raises `BucketFailed` if no request can be made."""
    from destination_pigment.rejected_rows.s3 import S3Objects  # noqa: PLC0415 - botocore takes long to load

    return S3Objects(bucket)


def probe_bucket(bucket: Bucket, opened: Callable[[Bucket], Objects], clock: Clock) -> str:
    """Write and remove a file; the result as a sentence. Raises `ConfigProblem` if the bucket cannot be written."""
    name = ObjectNames.of_attempt(bucket.path, None, clock.now()).probe()
    try:
        objects = opened(bucket)
        # A person waits for the result, so one retry is enough.
        _repeat_while_passing(lambda: objects.put(name, b""), 1, clock)
    except BucketFailed as failed:
        cause, advice = failed.cause, failed.advice
    else:
        return f'Rejected rows go to the bucket "{bucket.name}"{_note_if_left(objects, name)}.'
    raise ConfigProblem(
        f'The bucket "{bucket.name}" under "Storage of rejected rows" cannot be written, because {cause}: {advice}.'
    )


def _note_if_left(objects: Objects, name: str) -> str:
    """What to add for a key that may write but not delete, which is enough for a sync."""
    try:
        objects.remove(name)
    except BucketFailed as failed:
        logger.warning('The file "%s" could not be removed, because %s: remove it manually.', name, failed.cause)
        return f', where the file "{name}" of this test stays, because {failed.cause}'
    return ""
