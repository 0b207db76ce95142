"""An event of the audit log as a record, and what makes it the same event. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from pigment_client.audit_responses import event_text
from pigment_client.json_objects import Fields, object_text
from pigment_client.models import AuditEvent

STREAM = "_pigment_audit_log"
CURSOR_FIELD = "ingestionTimestamp"

_TEXT: dict[str, Any] = {"type": ["null", "string"]}
_MOMENT: dict[str, Any] = {"type": ["null", "string"], "format": "date-time"}
_OBJECT: dict[str, Any] = {"type": ["null", "object"], "additionalProperties": True}

PROPERTIES: dict[str, Any] = {
    "id": _TEXT,
    "type": _TEXT,
    "eventTimestamp": _MOMENT,
    CURSOR_FIELD: _MOMENT,
    "payload": _OBJECT,
    "additional_fields": _OBJECT,
}


def id_of(event: AuditEvent) -> str:
    """Its id; for one that has none, a hash of all that it says."""
    return event.id or f"sha256:{hashlib.sha256(event_text(event)).hexdigest()}"


def identity_of(event: AuditEvent) -> bytes:
    """What makes it the same event: its id, and what no event changes, should the id be that of something else."""
    return "\0".join((id_of(event), event.type or "", event.event_timestamp or "")).encode()


def values_of(event: AuditEvent) -> Fields:
    """The record: the JSON of each column."""
    return {
        "id": orjson.dumps(id_of(event)),
        "type": orjson.dumps(event.type),
        "eventTimestamp": orjson.dumps(event.event_timestamp),
        CURSOR_FIELD: orjson.dumps(event.ingestion_timestamp),
        "payload": event.payload or b"null",
        "additional_fields": object_text(event.others) if event.others else b"null",
    }
