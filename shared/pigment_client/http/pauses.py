"""How long all requests pause after a 429. Pure; `rate_limit` makes them wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

# "500 requests per 5 minutes" (Pigment's limits): after a whole window whatever was counted is forgotten.
REQUEST_WINDOW = timedelta(minutes=5)

# A request that is asked to wait for much longer than one request window is given up, instead of sleeping through an
# hour; the platform runs the sync again.
LONGEST_WAIT_SECONDS = 2 * REQUEST_WINDOW.total_seconds()

# The base of the text "CSV Push API", section "Rate Limiting".
_FIRST_PAUSE_SECONDS = 1.0


def pause_seconds(pauses_before: int, *, retry_after: float | None, random: Callable[[], float]) -> float:
    """How long all requests pause after a 429: as long as it asks for, else longer each time, up to a whole window.

    At least half of it is waited; the rest is jitter, for others that share the address. What asks for no wait, or for
    less than the first pause, asks for nothing: the whole limit would be spent in a moment.
    """
    if retry_after is not None and retry_after >= _FIRST_PAUSE_SECONDS:
        return min(retry_after, LONGEST_WAIT_SECONDS)
    ceiling = min(REQUEST_WINDOW.total_seconds(), _FIRST_PAUSE_SECONDS * 2.0 ** min(pauses_before, 60))
    return ceiling * (1.0 + random()) / 2.0
