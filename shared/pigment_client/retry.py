"""Three questions about an attempt that failed: may it be repeated, how long to wait, and (elsewhere) do it.

Reads may always be repeated. A push may be repeated where repeating is harmless, or where it certainly did not
arrive. A 429 was not carried out, so it may always be repeated. What the user must mend is never repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pigment_client.errors import BrokenOff, LimitReached, PigmentError, Unavailable


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently; `attempts` counts the tries after the first."""

    attempts: int
    base_seconds: float = 1.0
    ceiling_seconds: float = 30.0


# Mission text "Pigment as a source": full jitter, base 1 s, ceiling 30 s, 3 retries.
READ = RetryPolicy(attempts=3)

# Mission text "CSV Push API": waits drawn from 0-1, 0-2, 0-4, 0-8 and 0-16 s.
PUSH = RetryPolicy(attempts=5, ceiling_seconds=16.0)


def may_repeat(error: PigmentError, *, repeatable: bool) -> bool:
    """Whether the same request may be sent again; `repeatable` says that carrying it out twice is harmless."""
    match error:
        case LimitReached():
            return True
        case Unavailable(arrived=arrived):
            return repeatable or not arrived
        case BrokenOff():
            return repeatable
        case _:
            return False


def wait_seconds(policy: RetryPolicy, attempt: int, *, retry_after: float | None, random: Callable[[], float]) -> float:
    """How long to wait before the attempt, counted from 1 for the first repetition.

    Full jitter, but never less than the server asked for; `random` gives a number from 0 to 1.
    """
    ceiling = min(policy.ceiling_seconds, policy.base_seconds * 2.0 ** (attempt - 1))
    return max(random() * ceiling, retry_after or 0.0)
