"""A sync that is called in process: messages go in as objects, and states come out while the caller iterates.

It is a plain generator: the sync goes on only while the caller asks for more, and whatever may leave by then comes out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer

from destination_pigment.input.cancel import Cancel
from destination_pigment.input.stdin import Blocks
from destination_pigment.state_output import Emit

logger = logging.getLogger("airbyte.pigment.destination")


class MessageBlocks:
    """A line for each message, until they end or the caller cancels."""

    rest = b""

    def __init__(self, messages: Iterable[AirbyteMessage], cancel: Cancel) -> None:
        self._messages = messages
        self._cancel = cancel

    def __iter__(self) -> Iterator[bytes]:
        messages = iter(self._messages)
        # A caller that stops is not asked for another message.
        while not self._cancel.requested and (message := next(messages, None)) is not None:
            # orjson writes a null for a number that JSON does not have, and takes no integer over 64 bits.
            yield json.dumps(AirbyteMessageSerializer.dump(message)).encode() + b"\n"


def run_in_process(
    sync: Callable[[Blocks, Emit], Iterator[None]], messages: Iterable[AirbyteMessage], cancel: Cancel
) -> Iterator[AirbyteMessage]:
    """Run a sync with these messages; the messages that come back. Raises what the sync raises.

    A caller that stops halfway cancels: what runs is waited for, and what went wrong is logged.
    """
    emitted: list[bytes] = []
    steps = sync(MessageBlocks(messages, cancel), emitted.append)
    try:
        try:
            for _ in steps:
                yield from _pop_messages(emitted)
        except Exception:
            yield from _pop_messages(emitted)
            raise
    except GeneratorExit:
        cancel.request()
        try:
            for _ in steps:
                pass
        except Exception as error:  # noqa: BLE001 - no one is left to raise it to
            logger.error("%s", error)  # noqa: TRY400 - a traceback could quote data
        raise


def _pop_messages(emitted: list[bytes]) -> Iterator[AirbyteMessage]:
    lines = b"".join(emitted).split(b"\n")[:-1]
    emitted.clear()
    yield from map(AirbyteMessageSerializer.load, map(orjson.loads, lines))
