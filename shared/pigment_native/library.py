"""The library that is built from `rows.c`, if there is one for this machine, and how memory is described to it."""

from __future__ import annotations

import ctypes
from pathlib import Path

_VERSION = 4


def load(path: Path) -> ctypes.CDLL | None:
    """The library at a path; None if there is none, or if this machine or this version cannot use it."""
    try:
        library = ctypes.CDLL(str(path))
        found = library.rows_version()
    except (OSError, AttributeError):
        return None
    return library if found == _VERSION else None


PATH = Path(__file__).with_name("librows.so")
LIBRARY = load(PATH)

# How a conversion ended, as `rows.c` numbers it.
DONE, LEFT_TO_ROWS, NO_ROOM = range(3)


class Text(ctypes.Structure):
    """Bytes to be read; keeps nothing alive."""

    _fields_ = (("at", ctypes.c_void_p), ("end", ctypes.c_void_p))


class Room(ctypes.Structure):
    """Space to write to, from `at` on; `full` once something did not fit."""

    _fields_ = (("at", ctypes.c_void_p), ("end", ctypes.c_void_p), ("full", ctypes.c_bool))


def address_of(buffer: bytes | bytearray) -> int:
    """The address of the bytes, valid for as long as the buffer exists."""
    if isinstance(buffer, bytes) or not buffer:
        return ctypes.cast(ctypes.c_char_p(buffer if isinstance(buffer, bytes) else b""), ctypes.c_void_p).value or 0
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def text_of(buffer: bytes | bytearray) -> Text:
    """The whole of a buffer."""
    at = address_of(buffer)
    return Text(at, at + len(buffer))
