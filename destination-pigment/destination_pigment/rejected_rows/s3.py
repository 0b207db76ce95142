"""S3 through botocore: this module is loaded only for a configured bucket, because botocore takes long to load.

botocore assumes roles, finds the machine's own, uses the environment's proxies and certificates, and gives errors as
codes. Retries are not left to it: `store` does them, and stops when the platform cancels.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, DeferredRefreshableCredentials
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.session import Session

from destination_pigment.rejected_rows.store import Bucket, BucketFailed

_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 60.0

# The external ID that Airbyte Cloud's connectors present to a role of the user (airbyte: source-s3, destination-s3).
_EXTERNAL_ID = "AWS_ASSUME_ROLE_EXTERNAL_ID"


class S3Objects:
    """The objects of a bucket; may be shared by threads."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        # At debug level, botocore would log headers and bodies; and failures are reported here, in one sentence.
        logging.getLogger("botocore").setLevel(logging.CRITICAL)
        self._client = _translating(bucket, lambda: _client(bucket))

    def put(self, name: str, content: bytes) -> None:
        """Write an object; writing the same again is harmless. Raises `BucketFailed`."""
        written = _translating(
            self._bucket,
            lambda: self._client.put_object(
                Bucket=self._bucket.name, Key=name, Body=content, ContentType="text/csv; charset=utf-8"
            ),
        )
        if not written.get("ETag"):
            # Some web servers answer 200 to any request; a stored object has a tag (Amazon S3, PutObject).
            raise not_s3(self._bucket)

    def remove(self, name: str) -> None:
        """Remove an object; raises `BucketFailed`."""
        _translating(self._bucket, lambda: self._client.delete_object(Bucket=self._bucket.name, Key=name))


def _client(bucket: Bucket) -> Any:
    session = Session()
    if bucket.role_arn is not None:
        provider = _RoleProvider(session, bucket)
        session.get_component("credential_provider").insert_before("env", provider)
        keys = {}
    else:
        keys = _keys(bucket)
    endpoint = bucket.endpoint
    client = session.create_client(
        "s3",
        region_name=bucket.region,
        endpoint_url=endpoint.base_url if endpoint is not None else None,
        config=_config(
            # Other storage has one certificate for one host, and may not know newer checksums.
            s3={"addressing_style": "auto" if endpoint is None else "path"},
            # Requests to this machine itself use no proxy.
            **({"proxies": {}} if endpoint is not None and endpoint.is_local else {}),
        ),
        **keys,
    )
    client.meta.events.register("before-call.s3", _follow_no_redirect)
    return client


def _follow_no_redirect(context: dict[str, Any], **_: Any) -> None:
    """Follow no redirect: the user must correct the region, and botocore follows a loop of redirects without end."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _config(**more: Any) -> Config:
    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_IDLE_SECONDS,
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **more,
    )


def _keys(bucket: Bucket) -> dict[str, str]:
    if bucket.access_key_id is None or bucket.secret_access_key is None:
        return {}
    return {"aws_access_key_id": bucket.access_key_id, "aws_secret_access_key": bucket.secret_access_key}


class _RoleProvider(CredentialProvider):  # type: ignore[misc] # botocore has no types
    """Assumes the role of the form, with its key or the machine's own identity; renewed before it expires."""

    METHOD = "role-of-the-form"

    def __init__(self, session: Any, bucket: Bucket) -> None:
        super().__init__(session)
        self._bucket = bucket

    def load(self) -> Any:
        session_of_role = {"RoleSessionName": "destination-pigment"}
        if external_id := os.environ.get(_EXTERNAL_ID):
            session_of_role["ExternalId"] = external_id
        source = Session()
        if keys := _keys(self._bucket):
            source.set_credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        elif source.get_credentials() is None:
            raise NoCredentialsError

        def create(service: str, **given: Any) -> Any:
            return source.create_client(service, **given, region_name=self._bucket.region, config=_config())

        fetcher = AssumeRoleCredentialFetcher(
            create, source.get_credentials(), self._bucket.role_arn, extra_args=session_of_role
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)


def _translating(bucket: Bucket, do: Callable[[], Any]) -> Any:
    """The result of `do`; raises `BucketFailed` without the library's text, which may quote what was sent."""
    try:
        return do()
    except ClientError as error:
        response = error.response
        described, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
        region = described.get("Region") or meta.get("HTTPHeaders", {}).get("x-amz-bucket-region")
        code = str(described.get("Code", ""))
        failure = failure_of_response(bucket, error.operation_name, code, meta.get("HTTPStatusCode"), region)
    except Exception as error:  # noqa: BLE001 - the text of any error of the library may quote what was sent
        failure = failure_without_response(bucket, type(error).__name__)
    raise failure


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
    """The response is not one that S3 gives."""
    host, field = _address(bucket)
    return BucketFailed(f"what answers at {host} is not S3", f'correct the "{field}"')


def _address(bucket: Bucket) -> tuple[str, str]:
    """The host that is asked, and the field of the form that decides it."""
    if bucket.endpoint is not None:
        return bucket.endpoint.host, "S3 endpoint"
    return "Amazon S3", "S3 bucket region"
