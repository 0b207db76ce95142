"""The contract of the API against Pigment's own description, the local Pigment's routes and the client's schemas."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator, FormatChecker

from contract import FULL_DESCRIPTION, api_description, full_description
from local_pigment.operations import ROUTES
from pigment_client.models import ExportKind
from pigment_client.payloads import SCHEMAS, find_problem, in_described_words

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
    shape = {
        name: plain(each, document, inside)
        for name, each in node.items()
        if name not in {"description", "example", "default"}
    }
    return {name: sorted(each) if name in {"required", "enum"} else each for name, each in shape.items()}


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


NAMES = {ExportKind.LIST: "ListExport", ExportKind.METRIC: "MetricExport", ExportKind.TABLE: "TableExport"}


def described(kind: ExportKind, *, depth: int | None = None) -> dict[str, Any]:
    """The schema of the contract as JSON Schema: `nullable` spelled out.

    `depth` is how often the recursive filter is unrolled, for generating payloads.
    """
    components = api_description()["components"]["schemas"]

    def resolve(name: str, left: int | None) -> Any:
        if name != "ExportFilter" or left is None:
            return {"$ref": "#/$defs/ExportFilter"} if name == "ExportFilter" else plain(components[name], left)
        return plain(components[name], left - 1) if left > 0 else {"type": "null"}

    def plain(node: Any, left: int | None) -> Any:
        if isinstance(node, list):
            return [plain(each, left) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolve(node["$ref"].rpartition("/")[2], left)
        plainer = {name: plain(each, left) for name, each in node.items() if name not in {"nullable", "description"}}
        if "oneOf" in plainer:
            # An integer is a number as well, so as it is written no integer would ever be valid.
            plainer["anyOf"] = plainer.pop("oneOf")
        return {"anyOf": [plainer, {"type": "null"}]} if node.get("nullable") else plainer

    schema: dict[str, Any] = plain(components[NAMES[kind]], depth)
    return schema if depth else {**schema, "$defs": {"ExportFilter": plain(components["ExportFilter"], None)}}


@pytest.mark.parametrize("kind", list(NAMES))
def test_the_fields_are_the_same(kind: ExportKind) -> None:
    assert set(SCHEMAS[kind]["properties"]) == set(described(kind)["properties"])


@pytest.mark.long
@pytest.mark.parametrize("kind", list(NAMES))
def test_what_the_api_takes_we_take_and_what_it_rejects_we_reject(kind: ExportKind) -> None:
    theirs = Draft202012Validator(described(kind), format_checker=FormatChecker())
    anything = {"type": "object", "properties": {name: {} for name in SCHEMAS[kind]["properties"]}}

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(payload=from_schema(described(kind, depth=2)) | from_schema(anything))
    def run(payload: dict[str, Any]) -> None:
        problem = find_problem(kind, payload)
        meaningless_filter = problem is not None and problem.message.startswith("the field")
        # A single value may be null where the description says `allOf` beside `nullable`; both take it.
        assert (problem is None or meaningless_filter) == theirs.is_valid(payload)

    run()


ID = "00000000-0000-4000-8000-000000000001"
NO_ITEM = {"dimensionId": ID, "modalityIds": []}


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"scenarios": ["x"]}, "$.scenarios[0]"),
        ({"exportFilter": {"type": "And", "and": [{"type": "Perhaps"}]}}, "$.exportFilter.and[0].type"),
        ({"exportFilter": {"type": "Or", "or": [{"type": "Value"}]}}, "$.exportFilter.or[0]"),
        ({"filters": [{"dimensionId": ID, "modalityIds": []}]}, "$.filters[0]"),
        (
            {"exportFilter": {"type": "Or", "or": [{"type": "Dimension", "dimension": NO_ITEM}]}},
            "$.exportFilter.or[0].dimension",
        ),
        ({"surprise": "secret row"}, "$"),
    ],
)
def test_a_problem_names_its_path_and_quotes_no_value(payload: dict[str, Any], path: str) -> None:
    problem = find_problem(ExportKind.METRIC, payload)

    assert problem is not None
    assert problem.path == path
    assert "secret row" not in problem.message


@settings(deadline=None)
@given(data=st.data())
def test_words_in_any_case_are_sent_as_described(data: st.DataObject) -> None:
    """As Pigment's own samples write them; what a user chose freely stays as it is."""
    field = {"sourceId": ID, "type": "ValueField", "displayName": "And"}
    condition = {"metricId": ID, "condition": {"type": "Equal", "value": "LessThan"}}
    nodes = [
        {"type": "Value", "value": condition},
        {"type": "Or", "or": [{"type": "Dimension", "dimension": {"dimensionId": ID, "modalityIds": [ID]}}]},
    ]
    described = {"fields": [field], "exportFilter": {"type": "And", "and": nodes}, "encoding": "Utf8WithBom"}

    def in_any_case(node: Any) -> Any:
        if isinstance(node, list):
            return [in_any_case(each) for each in node]
        if not isinstance(node, dict):
            return node
        chosen = {name: in_any_case(each) for name, each in node.items()}
        for name in {"type", "encoding"} & node.keys():
            chosen[name] = "".join(
                data.draw(st.sampled_from([letter.upper(), letter.lower()])) for letter in node[name]
            )
        return chosen

    payload = in_described_words(ExportKind.TABLE, in_any_case(described))
    assert payload == described
    assert find_problem(ExportKind.TABLE, payload) is None
