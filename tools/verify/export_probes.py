"""What an export is taken to be: how it comes over the wire, its header, and its columns."""

from __future__ import annotations

import re

from verify.csv_sample import read_sample
from verify.observer import Exchange
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import AS_THE_CONNECTOR_ASKS, EACH_TYPE, LIST, METRIC, TABLE, Workspace

_TECHNICAL = re.compile(r"[A-Za-z0-9_]+")
_MOST_VIEWS = 3


def _defaults(workspace: Workspace) -> Seen:
    response = workspace.export(LIST)
    found = read_sample(response.body, ";", whole=response.whole)
    friendly = workspace.sample(LIST).header
    same_columns = len(found.header) == len(friendly) and not (len(friendly) == 1 and "," in friendly[0])
    words = [
        "semicolon" if same_columns else "another delimiter",
        "technical headers" if found.header != friendly else "friendly headers",
        "byte order mark" if found.byte_order_mark else "no byte order mark",
    ]
    return Seen(", ".join(words), same=words == ["semicolon", "technical headers", "byte order mark"])


def _headers(workspace: Workspace) -> Seen:
    friendly = workspace.sample(LIST).header
    technical = workspace.sample(LIST, friendlyHeaders=False).header
    if len(friendly) != len(technical):
        return Seen(f"{len(friendly)} friendly, {len(technical)} technical", same=False)
    if technical == friendly:
        return Seen("the same names in both", same=False)
    fine = all(map(_TECHNICAL.fullmatch, technical)) and len(set(technical)) == len(technical)
    return Seen("one for each, never twice" if fine else "technical names of another form", same=fine)


def _item_first(workspace: Workspace) -> Seen:
    items = workspace.sample(LIST).column(0)
    if not items:
        return Seen("the list is empty", same=None)
    fine = all(items) and len(set(items)) == len(items)
    return Seen("never blank, never twice" if fine else "a blank or a repeat", same=fine)


def _metric_columns(workspace: Workspace) -> Seen:
    *dimensions, value = workspace.sample(METRIC).header or [""]
    fine = value == workspace.first(METRIC).get("name") and set(dimensions) <= workspace.names(LIST)
    return Seen("dimensions, then the metric" if fine else "something else", same=fine)


def _table_columns(workspace: Workspace) -> Seen:
    metrics = workspace.names(METRIC)
    header = workspace.sample(TABLE).header
    first_value = next((place for place, name in enumerate(header) if name in metrics), len(header))
    fine = (
        first_value < len(header)
        and set(header[first_value:]) <= metrics
        and set(header[:first_value]) <= workspace.names(LIST)
    )
    return Seen("dimensions, then metrics" if fine else "something else", same=fine)


def _no_scenario(workspace: Workspace) -> Seen:
    known = workspace.names(LIST, METRIC)
    found = [name for name in workspace.sample(METRIC).header if name not in known]
    return Seen("no further column" if not found else "a further column", same=not found)


def _compressed(workspace: Workspace) -> Seen:
    encoding = workspace.export(LIST, **AS_THE_CONNECTOR_ASKS).headers.get("content-encoding", "none")
    return Seen(encoding if encoding in {"none", "gzip"} else "another encoding", same=encoding == "gzip")


def _content_type(workspace: Workspace) -> Seen:
    kind = workspace.export(LIST, **AS_THE_CONNECTOR_ASKS).media_type
    known = kind if kind in {"text/csv", "text/plain", "application/octet-stream"} else "another type"
    return Seen(known, same=kind == "text/csv")


def _http2(workspace: Workspace) -> Seen:
    try:
        protocol = workspace.observer.protocol()
    except OSError:
        return Seen("no connection without a proxy", same=None)
    if protocol is None:
        raise NotAsked("the address is not https")
    return Seen("HTTP/2" if protocol == "h2" else "HTTP/1.1", same=protocol == "h2")


def _view(workspace: Workspace) -> Seen:
    for response in _view_exports(workspace):
        if response.status == 200:
            found = read_sample(response.body, ";", whole=response.whole)
            fine = len(found.header) > 1 and found.well_formed
            return Seen("semicolons, as asked" if fine else "not separated by semicolons", same=fine)
    return Seen("no view that can be exported", same=None)


def _view_statuses(workspace: Workspace) -> Seen:
    found = {response.status for response in _view_exports(workspace)}
    return Seen(", ".join(map(str, sorted(found))) or "no view", same=found <= {200, 413, 422} if found else None)


def _view_exports(workspace: Workspace) -> list[Exchange]:
    if workspace.keys.export is None:
        raise NotAsked("the configuration has no Export key")
    views = workspace.listed("/api/v1/views")[:_MOST_VIEWS]
    asked = {"fieldDelimiter": AS_THE_CONNECTOR_ASKS["fieldDelimiter"]}
    return [
        workspace.observer.once(workspace.keys.export, "GET", f"/api/v1/export/view/{each.get('id')}", params=asked)
        for each in views
    ]


EXPORT_PROBES = (
    Probe(
        "http2",
        "Pigment offers HTTP/2.",
        "offer h2 and http/1.1 in TLS",
        "Over HTTP/1.1 an export that breaks off early can look whole: the source warns in its log.",
        _http2,
    ),
    Probe(
        "gzip",
        "Exports come compressed where gzip is offered.",
        "offer gzip",
        "Without it exports take longer; nothing else changes.",
        _compressed,
    ),
    Probe(
        "content-type",
        "An export has the content type text/csv.",
        EACH_TYPE,
        "An export of a type that is not CSV, such as JSON or HTML, is rejected.",
        _content_type,
    ),
    Probe(
        "defaults",
        "Without options an export has semicolons, technical headers and a byte order mark.",
        "export a list with an empty object",
        "None: every option is sent.",
        _defaults,
    ),
    Probe(
        "headers",
        "Friendly and technical headers name the same columns; technical ones never repeat.",
        "export a list with both",
        "With technical headers, columns could not be told apart by name.",
        _headers,
    ),
    Probe(
        "item-first",
        "The first column of a dimension list is its item: never blank, never twice.",
        "export a dimension list",
        "The primary key of the stream is not claimed.",
        _item_first,
    ),
    Probe(
        "metric-columns",
        "A metric has its dimensions first, under the names of their lists, then its value under its own name.",
        "export a metric",
        "The primary key of the stream is not claimed, and types are taken from the first rows.",
        _metric_columns,
    ),
    Probe(
        "table-columns",
        "A table has its dimensions first, under the names of their lists, then its metrics under theirs.",
        "export a table",
        "The primary key of the stream is not claimed, and types are taken from the first rows.",
        _table_columns,
    ),
    Probe(
        "scenario",
        "Without scenarios in the request there is no scenario column.",
        "export a metric",
        "Rows of several scenarios would share a primary key.",
        _no_scenario,
    ),
    Probe(
        "view-delimiter",
        "A view comes with semicolons when they are asked for.",
        f"export up to {_MOST_VIEWS} views",
        "The source takes a whole row of the view for a single column: leave its views out.",
        _view,
    ),
    Probe(
        "view-statuses",
        "A view is exported, too big (413) or of no block (422).",
        f"export up to {_MOST_VIEWS} views",
        "Another status is reported as it is, with less advice.",
        _view_statuses,
    ),
)
