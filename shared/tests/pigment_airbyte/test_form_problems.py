"""What is wrong with a filled-in form is said in the words of the form, without its values."""

from __future__ import annotations

from typing import Any

import pytest

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import check_form, load_spec

SCHEMA = load_spec("destination_pigment").connectionSpecification
GOOD = {"credentials": {"auth_type": "single_key", "api_key": "pgmt_secret"}, "application_id": "secret"}
ENTRY = {"stream": "a", "import_configuration_id": "b"}


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
            'The field "Import key" of "Authentication" is empty: fill it in.',
        ),
        (
            {"credentials": {"auth_type": "single_key", "api_key": 7}},
            'The field "API key" of "Authentication" must be a text: correct it.',
        ),
        ({"targets": [ENTRY, {}]}, 'The field "Stream" in entry 2 of "Targets" is empty: fill it in.'),
        ({"targets": "secret"}, 'The field "Targets" must be a list of entries: correct it.'),
        ({"targets": ["secret"]}, 'Entry 1 of "Targets" must be a group of fields: correct it.'),
        (
            {"targets": [{**ENTRY, "minimum_rows": -1}]},
            'The field "Fewest rows" in entry 1 of "Targets" must be 0 or more: correct it.',
        ),
        ({"max_file_rows": 0.5}, 'The field "Most rows in a file" must be a whole number: correct it.'),
        ({"max_retries": 21}, 'The field "Retries" must be between 0 and 20: correct it.'),
        (
            {"csv": {"encoding": "secret"}},
            'The field "Encoding" of "CSV format" must be utf-8 or utf-8-bom: choose one of them.',
        ),
        ({"import_mode": "secret"}, 'The field "Import mode" must be create, update or upsert: correct it.'),
        ({"rejected_rows": "secret", "max_retries": -1}, 'The field "Retries" must be between 0 and 20: correct it.'),
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
    check_form({**GOOD, "import_mode": "", "of_a_newer_version": 1}, SCHEMA)
