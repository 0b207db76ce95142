"""The frames of HTTP/2 (RFC 9113, section 4.1), as far as we look at them ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

# Larger frames than the default 16 KB cost less; a frame is held until it is complete.
MAX_FRAME_BYTES = 128 * 1024

_HEADER_BYTES = 9


class FrameKind(IntEnum):
    """The kinds that are not left to h2 alone."""

    DATA = 0
    GOAWAY = 7
    WINDOW_UPDATE = 8


class Flag(IntEnum):
    """The flags of DATA."""

    END_STREAM = 0x1
    PADDED = 0x8


class FrameTooLarge(Exception):
    """The server sends larger frames than we allowed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `kind` is a number, because new kinds may come at any time."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """The frame as it travels."""
        return b"".join(
            (
                len(self.payload).to_bytes(3),
                bytes((self.kind, self.flags)),
                self.stream_id.to_bytes(4),
                self.payload,
            )
        )

    def content(self) -> bytes:
        """What a DATA frame carries, without its padding; raises ValueError where the padding is not possible."""
        if not self.flags & Flag.PADDED:
            return self.payload
        end = len(self.payload) - self.payload[0] if self.payload else 0
        if end < 1:
            raise ValueError("more padding than payload")
        return self.payload[1:end]


def window_update(stream_id: int, increment: int) -> Frame:
    """Allow the server to send more, on a stream or (0) on the connection."""
    return Frame(FrameKind.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4))


class FrameBuffer:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        # All mutable state: the bytes of a frame that is not complete yet.
        self._incomplete = bytearray()

    @property
    def holds_part(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return bool(self._incomplete)

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Take bytes, give the frames that are complete now; raises `FrameTooLarge`."""
        self._incomplete += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        begun = self._incomplete
        if len(begun) < _HEADER_BYTES:
            return None
        length = int.from_bytes(begun[:3])
        if length > MAX_FRAME_BYTES:
            raise FrameTooLarge
        end = _HEADER_BYTES + length
        if len(begun) < end:
            return None
        with memoryview(begun) as view:
            payload = bytes(view[_HEADER_BYTES:end])
        frame = Frame(begun[3], begun[4], int.from_bytes(begun[5:_HEADER_BYTES]) & 0x7FFFFFFF, payload)
        del begun[:end]
        return frame
