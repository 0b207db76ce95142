"""What a page of the audit log means. Pure.

No description of this API is public but an article that shows an example, so names are read tolerantly: capitals and
underscores make no difference, and a few other words that APIs use are known. What was not found is said, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.json_objects import Fields, fields_of, items_of, json_document, object_text, text_in
from pigment_client.models import AuditEvent, AuditPage

# The names as the article has them come first ("Calling the Audit Logs API").
_EVENTS = ("events", "data", "items", "results")
_PAGINATION = ("pagination", "paging")
_NEXT_CURSOR = ("nextcursor", "next", "cursor")
_MORE = ("hasmore", "hasnext", "hasnextpage", "more")
_PAGE_SIZE = ("limit", "pagesize", "size")
_ID = ("id", "eventid", "uuid")
_TYPE = ("type", "eventtype")
_EVENT_TIMESTAMP = ("eventtimestamp", "timestamp", "occurredat")
_INGESTION_TIMESTAMP = ("ingestiontimestamp", "ingestedat")
_PAYLOAD = ("payload",)

# What says nothing of another page, under whatever name.
_NOTHING = {b"null", b"false", b"0", b'""', b"{}", b"[]"}


def parse_audit_page(content: bytes) -> AuditPage:
    """The response of `GET /api/audit/v1/events`; raises `ResponseNotUnderstood` and `BrokenOff`."""
    document = json_document(content)
    fields = fields_of(document)
    if fields is None:
        return AuditPage(_events(items_of(document) or []), None, has_pagination=False)
    pagination = _pagination(fields)
    cursor = None if pagination is None else _cursor(pagination)
    return AuditPage(
        _find_events(fields),
        cursor,
        has_pagination=pagination is not None and _is_understood(pagination),
        lacks_cursor=cursor is None and any(_find(each, _MORE, b"t") for each in (fields, pagination or {})),
    )


def _find_events(fields: Fields) -> tuple[AuditEvent, ...] | None:
    """The events under a name that is known, else the only list of objects."""
    name = _find(fields, _EVENTS, b"[")
    if name is not None:
        return _events(items_of(fields[name]) or [])
    lists = [found for found in map(_objects, fields.values()) if found is not None]
    return _events(lists[0]) if len(lists) == 1 else None


def _objects(value: bytes) -> list[bytes] | None:
    items = items_of(value)
    return items if items is not None and all(item[:1] == b"{" for item in items) else None


def _pagination(fields: Fields) -> Fields | None:
    """What speaks of pages: an object of its own, or the page itself where only that has the cursor."""
    name = _find(fields, _PAGINATION, b"{")
    pagination = None if name is None else fields_of(fields[name])
    if pagination is not None and _find(pagination, _NEXT_CURSOR) is not None:
        return pagination
    return fields if _find(fields, _NEXT_CURSOR[:1]) is not None else pagination


def _is_understood(pagination: Fields) -> bool:
    """Whether it has a cursor, or nothing that could be one under another name, or be counted in other ways."""
    if _find(pagination, _NEXT_CURSOR) is not None:
        return True
    sizes = {_find(pagination, (each,)) for each in _PAGE_SIZE}
    return all(name in sizes or value in _NOTHING for name, value in pagination.items())


def _cursor(pagination: Fields) -> str | None:
    name = _find(pagination, _NEXT_CURSOR)
    value = pagination[name] if name is not None else b"null"
    return None if value == b"null" else _word(value) or None


def _events(items: Iterable[bytes]) -> tuple[AuditEvent, ...]:
    return tuple(_event(item) for item in items)


def _event(item: bytes) -> AuditEvent:
    fields = fields_of(item)
    if fields is None:
        raise ResponseNotUnderstood
    others = dict(fields)

    def take(names: tuple[str, ...], beginnings: bytes = b'"') -> bytes | None:
        name = _find(others, names, beginnings)
        return None if name is None else others.pop(name)

    id_ = take(_ID, b'"-0123456789')
    type_, happened, ingested = take(_TYPE), take(_EVENT_TIMESTAMP), take(_INGESTION_TIMESTAMP)
    return AuditEvent(
        (_word(id_) if id_ else None) or None,
        text_in(type_),
        text_in(happened),
        text_in(ingested),
        take(_PAYLOAD, b"{"),
        others,
    )


def event_text(event: AuditEvent) -> bytes:
    """All that an event says, the same for the same event: for one that has no id."""
    values = (event.type, event.event_timestamp, event.ingestion_timestamp)
    said = b"\0".join((each or "").encode() for each in values)
    return b"\0".join((said, event.payload or b"", object_text(dict(sorted(event.others.items())))))


def _find(fields: Fields, names: tuple[str, ...], beginnings: bytes = b"") -> str | None:
    """The field with the first of these names, if its value begins as it must."""
    for wanted in names:
        for name, value in fields.items():
            if name.replace("_", "").lower() == wanted and (not beginnings or value[0] in beginnings):
                return name
    return None


def _word(value: bytes) -> str:
    """A text, or the digits of a number; raises `ResponseNotUnderstood`."""
    if value[:1] in {b"{", b"[", b"t", b"f"}:
        raise ResponseNotUnderstood
    return text_in(value) or ("" if value[:1] == b'"' else value.decode())
