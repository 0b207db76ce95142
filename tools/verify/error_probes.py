"""How Pigment says no: wrong keys, missing permissions, unknown objects, limits."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from verify.observer import Exchange
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import LIST, Workspace

_UNKNOWN_LIST = "/api/v1/export/list/{id}"
_DATA_TYPES = {"text/csv", "application/octet-stream"}


def _status(expected: int, ask: Callable[[Workspace], Exchange]) -> Callable[[Workspace], Seen]:
    def look(workspace: Workspace) -> Seen:
        status = ask(workspace).status
        return Seen(f"status {status}", same=status == expected)

    return look


def _with_key(key: str) -> Callable[[Workspace], Exchange]:
    def ask(workspace: Workspace) -> Exchange:
        return workspace.observer.once(key, "GET", "/api/v1/applications")

    return ask


_wrong_key = _with_key("pgmt_" + "0" * 32)
_dashed_key = _with_key("00000000-0000-4000-8000-000000000000")


def _other_permission(workspace: Workspace) -> Exchange:
    keys = workspace.keys
    if not keys.metadata or not keys.export or keys.metadata == keys.export:
        raise NotAsked("this needs an export key and a metadata key that are not the same")
    path = f"/api/v1/export/list/{workspace.first(LIST).get('id')}"
    return workspace.observer.once(keys.metadata, "POST", path, json={})


def _unknown_block(workspace: Workspace) -> Exchange:
    if workspace.keys.export is None:
        raise NotAsked("the configuration has no Export key")
    return workspace.observer.once(workspace.keys.export, "POST", _UNKNOWN_LIST.format(id=uuid.UUID(int=1)), json={})


def _unknown_import(workspace: Workspace) -> Exchange:
    if workspace.keys.imports is None:
        raise NotAsked("the configuration has no Import key")
    return workspace.observer.once(workspace.keys.imports, "GET", f"/api/v1/import/{uuid.UUID(int=1)}/status")


def _unknown_field(workspace: Workspace) -> Exchange:
    return workspace.export(LIST, surprise=1)


def _no_body(workspace: Workspace) -> Exchange:
    if workspace.keys.export is None:
        raise NotAsked("the configuration has no Export key")
    path = f"/api/v1/export/list/{workspace.first(LIST).get('id')}"
    return workspace.observer.once(workspace.keys.export, "POST", path, headers={"Content-Type": "application/json"})


def _error_document(workspace: Workspace) -> Seen:
    response = _wrong_key(workspace)
    kind = response.media_type or "none"
    known = kind if kind in {"none", "application/json", "application/problem+json", "text/html", "text/plain"} else ""
    return Seen(known or ("data" if kind in _DATA_TYPES else "another type"), same=kind not in _DATA_TYPES)


def _retry_after(workspace: Workspace) -> Seen:
    limited = workspace.observer.limited
    if limited is None:
        return Seen("the limit was not reached", same=None)
    return Seen("sent" if "retry-after" in limited.headers else "not sent", same="retry-after" not in limited.headers)


ERROR_PROBES = (
    Probe(
        "wrong-key",
        "An unknown key is answered with 401.",
        "list the applications with an invented key",
        "With another status, a wrong key would be reported as something else.",
        _status(401, _wrong_key),
    ),
    Probe(
        "dashed-key",
        "A key of the old form, with dashes, is answered with 401.",
        "list the applications with an invented key of the old form",
        "If old keys are taken, the advice to create a new one is wrong.",
        _status(401, _dashed_key),
    ),
    Probe(
        "error-document",
        "An error does not look like an export.",
        "the content type of the answer to an invented key",
        "An error of the type of an export is told apart by its status alone.",
        _error_document,
    ),
    Probe(
        "one-type-per-key",
        "A key of type Modeling Metadata may not export; the answer is 403.",
        "export a list with the metadata key",
        "With 200, one key is enough; with another status, the advice names the wrong field of the form.",
        _status(403, _other_permission),
    ),
    Probe(
        "unknown-block",
        "An unknown block is answered with 404.",
        "export a list with an unknown id",
        "With another status, a deleted block is not reported as one.",
        _status(404, _unknown_block),
    ),
    Probe(
        "unknown-import",
        "An unknown import is answered with 404, and so an import key can be checked without writing.",
        "ask for the status of an import with an unknown id",
        "The destination's check relies on it: with another status it cannot tell whether the key may import.",
        _status(404, _unknown_import),
    ),
    Probe(
        "unknown-field",
        "A field that Pigment does not know is answered with 400.",
        "export a list with an invented field",
        "With 200, a misspelt filter would be ignored and more rows would come than were asked for.",
        _status(400, _unknown_field),
    ),
    Probe(
        "empty-body",
        "An export without a body is answered with 400; an empty object is needed.",
        "export a list without a body",
        "None: the connectors always send an object.",
        _status(400, _no_body),
    ),
)

# Asked last: it looks at what the requests before it met.
LIMIT_PROBES = (
    Probe(
        "retry-after",
        "A 429 comes without Retry-After.",
        "only seen if the limit is reached meanwhile",
        "Where it comes it is honoured, and waits become shorter.",
        _retry_after,
    ),
)
