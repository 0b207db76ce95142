"""A whole sync: a source and a destination as processes, the platform between them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Any

from airbyte_platform.process import Connector, Message, parse
from airbyte_platform.rules import DestinationRules, SourceRules

Progress = Callable[[str, int], None]

_PASSED_ON = {"RECORD", "STATE", "TRACE"}
_PROGRESS_EVERY = 500


@dataclass(slots=True)
class SyncResult:
    """What became of a sync; counts by stream."""

    source_exit: int
    destination_exit: int
    read: dict[str, int]
    stored: dict[str, int]
    rejected: dict[str, int]
    states: list[Message]
    logs: list[str]
    errors: list[str]


@dataclass(slots=True)
class _Seen:
    states: list[Message] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    problem: Exception | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One connector of a sync and its configuration."""

    connector: Connector
    config: Mapping[str, Any]


def sync(
    source: Side, destination: Side, catalog: Mapping[str, Any], *, progress: Progress = lambda _stream, _count: None
) -> SyncResult:
    """Run a sync to its end and hold both sides to the rules; raises `RuleBroken`."""
    rules, back = SourceRules(catalog), DestinationRules()
    seen = _Seen()
    with tempfile.TemporaryDirectory(prefix="platform-") as folder:
        into, out = Path(folder, "destination"), Path(folder, "source")
        into.mkdir(mode=0o700)
        out.mkdir(mode=0o700)
        writing = destination.connector.start("write", into, config=destination.config, catalog=catalog)
        reading = source.connector.start("read", out, config=source.config, catalog=catalog)
        threads = [
            Thread(target=_collect_states, args=(writing, back, seen)),
            Thread(target=_drain, args=(writing.stderr, seen)),
            Thread(target=_drain, args=(reading.stderr, seen)),
        ]
        for thread in threads:
            thread.start()
        try:
            _pass_on(reading, writing, rules, back, seen, progress)
        finally:
            _close(writing)
            source_exit, destination_exit = reading.wait(), writing.wait()
            for thread in threads:
                thread.join()
    if seen.problem is not None:
        raise seen.problem
    rules.end(source_exit)
    back.end(destination_exit)
    counts = {name: stream.records for name, stream in rules.streams.items()}
    return SyncResult(
        source_exit,
        destination_exit,
        counts,
        dict(back.stored),
        dict(back.rejected),
        seen.states,
        seen.logs,
        seen.errors,
    )


def _pass_on(
    reading: subprocess.Popen[bytes],
    writing: subprocess.Popen[bytes],
    rules: SourceRules,
    back: DestinationRules,
    seen: _Seen,
    progress: Progress,
) -> None:
    """From the source to the destination, as the platform does: states get an id, logs stay here."""
    assert reading.stdout is not None
    assert writing.stdin is not None
    for line in reading.stdout:
        message = parse(line)
        rules.see(message, len(line.decode()))
        _note(message, seen)
        if message["type"] not in _PASSED_ON:
            continue
        if message["type"] == "STATE":
            message["state"] = back.send(message["state"])
            line = json.dumps(message).encode() + b"\n"  # noqa: PLW2901 - the line is passed on with its id
        try:
            writing.stdin.write(line)
        except BrokenPipeError:
            break
        if message["type"] == "RECORD":
            name = message["record"]["stream"]
            count = rules.streams[name].records
            if count % _PROGRESS_EVERY == 0:
                progress(name, count)
    reading.stdout.close()


def _collect_states(writing: subprocess.Popen[bytes], back: DestinationRules, seen: _Seen) -> None:
    assert writing.stdout is not None
    for line in writing.stdout:
        if seen.problem is not None:
            continue
        try:
            message = parse(line)
            back.see(message)
            _note(message, seen)
            if message["type"] == "STATE":
                seen.states.append(message["state"])
        except (AssertionError, TypeError, ValueError) as problem:
            seen.problem = problem


def _note(message: Message, seen: _Seen) -> None:
    if message["type"] == "LOG":
        seen.logs.append(message["log"]["message"])
    if message["type"] == "TRACE" and message["trace"]["type"] == "ERROR":
        seen.errors.append(message["trace"]["error"]["message"])


def _drain(stream: IO[bytes] | None, seen: _Seen) -> None:
    if stream is not None:
        seen.logs.extend(line.decode().rstrip() for line in stream)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
