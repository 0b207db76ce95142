"""Places in memory, as `rows.c` is told of them, and how it ends. They keep nothing alive."""

from __future__ import annotations

import ctypes

DONE, LEFT_TO_ROWS, NO_ROOM = range(3)


class Text(ctypes.Structure):
    """Some bytes."""

    _fields_ = (("at", ctypes.c_void_p), ("end", ctypes.c_void_p))


class Room(ctypes.Structure):
    """Bytes to be written, from `at` on."""

    _fields_ = (("at", ctypes.c_void_p), ("end", ctypes.c_void_p), ("full", ctypes.c_bool))


def address_of(buffer: bytes | bytearray) -> int:
    """Where the bytes are, for as long as somebody keeps them."""
    if isinstance(buffer, bytes) or not buffer:
        return ctypes.cast(ctypes.c_char_p(buffer if isinstance(buffer, bytes) else b""), ctypes.c_void_p).value or 0
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def text_of(buffer: bytes | bytearray) -> Text:
    """All the bytes of a buffer."""
    at = address_of(buffer)
    return Text(at, at + len(buffer))
