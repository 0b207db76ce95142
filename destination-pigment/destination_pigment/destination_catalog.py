"""What `discover` says: for each import configuration the ways to write into it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pigment_client.models import Column, ImportConfiguration

_SYNC_MODES = ("append", "append_dedup", "overwrite")

_TYPES: dict[str, dict[str, Any]] = {
    "number": {"type": ["null", "number"]},
    "integer": {"type": ["null", "integer"]},
    "boolean": {"type": ["null", "boolean"]},
    "date": {"type": ["null", "string"], "format": "date"},
}


def destination_catalog(configurations: Sequence[ImportConfiguration]) -> dict[str, Any]:
    """The DESTINATION_CATALOG message."""
    counts = Counter(each.name for each in configurations)
    # Of several with the same name, only the id says which is meant.
    named = [(each.id if counts[each.name] > 1 else each.name, each) for each in configurations]
    operations = [_operation(name, each, mode) for name, each in named for mode in _SYNC_MODES]
    return {"type": "DESTINATION_CATALOG", "destination_catalog": {"operations": operations}}


def _operation(object_name: str, configuration: ImportConfiguration, sync_mode: str) -> dict[str, Any]:
    columns = configuration.columns or ()
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {column.name: _schema(column) for column in columns},
        "additionalProperties": configuration.columns is None,
    }
    required = [column.name for column in columns if column.required or column.is_key]
    if required:
        schema["required"] = required
    operation: dict[str, Any] = {"object_name": object_name, "sync_mode": sync_mode, "json_schema": schema}
    keys = [[column.name] for column in columns if column.is_key]
    if keys and sync_mode == "append_dedup":
        operation["matching_keys"] = keys
    return operation


def _schema(column: Column) -> dict[str, Any]:
    return dict(_TYPES.get((column.type or "").lower(), {"type": ["null", "string"]}))
