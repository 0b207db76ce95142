"""Time, sleep and randomness as parameters, so that no test waits for real time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """The sources of time and randomness.

    `monotonic` counts seconds and never goes back, `now` is the time of day (with its zone), `random` gives a number
    from 0 to 1. A cancel is a `sleep` that raises.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
