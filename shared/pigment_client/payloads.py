"""What the payload of an export may contain by Pigment's API description, and what is wrong with one that does not fit.

The schemas are written out here; a test compares them with the API description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from pigment_client.models import ID_PATTERN, ExportKind

_UUID = f"^{ID_PATTERN}$"


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, schema]}


def _optional_list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": items}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_ID: dict[str, Any] = {"type": "string", "pattern": _UUID}
_IDS = {"type": "array", "items": _ID}
_TEXT: dict[str, Any] = {"type": "string"}
_ANY_FILTER = {"$ref": "#/$defs/ExportFilter"}

_CONDITIONS = ["LessThan", "LessThanOrEqual", "Equal", "NotEqual", "GreaterThan", "GreaterThanOrEqual", "IsNotBlank"]

_DEFINITIONS: dict[str, Any] = {
    "DimensionFilter": _object({"dimensionId": _ID, "modalityIds": _IDS}, "dimensionId", "modalityIds"),
    "ValueFilter": _object(
        {
            "metricId": _ID,
            "condition": _object(
                {"type": {"enum": _CONDITIONS}, "value": {"type": ["string", "number", "boolean"]}}, "type"
            ),
        },
        "metricId",
        "condition",
    ),
    "ExportFilter": _object(
        {
            "type": {"enum": ["And", "Or", "Dimension", "Value"]},
            "and": _optional_list(_ANY_FILTER),
            "or": _optional_list(_ANY_FILTER),
            "dimension": _optional({"$ref": "#/$defs/DimensionFilter"}),
            "value": _optional({"$ref": "#/$defs/ValueFilter"}),
        },
        "type",
    ),
}

_FORMAT: dict[str, Any] = {
    "friendlyHeaders": {"type": ["boolean", "null"]},
    "dateFormat": {"enum": ["Legacy", "Iso8601", None]},
    "fieldDelimiter": {"enum": ["Semicolon", "Comma", None]},
    "decimalSeparator": {"enum": ["Comma", "Dot", None]},
    "encoding": {"enum": ["Utf8WithBom", "Utf8WithoutBom", None]},
}
_CELLS: dict[str, Any] = {
    "scenarios": _optional_list(_ID),
    "filters": _optional_list({"$ref": "#/$defs/DimensionFilter"}),
    "exportFilter": _optional(_ANY_FILTER),
}
_FIELD = _object(
    {
        "sourceId": {"type": ["string", "null"], "pattern": _UUID},
        "type": {"enum": ["DimensionField", "ScenarioField", "ValueField"]},
        "displayName": {"type": ["string", "null"]},
    },
    "sourceId",
    "type",
)
_PROPERTY_FILTER = _object(
    {"propertyTechnicalName": _TEXT, "modalityIds": _IDS}, "propertyTechnicalName", "modalityIds"
)

SCHEMAS: dict[ExportKind, dict[str, Any]] = {
    ExportKind.LIST: _object(
        {
            "propertyTechnicalNames": _optional_list(_TEXT),
            "listFilter": _optional_list(_ID),
            "propertyFilters": _optional_list(_PROPERTY_FILTER),
            **_FORMAT,
        }
    ),
    ExportKind.METRIC: _object({**_CELLS, **_FORMAT}),
    ExportKind.TABLE: _object({"metrics": _optional_list(_ID), "fields": _optional_list(_FIELD), **_CELLS, **_FORMAT}),
    ExportKind.VIEW: _object({"fieldDelimiter": _FORMAT["fieldDelimiter"]}),
}

_VALIDATORS = {kind: Draft202012Validator({**schema, "$defs": _DEFINITIONS}) for kind, schema in SCHEMAS.items()}


@dataclass(frozen=True, slots=True)
class PayloadProblem:
    """Where a payload is wrong (`$.exportFilter.and[0].type`) and why; values are not quoted."""

    path: str
    message: str


def find_problem(kind: ExportKind, payload: Mapping[str, Any]) -> PayloadProblem | None:
    """The most relevant problem of a payload, or None if it fits the API description."""
    error = best_match(_VALIDATORS[kind].iter_errors(payload))
    if error is not None:
        return PayloadProblem(error.json_path, _explain(error))
    return _find_empty_filter(payload.get("exportFilter"), "$.exportFilter") or _find_no_item(payload, "$")


def in_described_words(kind: ExportKind, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload with the words of the API description where it differs only in their case.

    Pigment's own samples write `AND` and `value` (knowledge base, "How exportFilter works"); sent is `And` and `Value`.
    """
    return {name: _in_described_words(each, SCHEMAS[kind]["properties"].get(name)) for name, each in payload.items()}


def _in_described_words(value: Any, schema: Mapping[str, Any] | None) -> Any:
    if schema is None:
        return value
    if "$ref" in schema:
        return _in_described_words(value, _DEFINITIONS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _in_described_words(value, schema["anyOf"][-1])
    match value:
        case str():
            words = {word.casefold(): word for word in schema.get("enum", ()) if word is not None}
            return words.get(value.casefold(), value)
        case Mapping():
            properties = schema.get("properties", {})
            return {name: _in_described_words(each, properties.get(name)) for name, each in value.items()}
        case list():
            return [_in_described_words(each, schema.get("items")) for each in value]
        case _:
            return value


def _find_empty_filter(node: Any, path: str) -> PayloadProblem | None:
    """The first filter that leaves the field empty that its type names: valid by the schema, and meaningless."""
    if not isinstance(node, Mapping):
        return None
    word = str(node["type"]).lower()
    if not node.get(word):
        return PayloadProblem(path, f'the field "{word}" must be filled, because the type says so')
    for name in ("and", "or"):
        for position, child in enumerate(node.get(name) or ()):
            problem = _find_empty_filter(child, f"{path}.{name}[{position}]")
            if problem is not None:
                return problem
    return None


def _find_no_item(node: Any, path: str) -> PayloadProblem | None:
    """The first filter on items without an item: "Behaviour when empty is undefined" (API description)."""
    match node:
        case {"modalityIds": []}:
            return PayloadProblem(
                path, 'the field "modalityIds" must contain an ID; leave the filter out to export all'
            )
        case Mapping():
            children = [(each, f"{path}.{name}") for name, each in node.items()]
        case list():
            children = [(each, f"{path}[{position}]") for position, each in enumerate(node)]
        case _:
            return None
    return next((problem for each, place in children if (problem := _find_no_item(each, place))), None)


def _explain(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            instance: Any = error.instance
            unknown = ", ".join(f'"{name}"' for name in instance if name not in schema["properties"])
            known = ", ".join(sorted(schema["properties"]))
            return f"Pigment does not know the field {unknown} here; it knows {known}"
        case "required":
            return "a field is missing; needed are " + ", ".join(wanted)
        case "enum":
            return "must be one of " + ", ".join(str(word) for word in wanted if word is not None)
        case "pattern":
            return "must be an ID of Pigment (a UUID)"
        case "type":
            return "must be of type " + (wanted if isinstance(wanted, str) else " or ".join(wanted))
        case _:
            return "does not fit Pigment's API description"
