"""Measures a command as a whole process: wall time, CPU time, peak memory and, where it is asked for, peak disk."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.watch import Peaks, Watch

# A run that takes longer hangs.
_LONGEST_SECONDS = 900.0
_LOOK_SECONDS = 0.02

# As in the images, modules are compiled; asking a checkout for its forms does it.
_COMPILED = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "pigment-bench-pyc")),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command line and what feeds it: a file, or the output of another command line."""

    words: Sequence[str]
    stdin: Path | Sequence[str] | None = None
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    peak_disk_megabytes: float = 0.0


class RunFailed(Exception):
    """A command that did not end with 0, and the last it said."""


def environment() -> dict[str, str]:
    """The environment of everything that is measured."""
    return {**os.environ, **_COMPILED, "NO_PROXY": "127.0.0.1"}


def run_once(command: Command, *, disk: bool = False) -> Figures:
    """Run a command, its output into a pipe that another process empties; raises `RunFailed`."""
    with (
        tempfile.TemporaryDirectory(prefix="pigment-bench-tmp-") as folder,
        tempfile.TemporaryFile() as said,
        _fed(command.stdin) as given,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as sink,
    ):
        began = time.perf_counter()
        process = subprocess.Popen(
            list(command.words),
            stdin=given,
            stdout=sink.stdin,
            stderr=said,
            env={**environment(), "TMPDIR": folder, **dict(command.environment)},
        )
        peaks = _watched(process, Watch(process.pid, Path(folder) if disk else None), began + _LONGEST_SECONDS)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert sink.stdin is not None
        sink.stdin.close()
        if process.returncode != 0:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RunFailed(f"ended with {process.returncode} after {wall:.0f} s {' '.join(last)}".strip())
    return Figures(wall, usage.ru_utime + usage.ru_stime, peaks.memory_megabytes, peaks.disk_megabytes)


@contextmanager
def _fed(stdin: Path | Sequence[str] | None) -> Iterator[IO[bytes]]:
    if stdin is None or isinstance(stdin, Path):
        with Path(stdin or os.devnull).open("rb") as file:
            yield file
        return
    with subprocess.Popen(list(stdin), stdout=subprocess.PIPE) as feeder:
        assert feeder.stdout is not None
        yield feeder.stdout
        # Whoever was fed has ended: the feeder must not wait for it.
        feeder.stdout.close()


def _watched(process: subprocess.Popen[bytes], watch: Watch, deadline: float) -> Peaks:
    """Look until the process ends, which is left to be waited for."""
    ended = os.pidfd_open(process.pid)
    try:
        while not select.select([ended], [], [], _LOOK_SECONDS)[0]:
            watch.look()
            if time.perf_counter() > deadline:
                process.kill()
    finally:
        os.close(ended)
    return watch.peaks
