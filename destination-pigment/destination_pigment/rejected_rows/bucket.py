"""The bucket for rejected rows: its settings, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import AddressUnusable, PlainHttp
from pigment_client.http.address import Address


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
        # The platform's link drops the slashes at the end.
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
    """Whether it is only an address: no key, query or fragment, and no blank inside."""
    parts = urlsplit(address)
    return "@" not in parts.netloc and not parts.query and not parts.fragment and len(address.split()) == 1


def _text(values: Mapping[str, Any], name: str) -> str | None:
    return str(values.get(name) or "").strip() or None


class BucketFailed(Exception):
    """The bucket was not written; `cause` is a clause, `advice` one thing to do, `is_passing` whether it may pass.

    A `sentence` is the whole text for the user, if there is more to say.
    """

    def __init__(self, cause: str, advice: str, *, is_passing: bool = False, sentence: str = "") -> None:
        super().__init__(sentence or f"{cause}: {advice}.")
        self.cause = cause
        self.advice = advice
        self.is_passing = is_passing


_WRONG_REGION = 'correct the "S3 bucket region"'
_WRONG_KEY = 'correct the "Access key ID" and the "Secret access key"'
_WRONG_ROLE = 'correct the "Role ARN", or let the role trust the key that is entered'
_CHECK_STORAGE = "check whether the storage works"

# What helps, and the codes that say so; none of them passes without help.
_ADVICE_FOR: dict[str, tuple[str, ...]] = {
    _WRONG_KEY: ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"),
    'allow it "s3:PutObject" and "s3:DeleteObject" under that path': ("AccessDenied", "AllAccessDisabled"),
    'correct the "S3 bucket name"': ("NoSuchBucket", "InvalidBucketName"),
    _WRONG_REGION: (
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    ),
    'correct the "Path in the bucket"': ("KeyTooLongError", "InvalidArgument"),
    "free some space in it": (
        "QuotaExceeded",
        "InsufficientStorage",
        "XMinioStorageFull",
        "XMinioAdminBucketQuotaExceeded",
    ),
    "set the clock of the connector's machine": ("RequestTimeTooSkewed",),
}
_ADVICE = {code: advice for advice, codes in _ADVICE_FOR.items() for code in codes}
# What a status means where the code is missing or not among those above.
_CODE_OF_STATUS = {301: "PermanentRedirect", 403: "AccessDenied", 404: "NoSuchBucket", 507: "InsufficientStorage"}

_PASSING = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}

# With these statuses, S3 always sends a code.
_ALWAYS_WITH_CODE = {301, 302, 307, 308, 400, 404, 405}

_REGION = re.compile(r"[a-z0-9-]{1,64}")


def failure_of_response(
    bucket: Bucket, operation: str, code: str, status: int | None, region: str | None = None
) -> BucketFailed:
    """What an error response means, whose `code` is one word of S3; `region` is the bucket's own, if it names it."""
    # Where the library found no code, it gives the status as one.
    code = code if code.isalnum() and not code.isdigit() and len(code) <= 60 else ""
    answer = code or f"HTTP {status}"
    is_server_error = status is not None and status >= 500
    if operation == "AssumeRole":
        cause = f"AWS rejected AssumeRole ({answer})"
        if is_server_error or (status is not None and code in _PASSING):
            return BucketFailed(cause, _CHECK_STORAGE, is_passing=True)
        return BucketFailed(cause, _WRONG_KEY if _ADVICE.get(code) == _WRONG_KEY else _WRONG_ROLE)
    if bucket.endpoint is not None and not code and status in _ALWAYS_WITH_CODE:
        return not_s3(bucket)
    cause = f"the bucket rejected {operation} ({answer})"
    if advice := _ADVICE.get(code) or _ADVICE.get(_CODE_OF_STATUS.get(status or 0, "")):
        if advice is _WRONG_REGION and region is not None and _REGION.fullmatch(region):
            advice = f"{advice} to {region}"
        return BucketFailed(cause, advice)
    if status is None:
        return failure_without_response(bucket, "ClientError")
    is_passing = is_server_error or status in {408, 429} or code in _PASSING
    if bucket.endpoint is not None and not code:
        return BucketFailed(
            f"what answers at {bucket.endpoint.host} is not S3, or does not work ({answer})",
            f'correct the "S3 endpoint", or {_CHECK_STORAGE}',
            is_passing=is_passing,
        )
    return BucketFailed(cause, _CHECK_STORAGE, is_passing=is_passing)


_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ReadTimeoutError",
    "ConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
}
_NO_KEY = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"}


def failure_without_response(bucket: Bucket, exception: str) -> BucketFailed:
    """What it means that botocore raised an exception of this name, and there is no response."""
    host, field = _address(bucket)
    if exception in _UNREACHABLE:
        return BucketFailed(f"{host} cannot be reached", f'correct the "{field}" or the network', is_passing=True)
    if exception == "ProxyConnectionError":
        return BucketFailed(
            "the proxy of the connector's environment cannot be reached", "correct its address", is_passing=True
        )
    if exception == "SSLError":
        return BucketFailed(
            f"the certificate of {host} cannot be verified",
            f'correct the "{field}", or let the connector know who signed it (REQUESTS_CA_BUNDLE)',
        )
    if exception == "ResponseParserError":
        return not_s3(bucket)
    if exception in _NO_KEY:
        return BucketFailed(
            "there is no key for it", 'enter "Access key ID" and "Secret access key", or give the connector a role'
        )
    fields = ("S3 bucket name", field) if bucket.endpoint is None else (field, "S3 bucket name")
    return BucketFailed(
        f"the request could not be made ({exception})", f'correct the "{fields[0]}", or the "{fields[1]}"'
    )


def not_s3(bucket: Bucket) -> BucketFailed:
    """The response is none that S3 gives."""
    host, field = _address(bucket)
    return BucketFailed(f"what answers at {host} is not S3", f'correct the "{field}"')


def _address(bucket: Bucket) -> tuple[str, str]:
    """The host that is asked, and the field of the form that decides it."""
    if bucket.endpoint is not None:
        return bucket.endpoint.host, "S3 endpoint"
    return "Amazon S3", "S3 bucket region"
