"""All operations as one list: method, path, the key they need, and the name that faults and tests use."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEEDS_EXPORT, _NEEDS_METADATA, _NEEDS_IMPORT, _NEEDS_AUDIT = "Export", "Modeling Metadata", "Import", "Audit logs"


@dataclass(frozen=True, slots=True)
class Route:
    """An operation; `legacy` marks the unversioned paths, whose dates default to the old formats.

    What is not `described` is not in the public API description.
    """

    method: str
    path: str
    operation: str
    scope: str
    legacy: bool = False
    richer: bool = False
    described: bool = True

    def match(self, path: str) -> str | None:
        """The id in the path ("" where there is none), or None when the path is another's."""
        found = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", self.path), path)
        if found is None:
            return None
        return found[1] if found.groups() else ""


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/applications", "list_applications", _NEEDS_METADATA),
    Route("GET", "/api/v1/blocks", "list_blocks", _NEEDS_METADATA),
    Route("GET", "/api/v1/views", "list_views", _NEEDS_METADATA),
    Route("GET", "/api/v1/importConfigurations", "list_import_configurations", _NEEDS_METADATA),
    Route("GET", "/api/v1/import/configurations", "list_import_configurations", _NEEDS_METADATA, richer=True),
    Route("POST", "/api/v1/export/list/{listId}", "export_list", _NEEDS_EXPORT),
    Route("POST", "/api/v1/export/metric/{metricId}", "export_metric", _NEEDS_EXPORT),
    Route("POST", "/api/v1/export/table/{tableId}", "export_table", _NEEDS_EXPORT),
    Route("GET", "/api/v1/export/view/{viewId}", "export_view", _NEEDS_EXPORT),
    Route("POST", "/api/export/list/{listId}", "export_list", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/export/metric/{metricId}", "export_metric", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/export/table/{tableId}", "export_table", _NEEDS_EXPORT, legacy=True),
    Route("GET", "/api/export/view/{viewId}", "export_view", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/v1/import/push/csv", "push_csv", _NEEDS_IMPORT),
    Route("POST", "/api/import/push/csv", "push_csv", _NEEDS_IMPORT, legacy=True),
    Route("POST", "/api/v1/import/trigger", "trigger_import", _NEEDS_IMPORT),
    Route("GET", "/api/v1/import/{importId}/status", "import_status", _NEEDS_IMPORT),
    Route("GET", "/api/import/{importId}/status", "import_status", _NEEDS_IMPORT, legacy=True),
    Route("GET", "/api/audit/v1/events", "list_audit_events", _NEEDS_AUDIT, described=False),
)


def find_route(method: str, path: str) -> tuple[Route, str] | int:
    """The operation and the id in its path, or the status for what is not an operation (404, 405)."""
    known = False
    for route in ROUTES:
        subject = route.match(path)
        if subject is not None:
            known = True
            if route.method == method:
                return route, subject
    return 405 if known else 404
