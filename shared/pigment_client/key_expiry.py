"""The expiry date of a key, where a response says it. Pure.

No source describes such a response: Pigment's API description has none, and the knowledge base only says that a key
expires at the start of its expiry date. So any header is read whose name speaks of a key and of its expiry, such as
`X-Api-Key-Expires-At`, with a date or a moment in one of the usual forms; what cannot be read counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

# Long enough to have a key made by somebody else before it is needed.
WARNED_BEFORE = timedelta(days=14)

# Where clocks begin to count, here and in .NET's year 1: no date was set.
_ZERO = date(1970, 1, 1)

_NAME = re.compile(r"key.*expir|expir.*key", re.IGNORECASE)
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = re.compile(r"\d{10}"), re.compile(r"\d{13}")


def expiry_date(headers: Mapping[str, str]) -> date | None:
    """The date, in UTC, at whose start the key that was used expires; None where no header says it."""
    found = (_read(value.strip().strip('"')) for name, value in headers.items() if _NAME.search(name))
    return min((each for each in found if each is not None and each > _ZERO), default=None)


def expires_soon(expiry: date, now: datetime) -> bool:
    """Whether it is time to say so."""
    return expiry - now.astimezone(UTC).date() <= WARNED_BEFORE


def _read(text: str) -> date | None:
    text = re.sub(r" ?(UTC|GMT)$", "+00:00", text) if text[:1].isdigit() else text
    for parse in (_from_epoch, datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
            # At the edges of the calendar, which stand for "never", another zone can have no such day.
            return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _from_epoch(text: str) -> datetime:
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if _EPOCH_SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    raise ValueError
