"""A connector as a process: absolute paths, private files, lines in and out."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Message = dict[str, Any]

_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


@dataclass(frozen=True, slots=True)
class Run:
    """What a command printed and how it ended."""

    exit_code: int
    lines: list[bytes]
    stderr: str

    @property
    def messages(self) -> list[Message]:
        """The messages; a line that is not JSON fails here."""
        return [parse(line) for line in self.lines]

    def of(self, type_: str) -> list[Message]:
        """The messages of a type, without their envelope."""
        content = "connectionStatus" if type_ == "CONNECTION_STATUS" else type_.lower()
        return [message[content] for message in self.messages if message["type"] == type_]

    @property
    def records(self) -> list[Message]:
        return self.of("RECORD")

    @property
    def states(self) -> list[Message]:
        return self.of("STATE")

    @property
    def errors(self) -> list[Message]:
        """The error traces."""
        return [trace["error"] for trace in self.of("TRACE") if trace["type"] == "ERROR"]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """Stream and status, in order."""
        traces = [trace["stream_status"] for trace in self.of("TRACE") if trace["type"] == "STREAM_STATUS"]
        return [(each["stream_descriptor"]["name"], each["status"]) for each in traces]

    @property
    def everything(self) -> str:
        """All that was printed."""
        return b"\n".join(self.lines).decode() + self.stderr


def parse(line: bytes) -> Message:
    """A line as a message; numbers keep their digits, so that a float hides nothing."""
    message = json.loads(line, parse_float=Digits)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise TypeError("a line on standard output is not a message of the protocol")
    return message


class Digits(float):
    """A number that remembers its digits."""

    text: str

    def __new__(cls, text: str) -> Digits:
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector's executable, and the environment it runs in."""

    executable: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float = 120, **files: Any) -> Run:
        """Run a command to its end; `files` are the values of `--config`, `--catalog` and `--state`."""
        with tempfile.TemporaryDirectory(prefix="platform-") as folder:
            done = subprocess.run(
                self.arguments(command, Path(folder), files),
                input=stdin,
                capture_output=True,
                env=self._environment(),
                timeout=timeout_seconds,
                check=False,
            )
        return as_run(done.returncode, done.stdout, done.stderr)

    def start(self, command: str, folder: Path, **files: Any) -> SpawnedProcess:
        """Start a command; the caller owns the folder, which must outlive the process."""
        (stdin, feed), (stdout, out), (stderr, err) = os.pipe(), os.pipe(), os.pipe()
        started = subprocess.Popen(
            self.arguments(command, folder, files), stdin=stdin, stdout=out, stderr=err, env=self._environment()
        )
        for descriptor in (stdin, out, err):
            os.close(descriptor)
        return SpawnedProcess(feed, stdout, stderr, started)

    def arguments(self, command: str, folder: Path, files: Mapping[str, Any]) -> list[str]:
        """The command line; the files are written private into the folder."""
        return [str(self.executable.absolute()), command, *write_files(folder, files)]

    def _environment(self) -> dict[str, str]:
        return {**without_proxies(os.environ), **self.environment}


class ConnectorProcess(Protocol):
    """A connector under way: descriptors of its pipes, and its end."""

    stdin: int
    stdout: int
    stderr: int

    def send_signal(self, number: int) -> None: ...

    def has_ended(self) -> bool: ...

    def wait(self) -> int: ...


@dataclass(slots=True)
class SpawnedProcess:
    """A connector's executable under way."""

    stdin: int
    stdout: int
    stderr: int
    process: subprocess.Popen[bytes]

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        self.process.send_signal(number)

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        return self.process.wait()


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a local run: requests to this machine use no proxy."""
    return {name: value for name, value in environment.items() if name.lower() not in _PROXIES}


def write_files(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Write `config`, `catalog` and `state` private into the folder, as JSON or the given bytes; the arguments."""
    arguments = []
    for name, value in files.items():
        if value is not None:
            path = folder / f"{name}.json"
            path.touch(mode=0o600)
            path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
            arguments += [f"--{name}", str(path)]
    return arguments


def as_run(exit_code: int, stdout: bytes, stderr: bytes) -> Run:
    """What a process printed, by lines."""
    return Run(exit_code, _lines(stdout), stderr.decode())


def configured(catalog: Mapping[str, Any], *, destination_sync_mode: str, **more: Any) -> dict[str, Any]:
    """A configured catalog of all streams of a catalog; `more` goes into every configured stream."""
    return {
        "streams": [
            {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": destination_sync_mode, **more}
            for stream in catalog["streams"]
        ]
    }


def as_lines(messages: Iterable[Message]) -> bytes:
    """Messages as a process reads them."""
    return b"".join(json.dumps(message, ensure_ascii=False).encode() + b"\n" for message in messages)


def _lines(output: bytes) -> list[bytes]:
    lines: Sequence[bytes] = output.split(b"\n")
    return [line for line in lines if line]
