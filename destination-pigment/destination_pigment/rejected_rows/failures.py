"""Why a bucket could not be written, and whose turn it is. Pure: what the library raised is given by name and code.

Codes: Amazon S3, "Error responses"; those with XMinio are MinIO's. The names of exceptions are botocore's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from destination_pigment.rejected_rows.settings import Bucket


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
