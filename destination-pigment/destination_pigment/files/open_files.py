"""Files that grow in turns, of which few are open: a process may have far fewer descriptors than a sync has streams."""

from __future__ import annotations

import os
import resource
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO

# A quarter of what the process may have open, but not more than pays for itself: each has a buffer of some KB.
_FEWEST_OPEN, _MOST_OPEN = 32, 256


def most_open() -> int:
    """How many files may be open; the rest is for connections."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = _MOST_OPEN if limit == resource.RLIM_INFINITY else limit // 4
    return max(_FEWEST_OPEN, min(share, _MOST_OPEN))


class OpenFiles:
    """Adds to private files; the one that has been left alone for longest is closed where too many are open.

    For several threads. What is written may wait in memory until the file is closed.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most_open = most_open() if most is None else most
        # Mutable state, guarded by the lock: the open files, the last used at the end, and what failed. A file may fail
        # when it is closed to make room for another; that is raised when it is written or closed itself.
        self._lock = Lock()
        self._open: OrderedDict[Path, IO[bytes]] = OrderedDict()
        self._failed: dict[Path, OSError] = {}

    def append(self, path: Path, content: bytes) -> None:
        """Add to a file, which is created if it is not there; raises OSError."""
        with self._lock, self._remembering_failure(path):
            if path not in self._open:
                self._close_down_to(self._most_open - 1)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                self._open[path] = os.fdopen(descriptor, "ab")
            self._open.move_to_end(path)
            self._open[path].write(content)

    def close(self, path: Path) -> None:
        """See that all of a file is on the disk; raises OSError."""
        with self._lock, self._remembering_failure(path):
            if path in self._open:
                self._open.pop(path).close()

    def close_all(self) -> None:
        """Close what is open, whatever becomes of its content."""
        with self._lock:
            self._close_down_to(0)

    def _close_down_to(self, count: int) -> None:
        while len(self._open) > count:
            path, file = self._open.popitem(last=False)
            with suppress(OSError), self._remembering_failure(path):
                file.close()

    @contextmanager
    def _remembering_failure(self, path: Path) -> Iterator[None]:
        """A file that failed once fails permanently, because what it lacks is not known."""
        if path in self._failed:
            raise self._failed[path]
        try:
            yield
        except OSError as error:
            self._failed[path] = error
            raise
