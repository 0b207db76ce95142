"""Work on a thread of its own, so that a response which does not come cannot hold up the end of a cancelled sync."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

_LOOK_EVERY_SECONDS = 0.5


def finish_in_background(work: Callable[[], None], cancelled: Callable[[], bool], grace_seconds: float) -> bool:
    """Whether the work has ended; not where it goes on so long after the platform cancelled. Raises what it raises."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is raised where the work is waited for
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    cancelled_at: float | None = None
    thread.join(_LOOK_EVERY_SECONDS)
    while thread.is_alive():
        if cancelled_at is None and cancelled():
            cancelled_at = time.monotonic()
        if cancelled_at is not None and time.monotonic() - cancelled_at > grace_seconds:
            return False
        thread.join(_LOOK_EVERY_SECONDS)
    for error in errors:
        raise error
    return True
