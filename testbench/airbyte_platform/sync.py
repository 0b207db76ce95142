"""A whole sync: a source and a destination as processes, the platform between them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from airbyte_platform.delivery import Delivery, SourceFailed, Succeeded
from airbyte_platform.job import REGISTRY, Way, complete
from airbyte_platform.process import Connector, Message, Run, SpawnedProcess, parse
from airbyte_platform.rules import DestinationRules, SourceRules

Progress = Callable[[str, int], None]

# Nothing else of a source reaches a destination.
PASSED_ON = {"RECORD", "STATE"}
_PROGRESS_EVERY = 500
_FAILED = SourceFailed()


@dataclass(slots=True)
class SyncResult:
    """The outcome of a sync; counts by stream (with a namespace, what is read by `namespace/name`)."""

    source_exit: int
    destination_exit: int
    read: dict[str, int]
    stored: dict[str, int]
    rejected: dict[str, int]
    states: list[Message]
    logs: list[str]
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Side:
    """One connector of a sync and its configuration."""

    connector: Connector
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """How the platform treats both sides: what the destination is given, and how a failure ends."""

    way: Way = REGISTRY
    failure: SourceFailed = _FAILED


def _unseen(_stream: str, _count: int) -> None:
    """The progress of a sync that no one watches."""


def sync(
    source: Side,
    destination: Side,
    catalog: Mapping[str, Any],
    *,
    connection: Connection | None = None,
    progress: Progress = _unseen,
    finished: Progress = _unseen,
) -> SyncResult:
    """Run a sync to its end and hold both sides to the rules; raises `RuleBroken`.

    `progress` gets how many records of a stream have been read so far, `finished` how many it had in all.
    """
    between = Between(SourceRules(catalog), DestinationRules(), progress, finished)
    with tempfile.TemporaryDirectory(prefix="platform-") as folder:
        into, out = Path(folder, "destination"), Path(folder, "source")
        into.mkdir(mode=0o700)
        out.mkdir(mode=0o700)
        delivery = Delivery(destination.connector.start("write", into, config=destination.config, catalog=catalog))
        reading = source.connector.start("read", out, config=source.config, catalog=catalog)
        os.close(reading.stdin)
        between.pass_on(reading, delivery)
        source_exit = reading.wait()
        wrote = _end(delivery, catalog, source_exit, connection or Connection())
    for message in wrote.messages:
        between.back.see(message)
    between.read.end(source_exit)
    between.back.end(wrote.exit_code)
    return _result(between, source_exit, wrote)


def _end(delivery: Delivery, catalog: Mapping[str, Any], source_exit: int, connection: Connection) -> Run:
    if source_exit != 0:
        return delivery.end(connection.failure)
    if connection.way.statuses:
        delivery.send_messages(*(complete(each["stream"]) for each in catalog["streams"]))
    return delivery.end(Succeeded(), timeout_seconds=3600)


@dataclass(slots=True)
class Between:
    """What the platform does with the lines of a source: it checks them and passes on what a destination gets."""

    read: SourceRules
    back: DestinationRules
    progress: Progress
    finished: Progress
    logs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def pass_on(self, reading: SpawnedProcess, delivery: Delivery) -> None:
        """All lines until the source has ended; its standard error is added to the logs."""
        thread = Thread(target=self._drain, args=(reading.stderr,))
        thread.start()
        with os.fdopen(reading.stdout, "rb") as lines:
            for line in lines:
                if not all(delivery.send(each) for each in self.passed(line)):
                    break
        thread.join()

    def passed(self, line: bytes) -> Iterator[bytes]:
        """The line as a destination gets it, or nothing; a state gets an id."""
        message = parse(line)
        self.read.see(message, len(line.decode()))
        self._note(message)
        match message["type"]:
            case "RECORD":
                # As it came: read and written again, a number would lose digits here.
                yield line
            case "STATE":
                yield json.dumps({**message, "state": self.back.send(message["state"])}).encode() + b"\n"

    def _note(self, message: Message) -> None:
        match message["type"]:
            case "LOG":
                self.logs.append(message["log"]["message"])
            case "TRACE" if message["trace"]["type"] == "ERROR":
                self.errors.append(message["trace"]["error"]["message"])
            case "RECORD":
                name = message["record"]["stream"]
                count = self.read.streams[message["record"].get("namespace"), name].records
                if count % _PROGRESS_EVERY == 0:
                    self.progress(name, count)
            case "TRACE" if _is_complete(message["trace"]):
                status = message["trace"]["stream_status"]["stream_descriptor"]
                self.finished(status["name"], self.read.streams[status.get("namespace"), status["name"]].records)

    def _drain(self, stderr: int) -> None:
        with os.fdopen(stderr, "rb") as lines:
            self.logs.extend(line.decode().rstrip() for line in lines)


def _result(between: Between, source_exit: int, wrote: Run) -> SyncResult:
    return SyncResult(
        source_exit,
        wrote.exit_code,
        {_in_one(*key): stream.records for key, stream in between.read.streams.items()},
        dict(between.back.stored),
        dict(between.back.rejected),
        wrote.states,
        between.logs + [each["message"] for each in wrote.of("LOG")] + wrote.stderr.splitlines(),
        between.errors + [each["message"] for each in wrote.errors],
    )


def _is_complete(trace: Message) -> bool:
    return bool(trace["type"] == "STREAM_STATUS" and trace["stream_status"]["status"] == "COMPLETE")


def _in_one(namespace: str | None, name: str) -> str:
    return name if namespace is None else f"{namespace}/{name}"
