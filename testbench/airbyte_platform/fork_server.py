"""A fork server: a connector whose modules are loaded once, and whose commands are processes forked from it.

For tests that start a connector hundreds of times, where loading would take most of the time. What runs is the
console script's own function in a process of its own, with files and pipes as the platform gives them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airbyte_platform.process import Run, as_run, without_proxies, write_files

_ENOUGH = 1 << 20
_STDERR_FILE = os.O_CREAT | os.O_TRUNC | os.O_RDWR


class ForkServer:
    """Loads `module` once and runs its `run` in forked processes; use it as a context.

    With a `speed`, time passes that many times faster for those processes, as far as they ask Python for it.
    """

    def __init__(self, module: str, *, speed: float = 1.0) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "airbyte_platform.fork_server",
                *map(str, (theirs.fileno(), speed, module)),
            ],
            pass_fds=[theirs.fileno()],
            env={
                **without_proxies(os.environ),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )
        theirs.close()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait()

    def start(
        self,
        command: str,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        stderr_piped: bool = False,
        **files: Any,
    ) -> ForkedProcess:
        """Start a command; the caller owns the folder, which must outlive the process.

        Its standard error goes into a file of the folder, or with `stderr_piped` to who reads it.
        """
        arguments = [command, *write_files(folder, files)]
        stdin, feed = os.pipe()
        output, stdout = os.pipe()
        errors, stderr = os.pipe() if stderr_piped else (-1, os.open(folder / "stderr", _STDERR_FILE, 0o600))
        report, reporter = os.pipe()
        order = json.dumps({"arguments": arguments, "environment": dict(environment or {})}).encode()
        socket.send_fds(self._ours, [len(order).to_bytes(4, "big") + order], [stdin, stdout, stderr, reporter])
        for descriptor in (stdin, stdout, stderr, reporter):
            os.close(descriptor)
        return ForkedProcess(feed, output, errors, report, folder)

    def run(
        self,
        command: str,
        folder: Path,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        **files: Any,
    ) -> Run:
        """Run a command to its end."""
        process = self.start(command, folder, environment=environment, **files)
        process.feed(stdin)
        return process.finish()


@dataclass(slots=True)
class ForkedProcess:
    """A command under way; descriptors of its stdin, of its stdout, and of the report about it."""

    stdin: int
    stdout: int
    stderr: int
    report: int
    folder: Path
    pid: int = 0

    def __post_init__(self) -> None:
        self.pid = int.from_bytes(os.read(self.report, 4), "big")

    def feed(self, content: bytes) -> None:
        """Write to its stdin and close it; a process that has ended is no error."""
        try:
            with os.fdopen(self.stdin, "wb") as pipe:
                pipe.write(content)
        except BrokenPipeError:
            pass

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def has_ended(self) -> bool:
        """Whether it has ended; call this before `wait`."""
        with selectors.PollSelector() as reported:
            reported.register(self.report, selectors.EVENT_READ)
            return bool(reported.select(0))

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        with os.fdopen(self.report, "rb") as report:
            return int.from_bytes(report.read(4), "big", signed=True)

    def finish(self) -> Run:
        """Read what it prints until it ends; after a kill, an incomplete last line is dropped."""
        with os.fdopen(self.stdout, "rb") as pipe:
            printed = pipe.read()
        code = self.wait()
        if code < 0:
            printed = printed[: printed.rfind(b"\n") + 1]
        return as_run(code, printed, (self.folder / "stderr").read_bytes())


def serve(descriptor: int, speed: float, module: str) -> None:
    """Fork a process for every request, until the other side is closed."""
    if speed != 1.0:
        hurry(speed)
    run: Callable[[], None] = importlib.import_module(module).run
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = socket.socket(fileno=descriptor)
    while True:
        head, descriptors, _, _ = socket.recv_fds(orders, _ENOUGH, 4)
        if not head:
            return
        while len(head) < 4 or len(head) < 4 + int.from_bytes(head[:4], "big"):
            head += orders.recv(_ENOUGH)
        if os.fork() == 0:
            orders.close()
            _watch(run, json.loads(head[4:]), descriptors)
        for each in descriptors:
            os.close(each)


def hurry(speed: float) -> None:
    """Make time pass faster: sleeping, waiting for another thread, and the clock that deadlines use.

    Before the connector is loaded, whose defaults hold the functions themselves. What waits for a descriptor does so
    in real time.
    """
    sleep, monotonic, wait = time.sleep, time.monotonic, threading.Condition.wait
    began = monotonic()

    def fast_monotonic() -> float:
        return began + (monotonic() - began) * speed

    def fast_wait(self: threading.Condition, timeout: float | None = None) -> bool:
        return wait(self, None if timeout is None else timeout / speed)

    time.sleep = lambda seconds, /: sleep(float(seconds) / speed)
    time.monotonic = fast_monotonic
    threading._time = fast_monotonic  # type: ignore[attr-defined] # what its deadlines are taken from
    threading.Condition.wait = fast_wait  # type: ignore[method-assign] # nothing else reaches every event


def _watch(run: Callable[[], None], order: dict[str, Any], descriptors: list[int]) -> None:
    """Fork the command itself, report its process id, wait for it, report how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, reporter = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(reporter)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.update(order["environment"])
        sys.argv = ["connector", *order["arguments"]]
        code = 1
        try:
            run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:  # noqa: BLE001 - as the interpreter does at the end of a script
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    for descriptor in standard:
        os.close(descriptor)
    os.write(reporter, pid.to_bytes(4, "big"))
    _, status = os.waitpid(pid, 0)
    os.write(reporter, os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
