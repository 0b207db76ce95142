"""The platform's rules for what a source sends and for what a destination sends back."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from airbyte_platform.process import Message

# One message line stays under this many characters.
LONGEST_LINE = 20_000_000

_TYPES = {"RECORD", "STATE", "LOG", "TRACE", "SPEC", "CONNECTION_STATUS", "CATALOG", "CONTROL", "DESTINATION_CATALOG"}


StreamKey = tuple[str | None, str]


class RuleBroken(AssertionError):
    """A connector broke a rule of the platform."""


@dataclass(slots=True)
class StreamSeen:
    """What has been seen of a stream so far."""

    statuses: list[str] = field(default_factory=list)
    records: int = 0
    since_state: int = 0
    states: int = 0


class SourceRules:
    """Checks every message of a source; `strict_schemas` checks each record against its schema."""

    def __init__(self, catalog: Mapping[str, Any], *, strict_schemas: bool = True) -> None:
        streams = [each["stream"] for each in catalog["streams"]]
        self._schemas = {(each.get("namespace"), each["name"]): each["json_schema"] for each in streams}
        checker = FormatChecker()
        self._validators = {
            key: Draft7Validator({**schema, "additionalProperties": False}, format_checker=checker)
            for key, schema in self._schemas.items()
        }
        self._strict = strict_schemas
        self.streams: defaultdict[StreamKey, StreamSeen] = defaultdict(StreamSeen)

    def see(self, message: Message, line_length: int = 0) -> None:
        """Look at a message."""
        if line_length >= LONGEST_LINE:
            raise RuleBroken("a line is longer than the platform takes")
        match message["type"]:
            case "RECORD":
                self._see_record(message["record"])
            case "STATE":
                self._see_state(message["state"])
            case "TRACE" if message["trace"]["type"] == "STREAM_STATUS":
                self._see_status(message["trace"]["stream_status"])
            case "TRACE" if message["trace"]["type"] == "ESTIMATE":
                self._see_estimate(message["trace"]["estimate"])
            case type_ if type_ not in _TYPES:
                raise RuleBroken(f"a message of the unknown type {type_}")

    def end(self, exit_code: int) -> None:
        """The process has ended."""
        for namespace, name in self._schemas:
            seen = self.streams[namespace, name]
            last = seen.statuses[-1] if seen.statuses else "nothing"
            if exit_code == 0 and last != "COMPLETE":
                raise RuleBroken(f'the source succeeded, but "{name}" ended with {last}')
            if exit_code == 0 and seen.since_state:
                raise RuleBroken(f'"{name}" has records after its last state')
            if exit_code != 0 and last not in {"COMPLETE", "INCOMPLETE", "nothing"}:
                raise RuleBroken(f'the source failed, and "{name}" was left {last}')

    def _see_record(self, record: Message) -> None:
        name = record["stream"]
        key = (record.get("namespace"), name)
        if key not in self._schemas:
            raise RuleBroken("a record of a stream that was not asked for")
        seen = self.streams[key]
        if not seen.statuses or seen.statuses[-1] != "RUNNING":
            raise RuleBroken(f'a record of "{name}" came while its status was not RUNNING')
        if not isinstance(record.get("emitted_at"), int):
            raise RuleBroken("a record without emitted_at")
        if self._strict and not self._validators[key].is_valid(record["data"]):
            raise RuleBroken(f'a record of "{name}" does not match its schema')
        seen.records += 1
        seen.since_state += 1

    def _see_state(self, state: Message) -> None:
        namespace, name = _stream(state)
        seen = self.streams[namespace, name]
        counted = state["sourceStats"]["recordCount"]
        if counted != seen.since_state:
            raise RuleBroken(f'a state of "{name}" counts {counted} records, and {seen.since_state} came')
        seen.since_state = 0
        seen.states += 1

    def _see_estimate(self, estimate: Message) -> None:
        if (estimate.get("namespace"), estimate["name"]) not in self._schemas:
            raise RuleBroken("an estimate of a stream that was not asked for")

    def _see_status(self, status: Message) -> None:
        descriptor = status["stream_descriptor"]
        seen = self.streams[descriptor.get("namespace"), descriptor["name"]]
        allowed = {
            None: {"STARTED"},
            "STARTED": {"RUNNING", "COMPLETE", "INCOMPLETE"},
            # Again while a limit is waited for, with the reason.
            "RUNNING": {"RUNNING", "COMPLETE", "INCOMPLETE"},
        }
        before = seen.statuses[-1] if seen.statuses else None
        incomplete_at_once = before is None and status["status"] == "INCOMPLETE"
        if not incomplete_at_once and status["status"] not in allowed.get(before, set()):
            raise RuleBroken(f"the status {status['status']} came after {before}")
        seen.statuses.append(status["status"])


class DestinationRules:
    """Remembers what was sent to a destination, and checks every state that comes back."""

    def __init__(self) -> None:
        # The states under way by stream, oldest first, and the ids that are back.
        self._waiting: defaultdict[StreamKey, deque[Message]] = defaultdict(deque)
        self._back: set[int] = set()
        self._next_id = 1
        self.stored: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()

    def send(self, state: Message) -> Message:
        """The state as the platform passes it on: with an id."""
        passed = {**state, "id": self._next_id}
        self._next_id += 1
        self._waiting[_stream(passed)].append(passed)
        return passed

    def see(self, message: Message) -> None:
        """Look at a message of the destination."""
        if message["type"] not in _TYPES - {"RECORD", "CATALOG"}:
            raise RuleBroken(f"a destination must not send {message['type']}")
        if message["type"] == "STATE":
            self._see_state(message["state"])

    def end(self, exit_code: int) -> None:
        """The process has ended: a success means that every state came back."""
        if exit_code == 0 and self.not_back:
            raise RuleBroken(f"the destination succeeded, but {len(self.not_back)} states did not come back")

    @property
    def not_back(self) -> list[Message]:
        """The states that have not come back."""
        return [state for waiting in self._waiting.values() for state in waiting]

    def _see_state(self, state: Message) -> None:
        waiting = self._waiting[_stream(state)]
        sent = next((each for each in waiting if each["id"] == state.get("id")), None)
        if sent is None or sent["id"] in self._back:
            raise RuleBroken("a state came back without its id, or twice")
        without = {name: value for name, value in state.items() if name != "destinationStats"}
        if without != sent:
            raise RuleBroken("a state came back changed")
        name = _stream(sent)[1]
        if waiting[0] is not sent:
            raise RuleBroken(f'the states of "{name}" came back out of order')
        self._count(name, sent, state)
        waiting.popleft()
        self._back.add(sent["id"])

    def _count(self, name: str, sent: Message, state: Message) -> None:
        """The platform counts by state: every record that a source announced must be stored or rejected."""
        stats = state.get("destinationStats") or {}
        if any(not isinstance(stats.get(each), float) for each in ("recordCount", "rejectedRecordCount")):
            raise RuleBroken("a state came back without destinationStats, which are floats")
        expected = (sent.get("sourceStats") or {}).get("recordCount")
        total = stats["recordCount"] + stats["rejectedRecordCount"]
        if expected is not None and total != expected:
            raise RuleBroken(f'a state of "{name}" accounts for {total} records of {expected}')
        self.stored[name] += int(stats["recordCount"])
        self.rejected[name] += int(stats["rejectedRecordCount"])


def _stream(state: Message) -> StreamKey:
    """The stream of a state, by namespace and name; a global or legacy state belongs to none."""
    descriptor = (state.get("stream") or {}).get("stream_descriptor") or {}
    return descriptor.get("namespace"), str(descriptor.get("name", ""))
