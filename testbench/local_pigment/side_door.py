"""The test-only side door at `/_test/`: queue faults and see what happened. It needs no key and is not counted.

GET  /_test/requests   the requests seen
GET  /_test/state      imports, the most requests in any window, faults not met
GET  /_test/rows?block=NAME&application=NAME
POST /_test/faults     {"operation", "kind", "options", "times", "after"}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from local_pigment.faults import KINDS
from local_pigment.handlers import Handler
from local_pigment.http_messages import Request, Response, as_json, problem


def side_door(handler: Handler, request: Request) -> Response:
    """Respond to a request to the side door."""
    match request.method, request.path:
        case "GET", "/_test/requests":
            return as_json([asdict(each) for each in handler.seen])
        case "GET", "/_test/state":
            return as_json(_state(handler))
        case "GET", "/_test/rows":
            query = request.query
            with handler.lock:
                return as_json(handler.workspace.rows(query["block"], query.get("application")))
        case "POST", "/_test/faults":
            asked = json.loads(request.body.read())
            fault = KINDS[asked["kind"]](**asked.get("options", {}))
            handler.workspace.faults.queue(
                asked["operation"], fault, times=asked.get("times", 1), after=asked.get("after", 0)
            )
            return as_json({"queued": True})
        case _:
            return problem(404, "No such door")


def _state(handler: Handler) -> dict[str, Any]:
    workspace = handler.workspace
    with handler.lock:
        imports = [
            {
                "importId": run.id,
                "configurationId": run.configuration_id,
                "status": run.status,
                "bytes": len(run.received),
                "rows": run.data_rows,
                "inserted": run.inserted,
                "updated": run.updated,
                "deleted": run.deleted,
                "rejected": len({problem.row for problem in run.problems}),
            }
            for run in workspace.imports.values()
        ]
    return {
        "imports": imports,
        "started": {each.name: workspace.started(each.id) for each in workspace.configurations.values()},
        "maxRequestsInAnyWindow": workspace.limits.max_requests_in_any_window(),
        "faultsNotMet": workspace.faults.never_met(),
    }
