"""The connection test with a bucket: what is wrong with it is one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from airbyte_platform.process import Run
from connectors import Runner
from local_bucket.front import FORBIDDEN, FULL, SLOW_DOWN, Respond
from local_bucket.server import KEY_ID, NAME, ROLE_ARN, SECRET, LocalBucket
from other_sites import html_site, site_without_such_pages
from writing import NO_AWS_ACCOUNT

NO_BUCKET = (
    'The bucket "nowhere" under "Storage of rejected rows" cannot be written, because the bucket rejected '
    'PutObject (NoSuchBucket): correct the "S3 bucket name".'
)


NO_KEY = 'because there is no key for it: enter "Access key ID" and "Secret access key", or give the connector a role.'


OTHER_SECRET = (
    'because the bucket rejected PutObject (SignatureDoesNotMatch): correct the "Access key ID" and the "Secret access '
    'key".'
)


HALF_A_KEY = (
    '"Storage of rejected rows" has the "Access key ID" and no "Secret access key": enter both, or leave both empty '
    "where the connector runs in AWS with a role that may write to the bucket."
)


IN_CLEAR = (
    'The "S3 endpoint" is not encrypted, and rejected rows would travel in clear: enter an address that begins with '
    "https://."
)


UNREACHABLE = 'because 127.0.0.1 cannot be reached: correct the "S3 endpoint"'


NO_ROLE = 'because AWS rejected AssumeRole (AccessDenied): correct the "Role ARN"'


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such bucket": ({"s3_bucket_name": "nowhere"}, NO_BUCKET),
    "unknown key": (
        {"access_key_id": "AKIAIOSFODNN7OTHERS1"},
        'PutObject (InvalidAccessKeyId): correct the "Access key ID" and the "Secret access key".',
    ),
    "wrong secret": ({"secret_access_key": "another"}, OTHER_SECRET),
    "no key": ({"access_key_id": None, "secret_access_key": None}, NO_KEY),
    "half a key": ({"secret_access_key": None}, HALF_A_KEY),
    "no server there": ({"s3_endpoint": "http://127.0.0.1:9"}, UNREACHABLE),
    "no such host": ({"s3_endpoint": "https://nowhere.invalid"}, "because nowhere.invalid cannot be reached"),
    "in clear": ({"s3_endpoint": "http://s3.example.com"}, IN_CLEAR),
    "no address": ({"s3_endpoint": "s3.example.com"}, 'The "S3 endpoint" is no address'),
    "a path in the name": ({"s3_bucket_name": "s3://rejected-rows/x"}, '"S3 bucket name"'),
    "no region": ({"s3_bucket_region": "Europe (Ireland)"}, '"S3 bucket region"'),
    "no bucket": ({"s3_bucket_name": None}, '"S3 bucket name"'),
    "another's role": ({"role_arn": f"{ROLE_ARN}s"}, NO_ROLE),
    "no role": ({"role_arn": "nonsense"}, '"Role ARN"'),
    "no key to assume it": ({"role_arn": ROLE_ARN, "access_key_id": None, "secret_access_key": None}, NO_KEY),
}


@pytest.mark.long
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_the_bucket_is_one_sentence(destination: Runner, bucket: LocalBucket, wrong: str) -> None:
    changed, words = WRONG[wrong]
    run = checked(destination, bucket, **changed)

    (found,) = run.of("CONNECTION_STATUS")
    assert found["status"] == "FAILED"
    assert words in found["message"]
    assert not bucket.objects()
    assert SECRET not in str(run.lines) + run.stderr
    assert KEY_ID not in str(run.lines) + run.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FORBIDDEN, "because the bucket rejected PutObject (AccessDenied): allow it"),
        (FULL, "because the bucket rejected PutObject (XMinioStorageFull): free some space in it"),
        (Respond(400, "AuthorizationHeaderMalformed", "us-east-2"), 'correct the "S3 bucket region" to us-east-2'),
        (Respond(301, "PermanentRedirect"), "because the bucket rejected PutObject (PermanentRedirect)"),
        (Respond(500, "<b>"), "because what answers at 127.0.0.1 is not S3, or does not work (HTTP 500)"),
    ],
    ids=str,
)
def test_what_the_storage_answers_is_explained(
    destination: Runner, bucket: LocalBucket, fault: Any, words: str
) -> None:
    bucket.faults.always = fault
    (found,) = checked(destination, bucket).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert words in found["message"]


@pytest.mark.long
@pytest.mark.parametrize("site", [html_site, site_without_such_pages])
def test_a_web_site_is_not_mistaken_for_storage(destination: Runner, bucket: LocalBucket, site: Any) -> None:
    with site() as address:
        (found,) = checked(destination, bucket, s3_endpoint=address).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert "because what answers at 127.0.0.1 is not S3" in found["message"]
    assert 'correct the "S3 endpoint"' in found["message"]


@pytest.mark.long
def test_no_redirect_is_followed(destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.always = Respond(307, "TemporaryRedirect")
    (found,) = checked(destination, bucket).of("CONNECTION_STATUS")

    assert found["status"] == "FAILED"
    assert 'correct the "S3 bucket region"' in found["message"]
    assert len(bucket.front.writes) == 1


def test_check_writes_a_file_and_removes_it(destination: Runner, bucket: LocalBucket) -> None:
    bucket.faults.queue(SLOW_DOWN)
    # What was filled in and cleared again comes as an empty text.
    (found,) = checked(destination, bucket, role_arn="").of("CONNECTION_STATUS")

    assert found == {"status": "SUCCEEDED", "message": found["message"]}
    assert f'Rejected rows go to the bucket "{NAME}".' in found["message"]
    assert len(bucket.front.writes) == 2
    assert not bucket.objects()


@pytest.mark.long
def test_a_role_is_assumed_with_the_key_of_the_form(destination: Runner, bucket: LocalBucket) -> None:
    destination.environment |= {"AWS_ASSUME_ROLE_EXTERNAL_ID": "workspace"}
    (found,) = checked(destination, bucket, role_arn=ROLE_ARN).of("CONNECTION_STATUS")

    assert found["status"] == "SUCCEEDED"
    (asked,) = bucket.front.roles_asked
    assert asked["RoleArn"] == [ROLE_ARN]
    assert asked["ExternalId"] == ["workspace"]


def checked(destination: Runner, bucket: LocalBucket, **changed: Any) -> Run:
    destination.environment |= {**NO_AWS_ACCOUNT, "AWS_ENDPOINT_URL_STS": bucket.endpoint}
    return destination.run("check", object_storage_config=bucket.config(**changed))
