"""discover: what can be written where, as the protocol describes a destination's operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from destination_pigment.config import DestinationConfig
from destination_pigment.input.catalog import STAMP_COLUMNS
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.keys import Purpose
from pigment_client.models import Column, ImportConfiguration


def discover_operations(client: PigmentClient, settings: DestinationConfig) -> dict[str, Any]:
    """The DESTINATION_CATALOG message for the import configurations that the keys see; raises `ConfigProblem`."""
    if not client.has_key_for(Purpose.METADATA):
        raise ConfigProblem('To list what can be written, add a key for Modeling Metadata under "Authentication".')
    known = client.list_import_configurations(settings.application_id)
    return destination_catalog(known, has_stamps=settings.stamp_columns)


_SYNC_MODES = ("append", "append_dedup", "overwrite")

_TYPES: dict[str, dict[str, Any]] = {
    "number": {"type": ["null", "number"]},
    "integer": {"type": ["null", "integer"]},
    "boolean": {"type": ["null", "boolean"]},
    "date": {"type": ["null", "string"], "format": "date"},
}

# The connector fills them, so no record has them.
_STAMPS = {
    name: {"type": ["null", "string"], "readOnly": True, "description": 'Added to each row by "Stamp columns".'}
    for name in STAMP_COLUMNS
}


def destination_catalog(configurations: Sequence[ImportConfiguration], *, has_stamps: bool = False) -> dict[str, Any]:
    """The message: an operation for each import configuration and sync mode."""
    counts = Counter(each.name for each in configurations)
    # Of several with the same name, only the id says which is meant.
    named = [(each.id if counts[each.name] > 1 else each.name, each) for each in configurations]
    operations = [_operation(name, each, mode, has_stamps) for name, each in named for mode in _SYNC_MODES]
    return {"type": "DESTINATION_CATALOG", "destination_catalog": {"operations": operations}}


def _operation(
    object_name: str, configuration: ImportConfiguration, sync_mode: str, has_stamps: bool
) -> dict[str, Any]:
    columns = [each for each in configuration.columns or () if not (has_stamps and each.name in STAMP_COLUMNS)]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {**{column.name: _schema(column) for column in columns}, **(_STAMPS if has_stamps else {})},
        "additionalProperties": configuration.columns is None,
    }
    required = [column.name for column in columns if column.required or column.is_key]
    if required:
        schema["required"] = required
    operation: dict[str, Any] = {"object_name": object_name, "sync_mode": sync_mode, "json_schema": schema}
    key = [column.name for column in columns if column.is_key]
    if key and sync_mode == "append_dedup":
        # A list of alternatives, of which each is a list of the columns of one key.
        operation["matching_keys"] = [key]
    return operation


def _schema(column: Column) -> dict[str, Any]:
    return dict(_TYPES.get((column.type or "").lower(), {"type": ["null", "string"]}))
