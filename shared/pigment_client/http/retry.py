"""Three questions about an attempt that failed: may it be repeated, how long to wait, and (in `transport`) do it.

Reads may always be repeated. A push may be repeated where repeating is harmless, or where it certainly did not
arrive. A 429 was not carried out, so it may always be repeated. What the user must fix is never repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pigment_client.errors import BrokenOff, LimitReached, PigmentError, Unavailable

# Pigment's windows are 5 minutes and an hour. Who is asked to wait for longer than one request window stops and says
# so, instead of sleeping through an hour; the platform runs the sync again.
LONGEST_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently; `retries` counts the attempts after the first."""

    retries: int
    base_seconds: float = 1.0
    ceiling_seconds: float = 30.0


# Text "Pigment as a source connector": full jitter, base 1 s, ceiling 30 s, 3 retries.
READ = RetryPolicy(retries=3)

# Text "CSV Push API": waits drawn from 0-1, 0-2, 0-4, 0-8 and 0-16 s.
PUSH = RetryPolicy(retries=5, ceiling_seconds=16.0)


def may_repeat(error: PigmentError, *, repeatable: bool) -> bool:
    """Whether the same request may be sent again; `repeatable` says that carrying it out twice is harmless."""
    match error:
        case LimitReached(retry_after_seconds=asked):
            return _is_short(asked)
        case Unavailable(arrived=arrived, retry_after_seconds=asked):
            return (repeatable or not arrived) and _is_short(asked)
        case BrokenOff():
            return repeatable
        case _:
            return False


def wait_seconds(policy: RetryPolicy, retry: int, *, retry_after: float | None, random: Callable[[], float]) -> float:
    """How long to wait before the retry, counted from 1.

    Full jitter, but never less than the server asked for; `random` gives a number from 0 to 1.
    """
    ceiling = min(policy.ceiling_seconds, policy.base_seconds * 2.0 ** min(retry - 1, 60))
    return max(random() * ceiling, retry_after or 0.0)


def _is_short(asked_seconds: float | None) -> bool:
    return asked_seconds is None or asked_seconds <= LONGEST_WAIT_SECONDS
