"""Rejected rows into the bucket: cut into objects of bounded size, each written until it is there."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from destination_pigment.input.catalog import StreamKey
from destination_pigment.rejected_rows.csv_table import KeptRow, counts_of, table_of
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import AddressUnusable, PlainHttp
from pigment_client.http.address import Address
from pigment_client.http.clock import Clock
from pigment_client.http.retry import RetryPolicy, wait_seconds
from pigment_client.models import SkippedData


@dataclass(frozen=True, slots=True)
class Foreign:
    """What the library raised: the name of its exception and, where the server answered, code, status and operation.

    `region` is the bucket's own, where the server says it.
    """

    name: str
    code: str = ""
    status: int | None = None
    operation: str = ""
    region: str | None = None


class BucketFailed(Exception):
    """The bucket was not written; `cause` is a clause, `advice` one thing to do, and it may pass by itself or not."""

    def __init__(self, cause: str, advice: str, *, is_passing: bool = False) -> None:
        super().__init__(f"{cause}: {advice}.")
        self.cause = cause
        self.advice = advice
        self.is_passing = is_passing

    def with_sentence(self, sentence: str) -> BucketFailed:
        """The same, whose text is a whole sentence."""
        failed = BucketFailed(self.cause, self.advice, is_passing=self.is_passing)
        failed.args = (sentence,)
        return failed


_REGION = re.compile(r"[a-z0-9-]{1,64}")

_ALLOW = 'allow it "s3:PutObject" and "s3:DeleteObject" under that path'
_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}

# By code: the cause, what to do, and whether it may pass.
_CODES: dict[str, tuple[str, str, bool]] = {
    "NoSuchBucket": ("there is no bucket of that name", 'correct the "S3 bucket name"', False),
    "AccessDenied": ("the key or role may not write there", _ALLOW, False),
    "AllAccessDisabled": ("the key or role may not write there", _ALLOW, False),
    "InvalidAccessKeyId": ("the storage does not know the access key", 'correct the "Access key ID"', False),
    "SignatureDoesNotMatch": (
        "the secret does not belong to the access key",
        'enter the "Secret access key" again',
        False,
    ),
    "ExpiredToken": ("the key has expired", 'enter another "Access key ID" and "Secret access key"', False),
    "InvalidToken": ("the key is not valid", 'enter another "Access key ID" and "Secret access key"', False),
    "InvalidClientTokenId": ("Amazon does not know the access key", 'correct the "Access key ID"', False),
    "InvalidBucketName": ("that is no name of a bucket", 'correct the "S3 bucket name"', False),
    "KeyTooLongError": ("the path is too long", 'shorten the "Path in the bucket"', False),
    "InvalidArgument": ("it does not take files under that path", 'correct the "Path in the bucket"', False),
    "RequestTimeTooSkewed": ("the clocks are too far apart", "set the clock of the connector's machine", False),
    "QuotaExceeded": ("it is full", "make room in it", False),
    "XMinioStorageFull": ("it is full", "make room in it", False),
    "InsufficientStorage": ("it is full", "make room in it", False),
    "XMinioAdminBucketQuotaExceeded": ("it is full", "make room in it", False),
}
_OTHER_REGION = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "TemporaryRedirect",
}
_STATUSES: dict[int, str] = {
    301: "PermanentRedirect",
    403: "AccessDenied",
    404: "NoSuchBucket",
    507: "InsufficientStorage",
}
# With these, S3 always sends a code.
_NO_ANSWERS_OF_S3 = {301, 302, 307, 308, 400, 404, 405}
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ReadTimeoutError",
    "ConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
}
# Also how we call an answer without what every S3 answer has.
NOT_S3 = "ResponseParserError"

_NO_KEY = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"}


def failure_for(foreign: Foreign, bucket: Bucket) -> BucketFailed:
    """What it means for this bucket."""
    # A code is one word of the server's; where the library found none, it gives the status as one.
    has_code = foreign.code.isalnum() and not foreign.code.isdigit() and len(foreign.code) <= 60
    foreign = replace(foreign, code=foreign.code if has_code else "")
    if foreign.operation == "AssumeRole":
        return _of_role(foreign, bucket)
    if bucket.endpoint is not None and not has_code and foreign.status in _NO_ANSWERS_OF_S3:
        return _without_response(Foreign(NOT_S3), bucket)
    known = foreign.code in _CODES or foreign.code in _OTHER_REGION
    code = foreign.code if known else _STATUSES.get(foreign.status or 0, "")
    if code in _OTHER_REGION:
        is_named = foreign.region is not None and _REGION.fullmatch(foreign.region)
        where = f"in the region {foreign.region}" if is_named else "in another region"
        return BucketFailed(f"it is {where}", 'correct the "S3 bucket region"')
    if code:
        cause, advice, is_passing = _CODES[code]
        return BucketFailed(cause, advice, is_passing=is_passing)
    if foreign.status is not None:
        return _answered(foreign, bucket)
    return _without_response(foreign, bucket)


def _of_role(foreign: Foreign, bucket: Bucket) -> BucketFailed:
    if foreign.status is not None and (foreign.status >= 500 or foreign.code in _PASSING):
        return _answered(foreign, bucket)
    if foreign.code in {"InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"}:
        cause, advice, _ = _CODES[foreign.code]
        return BucketFailed(cause, advice)
    return BucketFailed(
        "the role may not be assumed", 'correct the "Role ARN", or let the role trust the key that is entered'
    )


def _answered(foreign: Foreign, bucket: Bucket) -> BucketFailed:
    status = foreign.status or 0
    is_passing = status >= 500 or status in {408, 429} or foreign.code in _PASSING
    what = f"HTTP {status}, {foreign.code}" if foreign.code else f"HTTP {status}"
    if bucket.endpoint is not None and not foreign.code:
        return BucketFailed(
            f"what answers at {bucket.endpoint.host} is no S3, or not well ({what})",
            'correct the "S3 endpoint", or look whether the storage is well',
            is_passing=is_passing,
        )
    return BucketFailed(
        f"the storage answered with an error ({what})", "look whether the storage is well", is_passing=is_passing
    )


def _without_response(foreign: Foreign, bucket: Bucket) -> BucketFailed:
    field = "S3 endpoint" if bucket.endpoint is not None else "S3 bucket region"
    host = bucket.endpoint.host if bucket.endpoint is not None else "Amazon S3"
    if foreign.name in _UNREACHABLE:
        return BucketFailed(f"{host} cannot be reached", f'correct the "{field}" or the network', is_passing=True)
    if foreign.name == "ProxyConnectionError":
        return BucketFailed(
            "the proxy of the connector's environment cannot be reached", "correct its address", is_passing=True
        )
    if foreign.name == "SSLError":
        return BucketFailed(
            f"the certificate of {host} cannot be verified",
            f'correct the "{field}", or let the connector know who signed it (REQUESTS_CA_BUNDLE)',
        )
    if foreign.name == NOT_S3:
        return BucketFailed(f"what answers at {host} is not S3", f'correct the "{field}"')
    if foreign.name in _NO_KEY:
        return BucketFailed(
            "there is no key for it", 'enter "Access key ID" and "Secret access key", or give the connector a role'
        )
    second = "S3 bucket name" if bucket.endpoint is not None else "S3 bucket region"
    first = "S3 endpoint" if bucket.endpoint is not None else "S3 bucket name"
    return BucketFailed(f"the request could not be made ({foreign.name})", f'correct the "{first}", or the "{second}"')


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where rejected rows go, and who writes there: a key, a role, or (neither) whatever this machine is known as.

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
    """The bucket, or None where rejected rows are only counted; raises `ConfigProblem`."""
    storage = config.get("object_storage_config") or {}
    if storage.get("storage_type") != "S3":
        return None
    key_id, secret = _text(storage, "access_key_id"), _text(storage, "secret_access_key")
    if bool(key_id) != bool(secret):
        missing, there = ("Secret access key", "Access key ID") if key_id else ("Access key ID", "Secret access key")
        raise ConfigProblem(
            f'"Storage of rejected rows" has the "{there}" and no "{missing}": enter both, or leave both empty where '
            "the connector runs in AWS with a role that may write to the bucket."
        )
    return Bucket(
        name=_text(storage, "s3_bucket_name") or "",
        region=_text(storage, "s3_bucket_region") or "",
        # The platform's link takes the slashes off the end.
        path=(_text(storage, "bucket_path") or "").strip("/"),
        access_key_id=key_id,
        secret_access_key=secret,
        role_arn=_text(storage, "role_arn"),
        endpoint=_endpoint(_text(storage, "s3_endpoint")),
    )


def _endpoint(entered: str | None) -> Address | None:
    if entered is None:
        return None
    try:
        address = Address(entered.rstrip("/"), 10.0, 60.0, "")
        if _is_plain(entered):
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


def _is_plain(address: str) -> bool:
    """Whether it is no more than an address: no key, query or fragment, and no blank within."""
    parts = urlsplit(address)
    return "@" not in parts.netloc and not parts.query and not parts.fragment and len(address.split()) == 1


def _text(values: Mapping[str, Any], name: str) -> str | None:
    return str(values.get(name) or "").strip() or None


# What would begin another folder, or cannot stand in a name.
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
        """The names of an attempt that begins; where nobody knows the number of its job, its time is the number."""
        return cls(path, sync_id or str(int(started.timestamp() * 1000)), started, uuid.uuid4().hex[:8])

    def rows(self, stream: StreamKey, part: int) -> str:
        """The file of so many rejected rows; `part` is a number that no other file of the attempt has."""
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
    """The name of a stream or namespace as a folder: as it is, if it can be one."""
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


def probe_bucket(bucket: Bucket, opened: Callable[[Bucket], Objects], clock: Clock) -> str:
    """What was found; raises `ConfigProblem` where the bucket cannot be written."""
    name = ObjectNames.of_attempt(bucket.path, None, clock.now()).probe()
    try:
        objects = opened(bucket)
        _put_patiently(objects, name, clock)
    except BucketFailed as failed:
        cause, advice = failed.cause, failed.advice
    else:
        return f'Rejected rows go to the bucket "{bucket.name}"{_left(objects, name)}.'
    raise ConfigProblem(
        f'The bucket "{bucket.name}" under "Storage of rejected rows" cannot be written, because {cause}: {advice}.'
    )


def _put_patiently(objects: Objects, name: str, clock: Clock) -> None:
    # Somebody waits for the result: one more try is enough.
    try:
        objects.put(name, b"")
    except BucketFailed as failed:
        if not failed.is_passing:
            raise
        clock.sleep(clock.random())
        objects.put(name, b"")


def _left(objects: Objects, name: str) -> str:
    """What to say of a key that may write and not delete, which is enough for a sync."""
    try:
        objects.remove(name)
    except BucketFailed as failed:
        logger.warning('The file "%s" could not be removed, because %s: remove it by hand.', name, failed.cause)
        return f', where the file "{name}" of this test stays, because {failed.cause}'
    return ""
