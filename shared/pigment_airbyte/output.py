"""Standard output, which messages and the log share: no line is cut by another.

Threads log while the main thread writes blocks of records into the same pipe, and a pipe keeps only short writes in one
piece. So every write here takes the locks of the log's handlers, and flushes.
"""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from pathlib import Path

from pigment_native.library import LIBRARY, PATH


def write_lines(lines: bytes | bytearray) -> None:
    """Write whole lines to the platform, at once and in one piece."""
    with ExitStack() as held:
        for handler in _handlers():
            if handler.lock is not None:
                held.enter_context(handler.lock)
        sys.stdout.flush()
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()


def _handlers() -> list[logging.Handler]:
    """The handlers that our log records reach, always in the same order, so that two writers never block each other."""
    loggers = [logging.getLogger(), logging.getLogger("airbyte")]
    found = {id(handler): handler for logger in loggers for handler in logger.handlers}
    return [found[key] for key in sorted(found)]


def log_slow_conversion(logger: logging.Logger) -> None:
    """Log that rows are converted in Python, if so: it costs time and nothing else."""
    if LIBRARY is None:
        logger.info("Rows are converted in Python, which takes several times as long: %s", _why_slow(PATH))


def _why_slow(library: Path) -> str:
    """Why the library cannot be used, and what to do, as the end of a sentence."""
    if library.exists():
        return (
            "the compiled library of this installation is of another version, or for another machine. In a clone of "
            "the repository, run `make native`; otherwise, install the connector again."
        )
    return (
        "this installation has no compiled library. The images have it, and the packages for Linux on x86_64 and ARM; "
        "in a clone of the repository, run `make native`."
    )
