"""The keys of a configuration, or a sentence that says which field contains no key and why."""

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
    assert Purpose.IMPORT not in keys.by_purpose
    with pytest.raises(KeyMissing):
        keys.key_for(Purpose.IMPORT)


def test_a_key_is_not_shown_when_its_holder_is_printed() -> None:
    assert "pgmt" not in repr(keys_from_config(SINGLE))


@pytest.mark.parametrize("credentials", [{}, {"auth_type": "single_key"}, {"auth_type": "separate_keys"}])
def test_missing_keys_are_asked_for(credentials: dict[str, Any]) -> None:
    with pytest.raises(ConfigProblem, match="Authentication"):
        keys_from_config(credentials)


COPY = "copy the key itself in Pigment, under Workspace settings > API keys"
CREATE = "create a new key in Pigment, under Workspace settings > API keys"
SPACE = "contains a space or a line break: copy it again, alone and in one piece"
DOTS = f"is only the dots or stars that stand for a hidden key: {COPY}"
QUOTES = "is in quotes: remove the quotes around it"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (
            "3jp2e232-9875-42f4-9fcf-63fe2ce568jp",
            f"has the old format with dashes, which Pigment no longer accepts: {CREATE}",
        ),
        ('"pgmt_secret"', QUOTES),
        ("\u201cpgmt_secret\u201d", QUOTES),
        (" 'pgmt_secret", QUOTES),
        ("Bearer pgmt_secret", 'begins with the word "Bearer": enter only the key'),
        ("pgmt_sec ret", SPACE),
        ("pgmt_sec\nret", SPACE),
        ("pgmt_sec\u2026", "contains a character that keys never have: copy it again, or create a new one"),
        ("**********", DOTS),
        ("\u2022\u2022\u2022\u2022", DOTS),
    ],
)
def test_what_cannot_be_a_key_is_named_by_its_field_and_not_quoted(key: str, problem: str) -> None:
    for credentials, field in (
        ({"auth_type": "single_key", "api_key": key}, '"API key"'),
        ({"auth_type": "separate_keys", "export_api_key": "pgmt_e", "metadata_api_key": key}, '"Metadata key"'),
    ):
        with pytest.raises(ConfigProblem) as caught:
            keys_from_config(credentials)
        assert str(caught.value) == f"The key under {field} {problem}."
