"""Which key is the wrong one, by the title of its field."""

from __future__ import annotations

import pytest

from pigment_airbyte.check import Abilities, explain_keys
from pigment_client.keys import Purpose

EXPORT, METADATA, IMPORT = (frozenset({each}) for each in (Purpose.EXPORT, Purpose.METADATA, Purpose.IMPORT))
SOURCE = {"Export key": EXPORT, "Metadata key": METADATA}
SINGLE = {"API key": EXPORT | METADATA}


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        ({"Export key": METADATA, "Metadata key": EXPORT}, SOURCE, '"Export key" and "Metadata key" are swapped'),
        ({"Export key": None, "Metadata key": METADATA}, SOURCE, 'rejected the key under "Export key"'),
        ({"Export key": EXPORT, "Metadata key": None}, SOURCE, 'rejected the key under "Metadata key"'),
        ({"Export key": EXPORT, "Metadata key": IMPORT}, SOURCE, '"Import" instead of "Modeling Metadata"'),
        ({"Export key": EXPORT, "Metadata key": frozenset()}, SOURCE, "of another purpose"),
        ({"Export key": EXPORT | METADATA, "Metadata key": IMPORT}, SOURCE, 'which the key under "Export key" has'),
        ({"API key": EXPORT}, SINGLE, 'lacks "Modeling Metadata": create a key with all these'),
        ({"API key": IMPORT}, SINGLE, 'lacks "Export" and "Modeling Metadata"'),
        ({"API key": None}, SINGLE, 'rejected the key under "API key"'),
    ],
)
def test_the_wrong_key_is_named(found: dict[str, Abilities], wanted: dict[str, frozenset[Purpose]], words: str) -> None:
    sentence = explain_keys(found, wanted)

    assert sentence is not None
    assert words in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"Export key": EXPORT, "Metadata key": METADATA}, SOURCE),
        ({"API key": EXPORT | METADATA}, SINGLE),
        ({"Import key": IMPORT, "Export key": None}, {"Import key": IMPORT, "Export key": frozenset[Purpose]()}),
    ],
)
def test_keys_that_can_do_what_they_must_are_not_blamed(
    found: dict[str, Abilities], wanted: dict[str, frozenset[Purpose]]
) -> None:
    assert explain_keys(found, wanted) is None
