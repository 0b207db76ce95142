"""One attempt of a sync at a destination, made up for tests: what the platform sends, how it ends, what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airbyte_platform.endings import GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS, Ending, SourceFailed, Succeeded
from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules
from airbyte_platform.ways import Way, catalog_for, complete
from connectors import Runner

# Time passes so much faster for a destination that waits a minute and a half, and its platform waits no minute.
SPEED = 30.0
FAILED = SourceFailed(grace_seconds=GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS / SPEED)


@dataclass
class Attempt:
    """What is sent for some streams, and in which way; `half` is the beginning of a line that breaks off."""

    streams: Sequence[dict[str, Any]]
    mode: str
    way: Way
    messages: Sequence[Message]
    half: bytes = b""
    generation: int = 1
    rules: DestinationRules = field(default_factory=DestinationRules)

    def run(self, destination: Runner, ending: Ending, **config: Any) -> Run:
        """Send everything, end as the platform does, and hold what came back to the platform's rules."""
        generations = dict.fromkeys(range(len(self.streams)), self.generation)
        delivery = destination.deliver(
            catalog_for(self.streams, self.mode, self.way, generations=generations), **config
        )
        delivery.send(*(as_lines([self._passed(each)]) for each in self.messages))
        delivery.send(self.half)
        if isinstance(ending, Succeeded) and self.way.statuses:
            delivery.send_messages(*map(complete, self.streams))
        run = delivery.end(ending)
        for message in run.messages:
            self.rules.see(message)
        if isinstance(ending, Succeeded) and not config.get("dry_run"):
            self.rules.end(run.exit_code)
        return run

    def _passed(self, message: Message) -> Message:
        if message["type"] != "STATE":
            return message
        without = {name: value for name, value in message["state"].items() if name != "id"}
        return {**message, "state": self.rules.send(without)}
