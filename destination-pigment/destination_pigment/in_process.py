"""A sync that is called in process: messages go in as objects, and each state comes out as soon as it may leave.

The sync runs in a thread of its own, as it does as a process: an import, or what is started behind all of them, may
take an hour, and what is stored by then does not wait for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from enum import Enum, auto
from queue import Empty, SimpleQueue
from threading import Thread

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer

from destination_pigment.input.cancel import Cancel

logger = logging.getLogger("airbyte.pigment.destination")


class _Event(Enum):
    """What the sync does beside sending lines."""

    ASKS = auto()  # for the next message
    HAS_ENDED = auto()


class Exchange:
    """Between a caller and a sync: iterate over it for the blocks of lines, as over those of standard input.

    Yields nothing (b"") where some time went by without a message; raises what the caller's messages raise. A caller
    that stops half-way cancels.
    """

    def __init__(self, cancel: Cancel, *, pulse_seconds: float = 0.5) -> None:
        self.rest = b""
        self._cancel = cancel
        self._pulse_seconds = pulse_seconds
        self._blocks: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        self._events: SimpleQueue[bytes | _Event] = SimpleQueue()

    def __iter__(self) -> Iterator[bytes]:
        while not self._cancel.requested:
            self._events.put(_Event.ASKS)
            block = yield from self._next_block()
            if block is None:
                return
            if isinstance(block, Exception):
                raise block
            yield block

    def emit(self, lines: bytes) -> None:
        """Give lines to the caller."""
        self._events.put(lines)

    def run(self, sync: Callable[[], None], messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
        """Run the sync with these messages; the messages that come back. Raises what the sync raises."""
        errors: list[Exception] = []

        def work() -> None:
            try:
                sync()
            except Exception as error:  # noqa: BLE001 - it is raised where the sync is waited for
                errors.append(error)
            finally:
                self._events.put(_Event.HAS_ENDED)

        thread = Thread(target=work, daemon=True)
        thread.start()
        try:
            yield from self._until_ended(iter(messages))
        except BaseException:
            self._cancel.request()
            self._blocks.put(None)
            thread.join()
            for error in errors:
                logger.error("%s", error)  # noqa: TRY400 - a traceback could quote data
            raise
        thread.join()
        for error in errors:
            raise error

    def _next_block(self) -> Generator[bytes, None, bytes | Exception | None]:
        while True:
            try:
                return self._blocks.get(timeout=self._pulse_seconds)
            except Empty:
                yield b""

    def _until_ended(self, messages: Iterator[AirbyteMessage]) -> Iterator[AirbyteMessage]:
        for event in iter(self._events.get, _Event.HAS_ENDED):
            if isinstance(event, bytes):
                yield from map(AirbyteMessageSerializer.load, map(orjson.loads, event.split(b"\n")[:-1]))
            else:
                self._blocks.put(_next_line(messages))


def _next_line(messages: Iterator[AirbyteMessage]) -> bytes | Exception | None:
    """The next message as a line, None behind the last, or what went wrong instead."""
    try:
        message = next(messages, None)
        # orjson writes a null for a number that JSON does not have, and takes no integer over 64 bits.
        return None if message is None else json.dumps(AirbyteMessageSerializer.dump(message)).encode() + b"\n"
    except Exception as error:  # noqa: BLE001 - the sync ends with it, and what is stored is reported before
        return error
