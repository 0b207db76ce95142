"""How a sync ends for a destination: what the platform closes, how long it waits, which signals it sends.

Read in the platform's container orchestrator (November 2026): after a success it closes stdin and waits as long as
the destination needs. After a failure of the source it closes stdin, waits 60 s (`GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS`;
older versions 0 s), closes the reading ends of stdout and stderr and has the process terminated. On a cancel it closes
all three at once; its wrapper kills its own shell, so SIGTERM may never reach the connector before the pod's SIGKILL.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The source succeeded: stdin is closed, and patience has no limit."""


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The source failed: stdin is closed, then after the grace the reading ends, then the process is terminated."""

    grace_seconds: float = GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS
    signal: int | None = signal.SIGTERM
    kill_after_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody cancelled: stdin and the reading ends are closed at once; mostly no signal but the last one comes."""

    signal: int | None = None
    kill_after_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Killed:
    """The machine went away: nothing is closed in order, SIGKILL comes."""


Ending = Succeeded | SourceFailed | Cancelled | Killed
