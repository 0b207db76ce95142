"""contract.yaml against Pigment's full description, and against what the local Pigment offers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contract import FULL_DESCRIPTION, api_description, full_description
from local_pigment.operations import ROUTES

OPERATIONS = sorted((path, method) for path, methods in api_description()["paths"].items() for method in methods)


def plain(node: Any, document: dict[str, Any], inside: tuple[str, ...] = ()) -> Any:
    """A schema without the ways of writing it: references followed, words in order, prose gone."""
    if isinstance(node, list):
        return [plain(each, document, inside) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name in inside:
            return {"recursive": inside[::-1].index(name)}
        return plain(document["components"]["schemas"][name], document, (*inside, name))
    if len(node.get("allOf", ())) == 1:
        return {**plain(node["allOf"][0], document, inside), **({"nullable": True} if node.get("nullable") else {})}
    said = {
        name: plain(each, document, inside)
        for name, each in node.items()
        if name not in {"description", "example", "default"}
    }
    return {name: sorted(each) if name in {"required", "enum"} else each for name, each in said.items()}


def facts(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    """What a test could notice of an operation."""
    operation = document["paths"][path][method]
    bodies = operation.get("requestBody", {}).get("content", {})
    returned = operation["responses"]["200"]["content"]
    return {
        "parameters": {
            each["name"]: (each["in"], bool(each.get("required")), plain(each["schema"], document))
            for each in operation.get("parameters", ())
        },
        "json": plain(bodies.get("application/json", {}).get("schema"), document),
        "file": {kind: plain(bodies[kind]["schema"], document) for kind in bodies if "json" not in kind},
        "body required": bool(operation.get("requestBody", {}).get("required")),
        "response": {
            kind: plain(returned[kind]["schema"], document)
            for kind in ("application/json", "text/csv")
            if kind in returned
        },
        "statuses": sorted(operation["responses"]),
    }


if FULL_DESCRIPTION.exists():

    @pytest.mark.parametrize(("path", "method"), OPERATIONS)
    def test_an_operation_is_as_pigment_describes_it(path: str, method: str) -> None:
        assert facts(api_description(), path, method) == facts(full_description(), path, method)


def test_every_documented_operation_of_the_local_pigment_is_in_the_contract() -> None:
    assert {(each.path, each.method.lower()) for each in ROUTES if each.described and not each.richer} == set(
        OPERATIONS
    )


def test_every_type_of_the_contract_is_used() -> None:
    schemas = api_description()["components"]["schemas"]
    used = set(re.findall(r"#/components/schemas/(\w+)", str(api_description())))

    assert used == set(schemas)
