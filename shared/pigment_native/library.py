"""Loads the library that is built from `rows.c`, where there is one for this machine."""

from __future__ import annotations

import ctypes
from pathlib import Path

_VERSION = 2


def load(path: Path) -> ctypes.CDLL | None:
    """The library at a path; None where there is none, or one that this machine or this version cannot use."""
    try:
        library = ctypes.CDLL(str(path))
        found = library.rows_version()
    except (OSError, AttributeError):
        return None
    return library if found == _VERSION else None


LIBRARY = load(Path(__file__).with_name("librows.so"))
