"""The states on their way back: kept until their records are stored, then sent as they came."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator

from destination_pigment.checkpoints import Checkpoints
from destination_pigment.files.held_states import Held, HeldStates
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.configured_streams import StreamKey
from destination_pigment.input.messages import StateLine, with_stats
from pigment_airbyte.failures import ConfigProblem
from pigment_client.quantities import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How much is written to standard output at a time.
_WRITE_BYTES = 1 << 19

Emit = Callable[[bytes], None]


class States:
    """The states of a sync. Once nobody reads what is sent, that cancels the sync."""

    def __init__(self, held: HeldStates, emit: Emit, cancel: Cancel) -> None:
        self.checkpoints: Checkpoints[Held] = Checkpoints()
        self._held = held
        self._emit = emit
        self._cancel = cancel
        # Mutable state beside the checkpoints: whether any state may go. None goes behind one that was lost on the
        # disk, for the counts that went with it would be missing.
        self._is_stopped = False

    def add(self, state: StateLine, key: StreamKey | None) -> int:
        """Keep a state of a stream (None: of all); how many of the records that it counts have not arrived."""
        missing = self.checkpoints.missing(key, state.announced)
        self.checkpoints.add(self._held.put(state.line), key, state.announced)
        return missing

    def send_due(self) -> None:
        """Send the states whose records are stored or rejected for good; raises where they cannot be read again."""
        if self._is_stopped:
            return
        try:
            for lines in self._due_lines():
                self._send(lines)
        except Exception:
            self.stop()
            raise

    def stop(self) -> None:
        """Send no state any more: it is not certain which of them are true."""
        self._is_stopped = True

    def _send(self, lines: bytes) -> None:
        try:
            self._emit(lines)
        except OSError:
            self._cancel.request(signal.SIGPIPE)

    def summarize(self) -> None:
        """Say how many states stay."""
        if waiting := self.checkpoints.waiting:
            not_sent = counted(waiting, "state is", "states are")
            logger.info("%s not sent: not all records before it are confirmed.", not_sent)

    def _due_lines(self) -> Iterator[bytes]:
        lines: list[bytes] = []
        size = 0
        for released in self.checkpoints.release():
            try:
                held = self._held.take(released.state)
            except ConfigProblem:
                if lines:  # those before it are true all the same
                    yield b"".join(lines)
                raise
            line = with_stats(held, stored=released.stored, rejected=released.rejected)
            lines.append(line)
            size += len(line)
            if size >= _WRITE_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
        if lines:
            yield b"".join(lines)
