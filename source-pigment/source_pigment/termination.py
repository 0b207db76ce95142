"""SIGTERM: the end of the process, whatever it is in the middle of.

The handler raises, so that folders for temporary files are removed on the way out. But Python drops what is raised
while an object is finalized, for an input or output object without a word. So that the signal came is also kept, and
looked at before each message; and who waits for long by then is ended a moment later.
"""

from __future__ import annotations

import os
import signal
import sys
from threading import Timer
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM

# Long enough for what is cleaned up on the way out.
_GRACE_SECONDS = 10.0


class Terminated(BaseException):
    """SIGTERM came."""


class Termination:
    """Whether SIGTERM came; for the main thread."""

    def __init__(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        # All mutable state.
        self.came = False

    def expect(self) -> None:
        """From now on, raise `Terminated` when SIGTERM comes."""
        signal.signal(signal.SIGTERM, self._take)

    def check(self) -> None:
        """Raise `Terminated` if SIGTERM came, whatever became of what was raised then."""
        if self.came:
            raise Terminated

    def end(self) -> None:
        """Leave at once if SIGTERM came: all is cleaned up, and nobody waits for a download that is under way."""
        if self.came:
            os._exit(EXIT_CODE)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        # What is still said on the way out waits for no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not self.came:
            self.came = True
            timer = Timer(self._grace_seconds, os._exit, [EXIT_CODE])
            timer.daemon = True
            timer.start()
        raise Terminated
