"""Moments of the audit log as whole microseconds since 1970, in UTC. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
