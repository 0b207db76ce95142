"""Which events were sent: the state of the audit log's stream. Pure.

An event may become visible some time after it was ingested, and Pigment advises that ranges overlap. So every sync asks
again for the last day before the newest event that it knows, and the state holds what was sent of that day: a
fingerprint of each event, by the minute in which it was ingested. What is in the range and has no fingerprint is new.

- `since` is where the next range begins, always the beginning of a minute; the fingerprints are complete from there on.
  It never goes back, so an event before it was either sent or came later than the overlap.
- `newest` is the newest time of ingestion that was sent, by the server's clock. A time ahead of ours counts as ours: an
  event with a wrong time must not put the range behind those that follow. It only makes the overlap longer.
- Events are added in the order of their ingestion. So the state is true after each of them: all that is not sent yet
  lies at or behind the last one, and `since` is never behind that.

A day is generous: events are late by seconds or minutes, and clocks and time zones are wrong by hours. It costs one
request for each thousand events of a day. Where a day has more events than fit, the overlap is shorter.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from pigment_client.audit_responses import event_text
from pigment_client.json_objects import Fields, object_text
from pigment_client.models import AuditEvent

Micros = int

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

MINUTE: Micros = 60_000_000


def micros_of(moment: datetime) -> Micros:
    """An aware moment."""
    return (moment - _BEGINNING) // _MICROSECOND


def parse_moment(text: str | None) -> Micros | None:
    """An ISO 8601 moment, UTC where it names no zone; None for anything else. Beyond microseconds it is cut off."""
    try:
        moment = datetime.fromisoformat(text or "")
        return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def iso(moment: Micros) -> str:
    """A moment as ISO 8601, as short as it can be said."""
    return (_BEGINNING + moment * _MICROSECOND).isoformat().replace("+00:00", "Z")


def minute_of(moment: Micros) -> Micros:
    """The beginning of its minute."""
    return moment - moment % MINUTE


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


OVERLAP: Micros = 24 * 60 * MINUTE

# Together 1.6 MB of state. A minute is never cut, so one of more events than this makes a larger state.
MOST_FINGERPRINTS = 100_000

# Among a million events and a state of a hundred thousand, two are alike with a chance of one to 10^17.
_FINGERPRINT_BYTES = 12

_NEWEST, _SINCE, _READ_AT, _SENT = "ingestionTimestamp", "since", "read_at", "sent"


class StateUnreadable(Exception):
    """A state that this stream did not write."""


def fingerprint(identity: bytes) -> bytes:
    """A short text that stands for an event."""
    return hashlib.blake2b(identity, digest_size=_FINGERPRINT_BYTES).digest()


class Window:
    """What was sent of the last day; `read_at` is when the audit log was last read to its end, by our clock."""

    def __init__(self, since: Micros, newest: Micros | None = None, read_at: Micros | None = None) -> None:
        # All mutable state; `sent` has the fingerprints of each minute, one after the other.
        self.since = since
        self.newest = newest
        self.read_at = read_at
        self._sent: dict[Micros, bytearray] = {}
        self._count = 0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Window | None:
        """The window of a state; None where the state says that there was none. Raises `StateUnreadable`."""
        if not state.get(_NEWEST) and not state.get(_SINCE):
            return None
        newest, since, read_at = (_moment(state.get(name)) for name in (_NEWEST, _SINCE, _READ_AT))
        if since is None and newest is not None:
            # Somebody wrote a time by hand: what came before it is not wanted.
            return cls(newest, newest, read_at)
        window = cls(0 if since is None else since, newest, read_at)
        sent = state.get(_SENT) or {}
        if not isinstance(sent, Mapping):
            raise StateUnreadable
        for minute, packed in sent.items():
            window._put(_moment(minute) or 0, _unpacked(packed))
        if newest is not None:
            window.since = max(window.since, minute_of(newest - OVERLAP))
        return window

    def state(self) -> dict[str, Any]:
        """The state as it leaves."""
        return {
            _NEWEST: None if self.newest is None else iso(self.newest),
            _SINCE: iso(self.since),
            **({} if self.read_at is None else {_READ_AT: iso(self.read_at)}),
            _SENT: {iso(minute): base64.b64encode(packed).decode() for minute, packed in sorted(self._sent.items())},
        }

    @property
    def known_until(self) -> Micros | None:
        """Until when everything was read; None where nothing ever was."""
        return max((each for each in (self.newest, self.read_at) if each is not None), default=None)

    @property
    def size(self) -> int:
        """How many fingerprints there are."""
        return self._count

    def fingerprints(self) -> set[bytes]:
        """Of all events that were sent of this range."""
        size = _FINGERPRINT_BYTES
        return {bytes(packed[at : at + size]) for packed in self._sent.values() for at in range(0, len(packed), size)}

    def add(self, ingested: Micros, mark: bytes, now: Micros) -> None:
        """An event was sent that was asked for now, and nothing older is to be sent after it."""
        minute = minute_of(ingested)
        is_new = minute not in self._sent
        self._put(minute, mark)
        newest = min(ingested, now)
        if self.newest is None or newest > self.newest:
            self.newest = newest
        if is_new or self._count > MOST_FINGERPRINTS:
            self._forget(min(minute, minute_of(self.newest)))

    def finish(self, read_at: Micros) -> None:
        """Everything in the range was sent."""
        self.read_at = read_at
        if self._sent and self.newest is not None:
            self._forget(minute_of(self.newest))

    def _put(self, minute: Micros, packed: bytes) -> None:
        self._sent.setdefault(minute, bytearray()).extend(packed)
        self._count += len(packed) // _FINGERPRINT_BYTES

    def _forget(self, until: Micros) -> None:
        """Begin later where the overlap is long enough or there are too many, but not behind that minute."""
        if self.newest is not None:
            self.since = max(self.since, minute_of(self.newest - OVERLAP))
        while self._sent and (oldest := min(self._sent)) < until:
            if oldest + MINUTE > self.since and self._count <= MOST_FINGERPRINTS:
                return
            self._count -= len(self._sent.pop(oldest)) // _FINGERPRINT_BYTES
            self.since = max(self.since, oldest + MINUTE)


def _moment(value: Any) -> Micros | None:
    moment = parse_moment(value) if isinstance(value, str) else None
    if moment is None and value is not None:
        raise StateUnreadable
    return moment


def _unpacked(packed: Any) -> bytes:
    try:
        marks = base64.b64decode(packed, validate=True)
    except (TypeError, binascii.Error):
        raise StateUnreadable from None
    if len(marks) % _FINGERPRINT_BYTES:
        raise StateUnreadable
    return marks
