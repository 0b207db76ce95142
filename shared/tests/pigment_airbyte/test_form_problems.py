"""What is wrong with a filled-in form is said in the words of the form, without its values."""

from __future__ import annotations

from typing import Any

import pytest

from pigment_airbyte.credentials import credentials_spec, key_spec
from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import check_form

ENTRY = {
    "type": "object",
    "title": "Target",
    "required": ["stream"],
    "properties": {"stream": {"type": "string", "title": "Stream"}},
}
KEYS = {"export_api_key": key_spec("Export key", "-", order=1)}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "groups": [{"id": "connection"}, {"id": "other"}],
    "required": ["credentials", "application_id"],
    "properties": {
        "credentials": credentials_spec(
            {"export_api_key": key_spec("Export key", "-", order=1)}, ["export_api_key"], order=0
        ),
        "application_id": {"type": "string", "title": "Application ID", "group": "connection", "order": 1},
        "targets": {"type": "array", "title": "Targets", "items": ENTRY, "group": "other", "order": 0},
        "rows": {"type": "integer", "title": "Rows", "minimum": 1, "group": "other", "order": 1},
        "both": {"type": "integer", "title": "Both", "minimum": 1, "maximum": 9, "group": "other", "order": 2},
        "word": {"type": "string", "title": "Word", "enum": ["a", "b", "c"], "group": "other", "order": 3},
        "mode": {"type": "string", "title": "Mode", "pattern": "^x?$", "pattern_descriptor": "x", "group": "other"},
    },
}
GOOD = {"credentials": {"auth_type": "single_key", "api_key": "pgmt_secret"}, "application_id": "secret"}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"credentials": None}, 'The field "Authentication" must be a group of fields: correct it.'),
        (
            {"credentials": {"auth_type": "secret"}},
            'The field "Authentication" is not chosen: choose "A key for each purpose" or "One key for everything".',
        ),
        (
            {"credentials": {"auth_type": "separate_keys"}},
            'The field "Export key" of "Authentication" is empty: fill it in.',
        ),
        (
            {"credentials": {"auth_type": "single_key", "api_key": 7}},
            'The field "API key" of "Authentication" must be a text: correct it.',
        ),
        ({"targets": [{"stream": "a"}, {}]}, 'The field "Stream" in entry 2 of "Targets" is empty: fill it in.'),
        ({"targets": "secret"}, 'The field "Targets" must be a list of entries: correct it.'),
        ({"targets": ["secret"]}, 'Entry 1 of "Targets" must be a group of fields: correct it.'),
        ({"rows": 0.5}, 'The field "Rows" must be a whole number: correct it.'),
        ({"rows": 0}, 'The field "Rows" must be 1 or more: correct it.'),
        ({"both": 10}, 'The field "Both" must be between 1 and 9: correct it.'),
        ({"word": "secret"}, 'The field "Word" must be a, b or c: choose one of them.'),
        ({"mode": "secret"}, 'The field "Mode" must be x: correct it.'),
        ({"word": "secret", "rows": 0}, 'The field "Rows" must be 1 or more: correct it.'),
    ],
)
def test_the_first_wrong_field_is_named(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        check_form({**GOOD, **config}, SCHEMA)

    assert str(caught.value) == sentence


def test_an_empty_form_asks_for_its_first_field() -> None:
    with pytest.raises(ConfigProblem, match='The field "Authentication" is empty'):
        check_form({}, SCHEMA)


def test_a_form_that_is_filled_in_and_what_it_does_not_know_are_taken() -> None:
    check_form({**GOOD, "mode": "", "of_a_newer_version": 1}, SCHEMA)
