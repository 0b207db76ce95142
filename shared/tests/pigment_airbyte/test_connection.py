"""The address in a configuration becomes that of a client, or a sentence that says what is wrong."""

from __future__ import annotations

import logging

import pytest

from pigment_airbyte.command_line import log_connector
from pigment_airbyte.connection import client_from_config, client_options
from pigment_airbyte.failures import ConfigProblem, explain
from pigment_client.errors import AddressUnusable, PlainHttp

SINGLE = {"auth_type": "single_key", "api_key": " pgmt_one "}


@pytest.mark.parametrize(
    "base_url",
    [
        "pigment.app",
        "ftp://pigment.app",
        "https://",
        "https://name:word@pigment.app",
        "https://pigment.app:port",
        "https://[::1",
    ],
)
def test_a_base_url_that_is_no_address_is_rejected(base_url: str) -> None:
    with pytest.raises((ConfigProblem, AddressUnusable)) as caught:
        client_from_config({"credentials": SINGLE, "base_url": base_url})

    message = explain(caught.value).message
    assert '"Base URL"' in message
    assert "word" not in message.replace("password", "")


def test_no_retries_means_none() -> None:
    client = client_from_config({"credentials": SINGLE, "max_retries": 0})

    assert client.read_retry.retries == 0


@pytest.mark.parametrize(
    "base_url",
    [
        "https://pigment.app/application/33d0d7d0-6125-47c4-b36a-882f4ed53b33",
        "https://pigment.app/app/33d0d7d0-6125-47c4-b36a-882f4ed53b33/home",
        "https://pigment.app/api/v1",
        "https://pigment.app/w/acme",
        "https://pigment.app?viewId=1",
    ],
)
def test_the_address_of_a_page_is_no_base_url(base_url: str) -> None:
    with pytest.raises(ConfigProblem, match='The "Base URL" contains more than the host'):
        client_from_config({"credentials": SINGLE, "base_url": base_url})


@pytest.mark.parametrize("base_url", ["http://pigment.app", "http://10.0.0.7:8080", "http://localhost.example.com"])
def test_a_key_does_not_travel_in_clear(base_url: str) -> None:
    with pytest.raises(PlainHttp) as caught:
        client_from_config({"credentials": SINGLE, "base_url": base_url})

    assert "unprotected" in explain(caught.value).message


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "https://pigment.app/",
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "https://gate.example/pigment",
    ],
)
def test_an_address_that_can_be_pigment_s_is_taken(base_url: str) -> None:
    client_from_config({"credentials": SINGLE, "base_url": base_url})


@pytest.mark.parametrize("base_url", ["pgmt_secret", "https://PGMT_secret", "https://pigment.app/pgmt_secret"])
def test_a_key_that_was_pasted_as_the_address_is_never_repeated(
    base_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"base_url": base_url}
    with pytest.raises(ConfigProblem, match='"Base URL" contains a key: enter an address') as caught:
        client_options(config)
    with caplog.at_level("INFO"):
        log_connector(logging.getLogger("airbyte"), "source-pigment", config)
    assert "secret" not in str(caught.value) + caplog.text
