"""The bucket of the form, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import AddressUnusable, PlainHttp
from pigment_client.http.address import Address


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
