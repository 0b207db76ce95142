"""Pages of the audit log. Pure.

The only public description of this API is an article with an example, so names are read tolerantly: capitals and
underscores make no difference, and other common names are known. What is not found is reported, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.json_objects import Fields, fields_of, items_of, json_document, object_text, text_in
from pigment_client.models import AuditEvent, AuditPage

# The first of each is the name in the article ("Calling the Audit Logs API").
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

# Values that do not point to another page, under any name.
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
    """The events under a known name, else the only list of objects."""
    name = _find(fields, _EVENTS, b"[")
    if name is not None:
        return _events(items_of(fields[name]) or [])
    lists = [found for found in map(_objects, fields.values()) if found is not None]
    return _events(lists[0]) if len(lists) == 1 else None


def _objects(value: bytes) -> list[bytes] | None:
    items = items_of(value)
    return items if items is not None and all(item[:1] == b"{" for item in items) else None


def _pagination(fields: Fields) -> Fields | None:
    """The fields about pages: an object of their own, or the page itself if only that has the cursor."""
    name = _find(fields, _PAGINATION, b"{")
    pagination = None if name is None else fields_of(fields[name])
    if pagination is not None and _find(pagination, _NEXT_CURSOR) is not None:
        return pagination
    return fields if _find(fields, _NEXT_CURSOR[:1]) is not None else pagination


def _is_understood(pagination: Fields) -> bool:
    """Whether it has a cursor, or nothing that could be a cursor or a page number under another name."""
    if _find(pagination, _NEXT_CURSOR) is not None:
        return True
    sizes = {_find(pagination, (each,)) for each in _PAGE_SIZE}
    return all(name in sizes or value in _NOTHING for name, value in pagination.items())


def _cursor(pagination: Fields) -> str | None:
    name = _find(pagination, _NEXT_CURSOR)
    value = pagination[name] if name is not None else b"null"
    return None if value == b"null" else _text_or_digits(value) or None


def _events(items: Iterable[bytes]) -> tuple[AuditEvent, ...]:
    return tuple(_event(item) for item in items)


def _event(item: bytes) -> AuditEvent:
    fields = fields_of(item)
    if fields is None:
        raise ResponseNotUnderstood
    others = dict(fields)

    def remove(names: tuple[str, ...], beginnings: bytes = b'"') -> bytes | None:
        name = _find(others, names, beginnings)
        return None if name is None else others.pop(name)

    id_ = remove(_ID, b'"-0123456789')
    type_, happened, ingested = remove(_TYPE), remove(_EVENT_TIMESTAMP), remove(_INGESTION_TIMESTAMP)
    return AuditEvent(
        (_text_or_digits(id_) if id_ else None) or None,
        text_in(type_),
        text_in(happened),
        text_in(ingested),
        remove(_PAYLOAD, b"{"),
        others,
    )


def event_text(event: AuditEvent) -> bytes:
    """Everything that an event contains, always in the same form: identifies an event without an id."""
    values = (event.type, event.event_timestamp, event.ingestion_timestamp)
    texts = b"\0".join((each or "").encode() for each in values)
    return b"\0".join((texts, event.payload or b"", object_text(dict(sorted(event.others.items())))))


def _find(fields: Fields, names: tuple[str, ...], beginnings: bytes = b"") -> str | None:
    """The field with the first of these names whose value begins as it must."""
    for wanted in names:
        for name, value in fields.items():
            if name.replace("_", "").lower() == wanted and (not beginnings or value[0] in beginnings):
                return name
    return None


def _text_or_digits(value: bytes) -> str:
    """A text, or the digits of a number; raises `ResponseNotUnderstood` for anything else."""
    if value[:1] in {b"{", b"[", b"t", b"f"}:
        raise ResponseNotUnderstood
    return text_in(value) or ("" if value[:1] == b'"' else value.decode())
