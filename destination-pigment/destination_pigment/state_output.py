"""The states on their way back: kept until their records are stored, then sent as they came.

A state goes back as the object that came, with `destinationStats` added; everything else in it (the platform's `id`,
numbers of any length) stays as it is, because it is never decoded.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from destination_pigment.checkpoints import Checkpoints, DueState
from destination_pigment.files.spool import disk_errors_explained
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey
from destination_pigment.input.messages import StateLine
from pigment_airbyte.failures import ConfigProblem
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How much is written to standard output at a time.
_WRITE_BYTES = 1 << 19

_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])

Emit = Callable[[bytes], None]


class StateOutput:
    """The states of a sync, kept until they may leave. If the other end is closed, that cancels the sync."""

    def __init__(self, spool: StateSpool, emit: Emit, cancel: Cancel) -> None:
        self.checkpoints = Checkpoints()
        self._spool = spool
        self._emit = emit
        self._cancel = cancel
        # Mutable state in addition to the checkpoints: whether any state may go. None goes after one that was lost on
        # the disk, because the counts that belong to it would be missing.
        self._is_stopped = False
        # States that are due and go at the very end.
        self._kept: list[DueState] = []

    def queue_state(self, state: StateLine, key: StreamKey | None) -> int:
        """Keep a state of a stream (None: of all); returns how many of the records that it counts have not arrived."""
        return self.checkpoints.push_state(self._spool.spool_line(state.line), key, state.announced)

    def send_due(self) -> None:
        """Send the states whose records are stored or permanently rejected; raises where they cannot be read back."""
        self._send(self.checkpoints.pop_due)

    def keep_due(self) -> None:
        """Keep these states until `send_kept`; they do not wait for any record."""
        if not self._is_stopped:
            self._kept += self.checkpoints.pop_due()

    def send_kept(self) -> None:
        """Send the states that were kept; raises where they cannot be read back."""
        kept, self._kept = self._kept, []
        self._send(lambda: kept)

    def _send(self, pop: Callable[[], Iterable[DueState]]) -> None:
        if self._is_stopped:
            return
        try:
            for lines in self._lines(pop()):
                try:
                    self._emit(lines)
                except OSError:
                    self._cancel.request(signal.SIGPIPE)
        except Exception:
            self.stop()
            raise

    def stop(self) -> None:
        """Send no further state: it is not certain which of them are true."""
        self._is_stopped = True

    def log_unsent(self) -> None:
        """Log how many states were not sent."""
        if waiting := self.checkpoints.waiting:
            not_sent, them = counted(waiting, "state was", "states were"), "it" if waiting == 1 else "them"
            logger.info("%s not sent, because not every record before %s is confirmed.", not_sent, them)

    def _lines(self, states: Iterable[DueState]) -> Iterator[bytes]:
        lines: list[bytes] = []
        size = 0
        for due in states:
            try:
                line = self._spool.pop_line(due.state)
            except ConfigProblem:
                if lines:  # those before it are true anyway
                    yield b"".join(lines)
                raise
            lines.append(with_stats(line, stored=due.stored, rejected=due.rejected))
            size += len(lines[-1])
            if size >= _WRITE_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
        if lines:
            yield b"".join(lines)


def with_stats(line: bytes, *, stored: int, rejected: int) -> bytes:
    """The state message as it came, with `destinationStats` added; ends in a line feed."""
    message = _OBJECTS.decode(line)
    state = _OBJECTS.decode(message["state"])
    stats = {"recordCount": float(stored), "rejectedRecordCount": float(rejected)}
    state["destinationStats"] = msgspec.Raw(msgspec.json.encode(stats))
    message["state"] = msgspec.Raw(msgspec.json.encode(state))
    return msgspec.json.encode(message) + b"\n"


# What may wait in memory, and how much is read back at a time.
_MEMORY_BYTES = 1 << 16
_AT_ONCE_BYTES = 1 << 14

# Not a transient error: the platform would automatically send stored rows once more.
_LOST = (
    "States that were kept on the connector's disk cannot be read back, so Airbyte does not learn that their rows are "
    "stored, and the next sync sends these rows once more: check that the disk of the connector works, look at the "
    "blocks of streams that append, and run the sync again."
)


class StateSpool:
    """Keeps lines until they are read back: in memory, and beyond `memory_bytes` in a file.

    `new_path` says where the file goes, once it is needed.
    """

    def __init__(
        self,
        new_path: Callable[[], Path],
        *,
        memory_bytes: int = _MEMORY_BYTES,
        at_once_bytes: int = _AT_ONCE_BYTES,
    ) -> None:
        self._new_path = new_path
        self._memory_bytes = memory_bytes
        self._at_once_bytes = at_once_bytes
        # Mutable state: the bytes of the lines that were not read back; the file, how much was written to it, and what
        # comes after that; and a part of it that was read, with its offset.
        self._kept_bytes = 0
        self._descriptor: int | None = None
        self._written = 0
        self._unwritten = bytearray()
        self._read = b""
        self._read_from = 0

    def spool_line(self, line: bytes) -> int:
        """Keep a line without its line end; returns where it is. Raises `TransientProblem` when the disk is full."""
        offset = self._written + len(self._unwritten)
        self._unwritten += line + b"\n"
        self._kept_bytes += len(line) + 1
        if len(self._unwritten) > self._memory_bytes:
            self._write()
        return offset

    def pop_line(self, offset: int) -> bytes:
        """The line again; it is kept no longer. Raises `ConfigProblem` where the disk does not give it back."""
        line = self._line_at(offset)
        self._kept_bytes -= len(line) + 1
        if self._kept_bytes == 0:
            self._forget()
        return line

    def close(self) -> None:
        """Nothing is read back any more; the file goes with its folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _line_at(self, offset: int) -> bytes:
        if offset >= self._written:
            begin = offset - self._written
            return bytes(self._unwritten[begin : self._unwritten.index(b"\n", begin)])
        begin = offset - self._read_from
        end = self._read.find(b"\n", begin) if begin >= 0 else -1
        if end < 0:
            self._read, self._read_from, begin = self._read_on(offset), offset, 0
            end = self._read.find(b"\n")
            if end < 0:
                raise ConfigProblem(_LOST)
        return self._read[begin:end]

    def _read_on(self, offset: int) -> bytes:
        """What the file has from here on: a whole line at least, unless the disk does not give it back.

        States leave nearly in the order in which they came, so the next ones are read with it.
        """
        if self._descriptor is None:
            raise ValueError("nothing is kept on disk")
        found = b""
        with suppress(OSError):
            while b"\n" not in found and (left := self._written - offset - len(found)):
                most = min(max(len(found), self._at_once_bytes), left)
                if not (more := os.pread(self._descriptor, most, offset + len(found))):
                    break
                found += more
        return found

    def _write(self) -> None:
        with disk_errors_explained():
            if self._descriptor is None:
                self._descriptor = os.open(self._new_path(), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            end, left = self._written, bytes(self._unwritten)
            while left:
                written = os.pwrite(self._descriptor, left, end)
                end, left = end + written, left[written:]
        self._written, self._unwritten = end, bytearray()

    def _forget(self) -> None:
        """Begin again at the start of the file, because everything in it was read back."""
        if self._descriptor is not None:
            with suppress(OSError):  # what comes next is written over it
                os.ftruncate(self._descriptor, 0)
        self._written, self._unwritten, self._read = 0, bytearray(), b""
