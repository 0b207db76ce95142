"""Whether an attempt that failed may be repeated, and after how long. Pure; `transport` does it.

Reads may always be repeated. A push may be repeated where repeating is harmless, or where it certainly did not
arrive. What the user must fix is never repeated.

A request that was answered with 429 was not carried out, so it may always be repeated. The request is not at fault:
a 429 is a fact about the address. So it uses up no retry: a request is given up after five minutes of 429s, or at once
if Retry-After exceeds ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pigment_client.errors import BrokenOff, LimitReached, PigmentError, TryLater, Unavailable
from pigment_client.http.rate_limit import LONGEST_WAIT_SECONDS, REQUEST_WINDOW


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to repeat, and how long to wait in between; `retries` counts the attempts after the first.

    `repeats_limited`: whether a request that was answered with 429 is sent again.
    """

    retries: int
    base_seconds: float = 1.0
    ceiling_seconds: float = 30.0
    repeats_limited: bool = True


# The numbers of retries are defaults, replaced by the connection's "Retries" (for a push: if that is less).
# Text "Pigment as a source connector": full jitter, base 1 s, ceiling 30 s, 3 retries.
READ = RetryPolicy(retries=3)

# 5 attempts in all, waits drawn from 0-1, 0-2, 0-4 and 0-8 s (text "CSV Push API", which waits after the last too).
PUSH = RetryPolicy(retries=4, ceiling_seconds=8.0)

# For what is only useful, and must not keep anything else waiting.
ONCE = RetryPolicy(retries=0, repeats_limited=False)


class Attempts:
    """What one operation has tried so far."""

    def __init__(self, policy: RetryPolicy, *, repeatable: bool) -> None:
        self._policy = policy
        self._repeatable = repeatable
        # All mutable state: retries used up, and since when (in seconds of the clock) every answer was a 429.
        self._retries = 0
        self._limited_since: float | None = None

    def wait_after(self, error: PigmentError, *, now: float, random: Callable[[], float]) -> float | None:
        """How long to wait before the next attempt; None if there is none.

        After a 429 that is 0, because the rate limit makes every request wait anyway.
        """
        if not may_repeat(error, repeatable=self._repeatable):
            return None
        if isinstance(error, LimitReached):
            if not self._policy.repeats_limited:
                return None
            self._limited_since = now if self._limited_since is None else self._limited_since
            return 0.0 if now - self._limited_since <= REQUEST_WINDOW.total_seconds() else None
        self._limited_since = None
        self._retries += 1
        if self._retries > self._policy.retries:
            return None
        asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
        return wait_seconds(self._policy, self._retries, retry_after=asked, random=random)


def may_repeat(error: PigmentError, *, repeatable: bool) -> bool:
    """Whether the same request may be sent again; `repeatable` says that carrying it out twice does no harm."""
    match error:
        case LimitReached():
            return asks_for_short_wait(error)
        case Unavailable(arrived=arrived):
            return (repeatable or not arrived) and asks_for_short_wait(error)
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


def asks_for_short_wait(error: TryLater) -> bool:
    """Whether Retry-After, if there is one, is short enough to be waited for."""
    return error.retry_after_seconds is None or error.retry_after_seconds <= LONGEST_WAIT_SECONDS
