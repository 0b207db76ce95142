"""An error of the bucket becomes one clause, one advice, and whether it may pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.rejected_rows.s3 import failure_of_response, failure_without_response
from destination_pigment.rejected_rows.store import Bucket
from pigment_client.http.address import Address

AMAZON = Bucket("rows", "eu-west-1", "p")
OTHER = Bucket("rows", "eu-west-1", "p", endpoint=Address("https://s3.example.com"))
ALLOW = 'allow it "s3:PutObject" and "s3:DeleteObject" under that path'
KEY = 'correct the "Access key ID" and the "Secret access key"'
STORAGE = "check whether the storage works"


@pytest.mark.parametrize(
    ("code", "status", "answer", "advice"),
    [
        ("AccessDenied", 403, "AccessDenied", ALLOW),
        ("AccountProblem", 403, "AccountProblem", ALLOW),
        ("SignatureDoesNotMatch", 403, "SignatureDoesNotMatch", KEY),
        ("404", 404, "HTTP 404", 'correct the "S3 bucket name"'),
        ("KeyTooLongError", 400, "KeyTooLongError", 'correct the "Path in the bucket"'),
        ("XMinioStorageFull", 507, "XMinioStorageFull", "free some space in it"),
        ("RequestTimeTooSkewed", 403, "RequestTimeTooSkewed", "set the clock of the connector's machine"),
        ("MalformedXML", 400, "MalformedXML", STORAGE),
    ],
)
def test_what_does_not_pass_is_given_with_its_operation_and_code(
    code: str, status: int, answer: str, advice: str
) -> None:
    failed = failure_of_response(AMAZON, "PutObject", code, status)

    assert (failed.cause, failed.advice) == (f"the bucket rejected PutObject ({answer})", advice)
    assert not failed.is_passing


@pytest.mark.parametrize(
    ("code", "status"), [("InternalError", 500), ("SlowDown", 503), ("RequestTimeout", 400), ("429", 429)]
)
def test_what_may_pass_is_given_as_passing(code: str, status: int) -> None:
    failed = failure_of_response(AMAZON, "PutObject", code, status)

    assert failed.advice == STORAGE
    assert failed.is_passing


@pytest.mark.parametrize(
    ("region", "advice"),
    [
        ("eu-west-3", 'correct the "S3 bucket region" to eu-west-3'),
        ("eu west; 3", 'correct the "S3 bucket region"'),
        (None, 'correct the "S3 bucket region"'),
    ],
)
def test_another_region_is_named_if_the_server_names_one(region: str | None, advice: str) -> None:
    for code in ("PermanentRedirect", "301"):
        failed = failure_of_response(AMAZON, "PutObject", code, 301, region)
        assert (failed.advice, failed.is_passing) == (advice, False)


@pytest.mark.parametrize(
    ("code", "status", "advice", "is_passing"),
    [
        (
            "AccessDenied",
            403,
            'correct the "Role ARN", or let the role trust the key that is entered',
            False,
        ),
        ("InvalidClientTokenId", 403, KEY, False),
        ("Throttling", 400, STORAGE, True),
        ("ServiceUnavailable", 503, STORAGE, True),
    ],
)
def test_a_role_that_is_not_assumed_is_distinguished_from_a_bucket(
    code: str, status: int, advice: str, is_passing: bool
) -> None:
    failed = failure_of_response(AMAZON, "AssumeRole", code, status)

    assert (failed.cause, failed.advice) == (f"AWS rejected AssumeRole ({code})", advice)
    assert failed.is_passing is is_passing


@pytest.mark.parametrize(
    ("exception", "cause", "is_passing"),
    [
        ("EndpointConnectionError", "Amazon S3 cannot be reached", True),
        ("ReadTimeoutError", "Amazon S3 cannot be reached", True),
        ("ProxyConnectionError", "the proxy of the connector's environment cannot be reached", True),
        ("SSLError", "the certificate of Amazon S3 cannot be verified", False),
        ("NoCredentialsError", "there is no key for it", False),
        ("RecursionError", "the request could not be made (RecursionError)", False),
    ],
)
def test_what_fails_without_a_response_is_given_by_its_exception(exception: str, cause: str, is_passing: bool) -> None:
    failed = failure_without_response(AMAZON, exception)

    assert (failed.cause, failed.is_passing) == (cause, is_passing)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 405])
def test_a_response_without_a_code_is_none_of_other_storage(status: int) -> None:
    failed = failure_of_response(OTHER, "PutObject", str(status), status)

    assert (failed.cause, failed.is_passing) == ("what answers at s3.example.com is not S3", False)
    assert failed.advice == 'correct the "S3 endpoint"'


@pytest.mark.parametrize("name", ["ValueError", "EndpointResolutionError"])
def test_what_fails_for_an_endpoint_names_it(name: str) -> None:
    assert failure_without_response(OTHER, name).advice == 'correct the "S3 endpoint", or the "S3 bucket name"'
    assert "S3 endpoint" not in failure_without_response(AMAZON, name).advice


@given(st.text(max_size=80), st.none() | st.integers(100, 599), st.none() | st.text(max_size=80), st.booleans())
def test_nothing_that_a_server_says_gets_into_a_sentence_but_a_word_and_a_region(
    code: str, status: int | None, region: str | None, is_amazon: bool
) -> None:
    failed = failure_of_response(AMAZON if is_amazon else OTHER, "PutObject", code, status, region)

    assert failed.cause
    assert failed.advice
    assert "\n" not in str(failed)
    if not code.isalnum():
        assert f"({code})" not in failed.cause
