"""Pigment's API as the tests need it: contract.yaml as an OpenAPI description, and where the full one may lie."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_OURS = Path(__file__).with_name("contract.yaml")
FULL_DESCRIPTION = Path(__file__).resolve().parents[2] / "shared" / "pigment-external-api.openapi.json"

_PLAIN: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
    "moment": {"type": "string", "format": "date-time"},
    "count": {"type": "integer", "format": "int64"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
}
_FILE = {"type": "string", "format": "binary"}


def full_description() -> dict[str, Any]:
    """Pigment's own description, which is no part of this repository."""
    parsed: dict[str, Any] = json.loads(FULL_DESCRIPTION.read_text(encoding="utf-8"))
    return parsed


@cache
def api_description() -> dict[str, Any]:
    """contract.yaml as an OpenAPI 3.0 document."""
    contract: dict[str, Any] = yaml.safe_load(_OURS.read_text(encoding="utf-8"))
    paths: dict[str, dict[str, Any]] = {}
    for operation, facts in contract["operations"].items():
        method, path = operation.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(path, facts)
    return {
        "openapi": "3.0.4",
        "info": {"title": "What our tests need of Pigment's API", "version": "1"},
        "paths": paths,
        "components": {"schemas": {name: _type(shape) for name, shape in contract["types"].items()}},
    }


def _operation(path: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _PLAIN["uuid"]}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": not shape.startswith("optional "), "schema": _type(shape)}
        for name, shape in facts.get("query", {}).items()
    ]
    responses: dict[str, Any] = {str(status): {"description": "An error"} for status in facts["errors"]}
    responses["200"] = {"description": "Success", "content": _response(facts["returns"])}
    operation = {"parameters": in_path + in_query, "responses": responses}
    return operation | ({"requestBody": _body(facts["sends"])} if "sends" in facts else {})


def _body(sends: str) -> dict[str, Any]:
    if sends == "file":
        return {
            "required": True,
            "content": {"text/csv": {"schema": _FILE}, "application/octet-stream": {"schema": _FILE}},
        }
    return {"content": {"application/json": {"schema": _type(sends)}}}


def _response(returns: str) -> dict[str, Any]:
    if returns == "csv":
        return {"text/csv": {"schema": _PLAIN["text"]}}
    return {"application/json": {"schema": _type(returns)}}


def _type(shape: str | Mapping[str, str]) -> dict[str, Any]:
    """A shape of contract.yaml as a schema."""
    if isinstance(shape, Mapping):
        return _object(shape)
    shape = shape.removeprefix("optional ")
    if shape.startswith("any of "):
        return {"oneOf": [_type(each) for each in shape.removeprefix("any of ").split(", ")]}
    if shape.endswith(" or null"):
        inner = _type(shape.removesuffix(" or null"))
        return {"allOf": [inner], "nullable": True} if "$ref" in inner else {**inner, "nullable": True}
    if shape.startswith("["):
        return {"type": "array", "items": _type(shape[1:-1])}
    if "|" in shape:
        return {"type": "string", "enum": [word.strip() for word in shape.split("|")]}
    return _PLAIN.get(shape) or {"$ref": f"#/components/schemas/{shape}"}


def _object(fields: Mapping[str, str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _type(shape) for name, shape in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, shape in fields.items() if not shape.startswith("optional ")]
    return schema | ({"required": required} if required else {})
