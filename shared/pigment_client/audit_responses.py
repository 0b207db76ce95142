"""Pages of the audit log. Pure.

The only public description of this API is an article with an example, and public notes have seen two names for some of
its fields; both are known here, however their capitals and underscores are. What is not found is reported, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from pigment_client.errors import ResponseNotUnderstood
from pigment_client.json_objects import Fields, fields_of, items_of, json_document, object_text, text_in
from pigment_client.models import AuditEvent, AuditPage

# The first name of each is the one that is better attested.
_EVENTS = ("events",)
_NEXT_CURSOR = ("nexteventscursor",)
_PAGINATION = ("pagination",)
_NEXT_CURSOR_IN_PAGINATION = ("nextcursor",)
_PAGE_SIZES = {"limit", "pagesize", "size"}
_ID = ("eventid", "id")
_TYPE = ("eventtype", "type")
_EVENT_TIMESTAMP = ("eventtimestamp",)
_INGESTION_TIMESTAMP = ("ingestiontimestamp",)
_PAYLOAD = ("payload",)

# Values that do not point to another page, under any name.
_NOTHING = {b"null", b"false", b"0", b'""', b"{}", b"[]"}
# Parts of a name under which the next page could be announced in a way that is not known.
_ABOUT_PAGES = ("cursor", "next", "more", "page", "token", "offset")


def parse_audit_page(content: bytes) -> AuditPage:
    """The response of `GET /api/audit/v1/events`; raises `ResponseNotUnderstood` and `BrokenOff`."""
    fields = fields_of(json_document(content)) or {}
    events = _find(fields, _EVENTS, b"[")
    pagination_name = _find(fields, _PAGINATION)
    pagination = (fields_of(fields[pagination_name]) if pagination_name is not None else None) or {}
    names = (_find(fields, _NEXT_CURSOR), _find(pagination, _NEXT_CURSOR_IN_PAGINATION))
    cursors = [_cursor(each[name]) for each, name in zip((fields, pagination), names, strict=True) if name is not None]
    hints = [
        value not in _NOTHING
        for each, known in ((fields, {names[0], pagination_name}), (pagination, {names[1]}))
        for name, value in each.items()
        if name not in known and _may_announce_a_page(name, in_pagination=each is pagination)
    ]
    if pagination_name is not None and not pagination:
        hints.append(fields[pagination_name] not in _NOTHING)
    return AuditPage(
        None if events is None else _events(items_of(fields[events]) or []),
        next((each for each in cursors if each), None),
        names_cursor=bool(cursors),
        hints_at_more=any(hints),
    )


def _may_announce_a_page(name: str, *, in_pagination: bool) -> bool:
    """Whether an unknown field may say that there is another page; beside the cursor, only a page's size may not."""
    plain = _plain(name)
    return plain not in _PAGE_SIZES and (in_pagination or any(word in plain for word in _ABOUT_PAGES))


def _cursor(value: bytes) -> str | None:
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
    """What an event contains except its times, always in the same form: identifies an event without an id."""
    others = object_text(dict(sorted(event.others.items())))
    return b"\0".join(((event.type or "").encode(), event.payload or b"", others))


def _find(fields: Fields, names: tuple[str, ...], beginnings: bytes = b"") -> str | None:
    """The field with the first of these names whose value begins as it must."""
    for wanted in names:
        for name, value in fields.items():
            if _plain(name) == wanted and (not beginnings or value[0] in beginnings):
                return name
    return None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _text_or_digits(value: bytes) -> str:
    """A text, or the digits of a number; raises `ResponseNotUnderstood` for anything else."""
    if value[:1] in {b"{", b"[", b"t", b"f"}:
        raise ResponseNotUnderstood
    return text_in(value) or ("" if value[:1] == b'"' else value.decode())
