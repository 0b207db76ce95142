"""The connection part of a configuration becomes keys and a client, or a sentence that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pigment_airbyte.connection import client_from_config, keys_from_config
from pigment_airbyte.failures import ConfigProblem, explain
from pigment_client.errors import KeyFormatOutdated, KeyMissing
from pigment_client.keys import Purpose

SINGLE = {"auth_type": "single_key", "api_key": " pgmt_one "}


def test_one_key_serves_every_purpose() -> None:
    keys = keys_from_config(SINGLE)

    assert {keys.key_for(purpose) for purpose in Purpose} == {"pgmt_one"}


def test_separate_keys_serve_their_own_purpose_only() -> None:
    keys = keys_from_config(
        {"auth_type": "separate_keys", "export_api_key": "pgmt_e", "metadata_api_key": "pgmt_m", "import_api_key": ""}
    )

    assert keys.key_for(Purpose.EXPORT) == "pgmt_e"
    assert keys.key_for(Purpose.METADATA) == "pgmt_m"
    assert not keys.has(Purpose.IMPORT)
    with pytest.raises(KeyMissing):
        keys.key_for(Purpose.IMPORT)


def test_a_key_is_not_shown_when_its_holder_is_printed() -> None:
    assert "pgmt" not in repr(keys_from_config(SINGLE))


@pytest.mark.parametrize("credentials", [{}, {"auth_type": "single_key"}, {"auth_type": "separate_keys"}])
def test_missing_keys_are_asked_for(credentials: dict[str, Any]) -> None:
    with pytest.raises(ConfigProblem, match="Authentication"):
        keys_from_config(credentials)


def test_a_dashed_key_is_refused_with_advice() -> None:
    with pytest.raises(KeyFormatOutdated) as caught:
        keys_from_config({"auth_type": "single_key", "api_key": "3jp2e232-9875-42f4-9fcf-63fe2ce568jp"})

    assert "create a new key" in explain(caught.value).message


@pytest.mark.parametrize("base_url", ["pigment.app", "ftp://pigment.app", "https://", "https://name:word@pigment.app"])
def test_a_base_url_that_is_no_address_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        client_from_config({"credentials": SINGLE, "base_url": base_url}, default_max_retries=3)

    assert "word" not in str(caught.value).replace("password", "")


def test_no_retries_means_none() -> None:
    client = client_from_config({"credentials": SINGLE, "max_retries": 0}, default_max_retries=3)

    assert client.read_retry.retries == 0
