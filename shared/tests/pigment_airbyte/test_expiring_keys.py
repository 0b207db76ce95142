"""Keys that expire soon are named by their field, each once, and never quoted."""

from __future__ import annotations

from datetime import date

import pytest

from pigment_airbyte.expiring_keys import say_expiring
from pigment_client.keys import Purpose

FIRST, SECOND = date(2026, 12, 1), date(2026, 12, 2)
SEPARATE = {"credentials": {"auth_type": "separate_keys", "export_api_key": "pgmt_secret"}}
SINGLE = {"credentials": {"auth_type": "single_key", "api_key": "pgmt_secret"}}


def test_each_key_is_named_by_its_field() -> None:
    behind = "create a new key in Pigment, under Workspace settings > API keys, and enter it before."
    assert say_expiring({Purpose.METADATA: SECOND, Purpose.EXPORT: FIRST}, SEPARATE) == [
        f'The key under "{field}" expires on {day}, and nothing works with it from that day on: {behind}'
        for field, day in (("Export key", "2026-12-01"), ("Metadata key", "2026-12-02"))
    ]


def test_one_key_for_everything_is_named_once() -> None:
    (said,) = say_expiring({Purpose.METADATA: FIRST, Purpose.EXPORT: FIRST}, SINGLE)
    assert said.startswith('The key under "API key" expires on 2026-12-01')
    assert "pgmt_" not in said


@pytest.mark.parametrize("config", [SEPARATE, SINGLE, {}])
def test_nothing_is_said_of_others(config: dict[str, object]) -> None:
    assert say_expiring({}, config) == []
