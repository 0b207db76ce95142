"""What the audit log is taken to be; only its public article describes it, and not all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from verify.observer import Exchange
from verify.probe import NotAsked, Probe, Seen
from verify.workspace import Workspace

_PATH = "/api/audit/v1/events"
_DAYS = 30
_FULL_PAGE = 1000
# Public notes have seen both names of the first two; the source reads either.
_EVENT_FIELDS = ({"eventId", "id"}, {"eventType", "type"}, {"eventTimestamp"}, {"ingestionTimestamp"})


def _page(workspace: Workspace, *, days: int = _DAYS, **params: str) -> Exchange:
    if workspace.keys.audit is None:
        raise NotAsked("the configuration has no audit key")
    # The same within an hour, so that one question is asked once; a range that begins an hour late is not too long.
    since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2) - timedelta(days=days)
    asked = {"ingestedSince": since.strftime("%Y-%m-%dT%H:%M:%SZ"), **params}
    page = workspace.observer.once(workspace.keys.audit, "GET", _PATH, params=asked)
    if page.status in {401, 403} and workspace.keys.single:
        raise NotAsked("the key may not read the audit log")
    return page


def _events(response: Exchange) -> list[dict[str, Any]]:
    """The only list of objects in a page, whatever its name."""
    document = response.json()
    values = document.values() if isinstance(document, dict) else [document]
    lists = [each for each in values if isinstance(each, list) and all(isinstance(event, dict) for event in each)]
    return lists[0] if len(lists) == 1 else []


def _cursor(response: Exchange) -> str | None:
    document = response.json()
    if not isinstance(document, dict):
        return None
    pagination = document.get("pagination")
    found = document.get("nextEventsCursor") or (isinstance(pagination, dict) and pagination.get("nextCursor"))
    return found if isinstance(found, str) and found else None


def _shape(workspace: Workspace) -> Seen:
    response = _page(workspace)
    document = response.json()
    if response.status != 200 or not isinstance(document, dict):
        return Seen(f"status {response.status}, no JSON object", same=False)
    words = ", ".join(sorted(map(workspace.public_word, document)))
    events = document.get("events")
    # The last page has no cursor, and a first page with fewer events than fit is the last one.
    is_last = isinstance(events, list) and len(events) < _FULL_PAGE and document.keys() == {"events"}
    same = isinstance(events, list) and ("nextEventsCursor" in document or is_last)
    return Seen(words, same=same)


def _fields(workspace: Workspace) -> Seen:
    events = _events(_page(workspace))
    if not events:
        return Seen("no event", same=None)
    everywhere = set.intersection(*map(set, events))
    words = ", ".join(sorted(map(workspace.public_word, everywhere)))
    return Seen(words, same=all(everywhere & names for names in _EVENT_FIELDS))


def _order(workspace: Workspace) -> Seen:
    moments = [str(each.get("ingestionTimestamp")) for each in _events(_page(workspace))]
    if len(set(moments)) < 2:
        return Seen("too few events", same=None)
    newest_first = moments == sorted(moments, reverse=True)
    return Seen("newest first" if newest_first else "another order", same=newest_first)


def _next_page(workspace: Workspace) -> Seen:
    first = _page(workspace)
    cursor = _cursor(first)
    if cursor is None:
        return Seen("a single page", same=None)
    second = _page(workspace, cursor=cursor)
    ids = [{str(each.get("eventId") or each.get("id")) for each in _events(page)} for page in (first, second)]
    fine = second.status == 200 and bool(ids[1]) and not ids[0] & ids[1]
    return Seen("other events" if fine else f"status {second.status}, not the next events", same=fine)


def _reach(workspace: Workspace) -> Seen:
    status = _page(workspace, days=180).status
    return Seen(f"status {status}", same=status == 200)


def _other_key(workspace: Workspace) -> Seen:
    if workspace.keys.export is None or workspace.keys.audit in {None, workspace.keys.export}:
        raise NotAsked("this needs an audit key and an export key that are not the same")
    status = workspace.observer.once(workspace.keys.export, "GET", _PATH).status
    return Seen(f"status {status}", same=status == 403)


AUDIT_PROBES = (
    Probe(
        "audit-page",
        "A page of the audit log is an object with the list events and nextEventsCursor, which the last page lacks.",
        f"ask for the events of {_DAYS} days",
        "pagination.nextCursor is understood as well; under other names, nothing is read.",
        _shape,
    ),
    Probe(
        "audit-fields",
        "Each event has eventId or id, eventType or type, eventTimestamp and ingestionTimestamp.",
        f"ask for the events of {_DAYS} days",
        "Without an ID and ingestionTimestamp, events that were already sent cannot be told apart.",
        _fields,
    ),
    Probe(
        "audit-order",
        "Events come newest first.",
        f"ask for the events of {_DAYS} days",
        "Events that arrive while pages are read could be missed.",
        _order,
    ),
    Probe(
        "audit-cursor",
        "The next page is asked for with the parameter cursor, and has other events.",
        "ask for the next page, where there is one",
        "The next page cannot be asked for, and nothing is read: the parameter has another name.",
        _next_page,
    ),
    Probe(
        "audit-reach",
        "Events of the last 180 days can be asked for, but for the first hours.",
        "ask for the events of 180 days",
        "The first sync gets fewer events, and a sync that was not run for long misses more.",
        _reach,
    ),
    Probe(
        "audit-key",
        "A key of another type may not read the audit log; the answer is 403.",
        "ask with the export key",
        "With 200, no key of its own is needed; with another status, the advice names the wrong field.",
        _other_key,
    ),
)
