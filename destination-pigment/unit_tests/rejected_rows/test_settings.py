"""What the form says of the bucket."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.rejected_rows.store import parse_bucket
from pigment_airbyte.failures import ConfigProblem

S3 = {"storage_type": "S3", "s3_bucket_name": " rows ", "s3_bucket_region": "eu-west-1", "bucket_path": ""}


@pytest.mark.parametrize(
    "storage", [None, {}, {"storage_type": "None"}, {"storage_type": "None", "s3_bucket_name": "x"}]
)
def test_without_storage_there_is_no_bucket(storage: Any) -> None:
    assert parse_bucket({"object_storage_config": storage}) is None


@pytest.mark.parametrize(
    ("path", "kept"), [("", ""), ("/", ""), ("a", "a"), ("a/b/", "a/b"), ("/a//", "a"), (" a ", "a"), (None, "")]
)
def test_the_path_has_no_slash_around_it(path: str | None, kept: str) -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "bucket_path": path}})

    assert bucket is not None
    assert (bucket.name, bucket.path) == ("rows", kept)


def test_keys_are_in_no_text_of_it() -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "access_key_id": "AKIA1", "secret_access_key": "hidden"}})

    assert bucket is not None
    assert (bucket.access_key_id, bucket.secret_access_key) == ("AKIA1", "hidden")
    assert "AKIA1" not in repr(bucket)
    assert "hidden" not in repr(bucket)


@pytest.mark.parametrize("given", ["access_key_id", "secret_access_key"])
def test_half_a_key_is_none(given: str) -> None:
    with pytest.raises(ConfigProblem, match="enter both, or leave both empty"):
        parse_bucket({"object_storage_config": {**S3, given: "x", "role_arn": "arn:aws:iam::123456789012:role/r"}})


@pytest.mark.parametrize("endpoint", ["https://s3.example.com", "https://s3.example.com/", "http://localhost:9000"])
def test_an_endpoint_is_an_address(endpoint: str) -> None:
    bucket = parse_bucket({"object_storage_config": {**S3, "s3_endpoint": endpoint}})

    assert bucket is not None
    assert bucket.endpoint is not None
    assert bucket.endpoint.base_url == endpoint.rstrip("/")


@pytest.mark.parametrize(
    "endpoint",
    [
        "s3.example.com",
        "ftp://s3.example.com",
        "https://",
        "http://s3.example.com",
        "x",
        "https://key:secret@s3.example.com",
        "https://key@s3.example.com",
        "https://s3.example.com?region=x",
        "https://s3.example.com/#x",
        "https://s3 .example.com",
        "https://s3.exam\nple.com",
    ],
)
def test_any_other_endpoint_is_a_config_problem(endpoint: str) -> None:
    with pytest.raises(ConfigProblem, match='"S3 endpoint"'):
        parse_bucket({"object_storage_config": {**S3, "s3_endpoint": endpoint}})
