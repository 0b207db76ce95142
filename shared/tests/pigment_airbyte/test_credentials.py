"""The keys of a configuration, or a sentence that says which field holds no key and why."""

from __future__ import annotations

from typing import Any

import pytest

from pigment_airbyte.credentials import keys_from_config
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import KeyMissing
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


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("3jp2e232-9875-42f4-9fcf-63fe2ce568jp", "old format with dashes"),
        ('"pgmt_secret"', "in quotes"),
        ("\u201cpgmt_secret\u201d", "in quotes"),
        (" 'pgmt_secret", "in quotes"),
        ("Bearer pgmt_secret", '"Bearer"'),
        ("pgmt_sec ret", "space"),
        ("pgmt_sec\nret", "line break"),
        ("pgmt_sec\u2026", "keys never have"),
        ("**********", "dots or stars"),
        ("\u2022\u2022\u2022\u2022", "dots or stars"),
    ],
)
def test_what_cannot_be_a_key_is_named_by_its_field_and_not_quoted(key: str, words: str) -> None:
    for credentials, field in (
        ({"auth_type": "single_key", "api_key": key}, '"API key"'),
        ({"auth_type": "separate_keys", "export_api_key": "pgmt_e", "metadata_api_key": key}, '"Metadata key"'),
    ):
        with pytest.raises(ConfigProblem) as caught:
            keys_from_config(credentials)
        assert words in str(caught.value)
        assert field in str(caught.value)
        assert "secret" not in str(caught.value)
