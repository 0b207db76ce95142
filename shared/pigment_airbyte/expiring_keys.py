"""Keys that expire soon, by the fields of the form in which they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pigment_airbyte.credentials import KEY_FIELDS, SINGLE_KEY_FIELD, WHERE_MADE
from pigment_client.keys import Purpose


def say_expiring(expiring: Mapping[Purpose, date], config: Mapping[str, Any]) -> list[str]:
    """A sentence for each key that expires soon, in the form's order; never the key."""
    if (config.get("credentials") or {}).get("auth_type") == "single_key":
        fields = {SINGLE_KEY_FIELD: min(expiring.values())} if expiring else {}
    else:
        fields = {KEY_FIELDS[each]: expiring[each] for each in KEY_FIELDS if each in expiring}
    return [
        f'The key under "{field}" expires on {expiry.isoformat()}, and nothing works with it from that day on: create '
        f"a new key {WHERE_MADE}, and enter it before."
        for field, expiry in fields.items()
    ]
