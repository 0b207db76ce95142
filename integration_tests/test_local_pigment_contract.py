"""The local Pigment against the contract: every operation we use responds as documented."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from contract import api_description
from local_pigment.operations import ROUTES
from local_pigment.sample import PLANNING, add_copies, planning_model
from local_pigment.server import LocalPigment

USED = {route.path for route in ROUTES if route.described and not route.richer}
CASES: Counter[str] = Counter()


@pytest.fixture(scope="module")
def pigment() -> Any:
    workspace = add_copies(planning_model(ledger_rows=30))
    workspace.limits.requests = workspace.limits.imports = 1_000_000
    with LocalPigment(workspace) as running:
        yield running


def used_operations() -> list[tuple[str, str]]:
    return sorted((route.method, route.path) for route in ROUTES if route.described and not route.richer)


def operations_with_keys() -> list[tuple[str, str]]:
    return sorted((route.method, route.path) for route in ROUTES if not route.richer)


def ids(workspace: Any, path: str) -> list[str]:
    """Ids that exist, for the kind of thing that a path names."""
    planning = workspace.application(PLANNING)
    if "viewId" in path:
        return list(planning.views)
    kind = next((word for word in ("list", "metric", "table") if f"/{word}/" in path), "")
    types = {"list": {"DimensionList", "TransactionList"}, "metric": {"Metric"}, "table": {"Table"}}.get(kind, set())
    return [block.id for block in planning.blocks.values() if block.type in types]


@pytest.mark.parametrize(("method", "path"), used_operations())
def test_an_operation_responds_as_documented(pigment: LocalPigment, method: str, path: str) -> None:
    """Generated requests, right ones and wrong ones, with ids that exist and ids that do not."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(api_description())
    schema.config.update(base_url=pigment.url)
    operation = schema[path][method]
    headers = {"Authorization": f"Bearer {pigment.workspace.secret('all')}"}
    known = [*ids(pigment.workspace, path), str(uuid.uuid4())]
    configurations = [*pigment.workspace.configurations, str(uuid.uuid4()), "no ID"]
    checks = CHECKS.get_by_names(["not_a_server_error", "response_schema_conformance", "content_type_conformance"])

    @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        CASES[path] += 1
        for name in case.path_parameters or {}:
            case.path_parameters[name] = known[CASES[path] % len(known)]
        if "configurationId" in (case.query or {}):
            case.query["configurationId"] = configurations[CASES[path] % len(configurations)]
        response = case.call(headers={**headers, **(case.headers or {})})
        documented = {int(status) for status in operation.definition.raw["responses"]}
        assert response.status_code in documented, (response.status_code, documented)
        case.validate_response(response, checks=checks)

    run()


WRONG_BODIES: list[dict[str, Any]] = [
    {"surprise": 1},
    {"friendlyHeaders": "yes"},
    {"encoding": "latin-1"},
    {"exportFilter": {"type": "Dimension"}},
    {"exportFilter": {"type": "Perhaps"}},
]


@pytest.mark.parametrize("path", sorted(path for path in USED if "/export/" in path and "view" not in path))
@pytest.mark.parametrize("body", WRONG_BODIES)
def test_a_wrong_body_gets_400(pigment: LocalPigment, path: str, body: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(api_description())
    schema.config.update(base_url=pigment.url)
    case = schema[path]["POST"].Case(
        path_parameters={path[path.index("{") + 1 : -1]: ids(pigment.workspace, path)[0]},
        body=body,
        media_type="application/json",
    )
    response = case.call(headers={"Authorization": f"Bearer {pigment.workspace.secret('all')}"})

    assert response.status_code == 400


@pytest.mark.parametrize(("method", "path"), operations_with_keys())
@pytest.mark.parametrize(("key", "status"), [("", 401), ("expired", 401), ("dashes", 401), ("other", 403)])
def test_a_wrong_key_gets_its_status(pigment: LocalPigment, method: str, path: str, key: str, status: int) -> None:
    route = next(each for each in ROUTES if (each.method, each.path) == (method, path))
    other = {"Export": "import", "Import": "metadata", "Modeling Metadata": "export", "Audit logs": "import"}[
        route.scope
    ]
    secrets = {"": "", "dashes": str(uuid.uuid4()), "other": pigment.workspace.secret(other)}
    secret = secrets.get(key) if key in secrets else pigment.workspace.secret(key)
    target = path.split("{", maxsplit=1)[0] + (str(uuid.uuid4()) + path.split("}")[1] if "{" in path else "")
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    assert requests.request(method, pigment.url + target, headers=headers, timeout=10).status_code == status
