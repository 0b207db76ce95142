"""Which events were sent: the state of the audit log's stream. Pure.

An event may become visible some time after it was ingested, and Pigment advises that ranges overlap. So every sync asks
again for the last day before the newest event that it knows, and the state contains what was sent of that day: a
fingerprint of each event, by the minute in which it was ingested. An event in the range without a fingerprint is new.

- `since` is where the next range begins, always at the beginning of a minute; the fingerprints are complete from there
  on. It never goes back, so an event before it was either sent or came later than the overlap.
- `newest` is the newest time of ingestion that was sent, by the server's clock. A time ahead of our clock counts as our
  time: an event with a wrong time must not move the range past those that follow. It only makes the overlap longer.
- Events are added in the order of their ingestion. So the state is true after each of them: everything not yet sent is
  at or after the last one, and `since` is never later than that.

A day is generous: events are late by seconds or minutes, and clocks and time zones are wrong by hours. It costs one
request for each thousand events of a day. If a day has more events than fit, the overlap is shorter.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pigment_client.audit_responses import event_text
from pigment_client.models import AuditEvent

Micros = int

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

MINUTE: Micros = 60_000_000


def parse_moment(text: str | None) -> Micros | None:
    """An ISO 8601 moment, in UTC if it names no zone; None for anything else. Microseconds are the last digits kept."""
    try:
        moment = datetime.fromisoformat(text or "")
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _BEGINNING) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def iso(moment: Micros) -> str:
    """A moment as ISO 8601, in its shortest form."""
    return (_BEGINNING + moment * _MICROSECOND).isoformat().replace("+00:00", "Z")


def minute_of(moment: Micros) -> Micros:
    """The beginning of its minute."""
    return moment - moment % MINUTE


def id_of(event: AuditEvent) -> str:
    """The id of an event; for one without, a hash of all its content, however its times are written."""
    if event.id:
        return event.id
    times = (_instant(each) for each in (event.event_timestamp, event.ingestion_timestamp))
    return f"sha256:{hashlib.sha256(chr(0).join(times).encode() + bytes(1) + event_text(event)).hexdigest()}"


def _instant(text: str | None) -> str:
    """A time in one form, however it is written; text that is no time as it is."""
    moment = parse_moment(text)
    return text or "" if moment is None else iso(moment)


OVERLAP: Micros = 24 * 60 * MINUTE

# Together 1.6 MB of state. A minute is never split, so one with more events than this makes a larger state.
MOST_FINGERPRINTS = 100_000

# The half that stands for the id recognises it where everything else differs; that two of a hundred thousand ids agree
# in it has a chance of one in 10^5, and costs a warning. That two events agree in both halves: one in 10^18.
_HALF_BYTES = 6
_FINGERPRINT_BYTES = 2 * _HALF_BYTES

_NEWEST, _SINCE, _READ_AT, _SENT = "ingestionTimestamp", "since", "read_at", "sent"


class StateUnreadable(Exception):
    """This stream did not write the state."""


def fingerprint(event: AuditEvent) -> bytes:
    """A few bytes that stand for an event: for its id, and for what never changes, in case another has the same id."""
    id_ = id_of(event)
    never_changes = chr(0).join((id_, event.type or "", _instant(event.event_timestamp)))
    return id_part(_hashed(id_)) + _hashed(never_changes)


def id_part(fingerprint: bytes) -> bytes:
    """The part of a fingerprint that stands for the id alone."""
    return fingerprint[:_HALF_BYTES]


def _hashed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_HALF_BYTES).digest()


class Window:
    """What was sent of the last day; `read_at` is when the audit log was last read to its end, by our clock."""

    def __init__(self, since: Micros, newest: Micros | None = None, read_at: Micros | None = None) -> None:
        # All mutable state; `_sent` has the fingerprints of each minute, one after the other; `count` is their number.
        self.since = since
        self.newest = newest
        self.read_at = read_at
        self._sent: dict[Micros, bytearray] = {}
        self.count = 0

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Window | None:
        """The window that a state describes; None if it describes none. Raises `StateUnreadable`."""
        if not state.get(_NEWEST) and not state.get(_SINCE):
            return None
        newest, since, read_at = (_moment(state.get(name)) for name in (_NEWEST, _SINCE, _READ_AT))
        if since is None and newest is not None:
            # A user wrote the time: what came before it is not wanted.
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

    def to_state(self) -> dict[str, Any]:
        return {
            _NEWEST: None if self.newest is None else iso(self.newest),
            _SINCE: iso(self.since),
            **({} if self.read_at is None else {_READ_AT: iso(self.read_at)}),
            _SENT: {iso(minute): base64.b64encode(packed).decode() for minute, packed in sorted(self._sent.items())},
        }

    @property
    def known_until(self) -> Micros | None:
        """Until when everything was read; None if nothing ever was."""
        return max((each for each in (self.newest, self.read_at) if each is not None), default=None)

    def fingerprints(self) -> set[bytes]:
        """Those of all events of this range that were sent."""
        size = _FINGERPRINT_BYTES
        return {bytes(packed[at : at + size]) for packed in self._sent.values() for at in range(0, len(packed), size)}

    def note_sent(self, ingested: Micros, mark: bytes, now: Micros) -> None:
        """An event was sent that was requested at `now`; nothing older will be sent after it."""
        minute = minute_of(ingested)
        is_new = minute not in self._sent
        self._put(minute, mark)
        newest = min(ingested, now)
        if self.newest is None or newest > self.newest:
            self.newest = newest
        if is_new or self.count > MOST_FINGERPRINTS:
            self._forget(min(minute, minute_of(self.newest)))

    def complete(self, read_at: Micros) -> None:
        self.read_at = read_at
        if self._sent and self.newest is not None:
            self._forget(minute_of(self.newest))

    def _put(self, minute: Micros, packed: bytes) -> None:
        self._sent.setdefault(minute, bytearray()).extend(packed)
        self.count += len(packed) // _FINGERPRINT_BYTES

    def _forget(self, until: Micros) -> None:
        """Begin later if the overlap is long enough or there are too many fingerprints, but not after that minute."""
        if self.newest is not None:
            self.since = max(self.since, minute_of(self.newest - OVERLAP))
        while self._sent and (oldest := min(self._sent)) < until:
            if oldest + MINUTE > self.since and self.count <= MOST_FINGERPRINTS:
                return
            self.count -= len(self._sent.pop(oldest)) // _FINGERPRINT_BYTES
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
