"""Whatever the library raises becomes one clause, one advice, and whether it may pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.rejected_rows.store import Bucket, Foreign, failure_for
from pigment_client.http.address import Address

AMAZON = Bucket("rows", "eu-west-1", "p")
OTHER = Bucket("rows", "eu-west-1", "p", endpoint=Address("https://s3.example.com", 1.0, 1.0, ""))


@pytest.mark.parametrize(
    ("foreign", "words", "is_passing"),
    [
        (Foreign("ClientError", "AccessDenied", 403), "may not write there", False),
        (Foreign("ClientError", "AccountProblem", 403), "may not write there", False),
        (Foreign("ClientError", "404", 404), "no bucket of that name", False),
        (Foreign("ClientError", "PermanentRedirect", 301, region="eu-west-3"), "in the region eu-west-3", False),
        (Foreign("ClientError", "301", 301, region="eu west; 3"), "in another region", False),
        (Foreign("ClientError", "InternalError", 500), "(HTTP 500, InternalError)", True),
        (Foreign("ClientError", "SlowDown", 503), "(HTTP 503, SlowDown)", True),
        (Foreign("ClientError", "RequestTimeout", 400), "(HTTP 400, RequestTimeout)", True),
        (Foreign("ClientError", "MalformedXML", 400), "(HTTP 400, MalformedXML)", False),
        (Foreign("ClientError", "429", 429), "(HTTP 429)", True),
        (Foreign("ClientError", "AccessDenied", 403, "AssumeRole"), "role may not be assumed", False),
        (Foreign("ClientError", "Throttling", 400, "AssumeRole"), "(HTTP 400, Throttling)", True),
        (Foreign("ClientError", "ServiceUnavailable", 503, "AssumeRole"), "(HTTP 503, ServiceUnavailable)", True),
        (Foreign("ClientError", "InvalidClientTokenId", 403, "AssumeRole"), "does not know the access key", False),
        (Foreign("EndpointConnectionError"), "Amazon S3 cannot be reached", True),
        (Foreign("ReadTimeoutError"), "Amazon S3 cannot be reached", True),
        (Foreign("ProxyConnectionError"), "the proxy of the connector's environment cannot be reached", True),
        (Foreign("SSLError"), "the certificate of Amazon S3 cannot be verified", False),
        (Foreign("NoCredentialsError"), "there is no key for it", False),
        (Foreign("RecursionError"), "could not be made (RecursionError)", False),
    ],
)
def test_what_amazon_and_the_way_to_it_may_say(foreign: Foreign, words: str, is_passing: bool) -> None:
    failed = failure_for(foreign, AMAZON)

    assert words in failed.cause
    assert failed.is_passing is is_passing


@pytest.mark.parametrize("status", [301, 307, 400, 404, 405])
def test_an_answer_without_a_code_is_none_of_other_storage(status: int) -> None:
    failed = failure_for(Foreign("ClientError", str(status), status), OTHER)

    assert (failed.cause, failed.is_passing) == ("what answers at s3.example.com is not S3", False)
    assert failed.advice == 'correct the "S3 endpoint"'


@pytest.mark.parametrize("name", ["ValueError", "EndpointResolutionError"])
def test_what_fails_for_an_endpoint_names_it(name: str) -> None:
    assert failure_for(Foreign(name), OTHER).advice == 'correct the "S3 endpoint", or the "S3 bucket name"'
    assert "S3 endpoint" not in failure_for(Foreign(name), AMAZON).advice


@given(st.text(max_size=80), st.none() | st.integers(100, 599), st.none() | st.text(max_size=80), st.booleans())
def test_nothing_that_a_server_says_gets_into_a_sentence_but_a_word_and_a_region(
    code: str, status: int | None, region: str | None, is_amazon: bool
) -> None:
    failed = failure_for(Foreign("ClientError", code, status, region=region), AMAZON if is_amazon else OTHER)

    assert failed.cause
    assert failed.advice
    assert "\n" not in failed.cause
    if not code.isalnum():
        assert f", {code})" not in failed.cause
