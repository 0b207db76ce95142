"""The client's schemas of export payloads against the contract."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator, FormatChecker

from contract import api_description
from pigment_client.models import ExportKind
from pigment_client.payloads import SCHEMAS, find_problem

NAMES = {ExportKind.LIST: "ListExport", ExportKind.METRIC: "MetricExport", ExportKind.TABLE: "TableExport"}


def described(kind: ExportKind, *, depth: int | None = None) -> dict[str, Any]:
    """The schema of the contract as JSON Schema: `nullable` spelled out.

    `depth` unrolls the recursive filter so many times, for generating payloads.
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


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"scenarios": ["x"]}, "$.scenarios[0]"),
        ({"exportFilter": {"type": "And", "and": [{"type": "Perhaps"}]}}, "$.exportFilter.and[0].type"),
        ({"exportFilter": {"type": "Or", "or": [{"type": "Value"}]}}, "$.exportFilter.or[0]"),
        ({"surprise": "secret row"}, "$"),
    ],
)
def test_a_problem_names_its_path_and_quotes_no_value(payload: dict[str, Any], path: str) -> None:
    problem = find_problem(ExportKind.METRIC, payload)

    assert problem is not None
    assert problem.path == path
    assert "secret row" not in problem.message
