"""Measures a command as a whole process: wall time, CPU time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# As in the images, modules are compiled; the first run of a benchmark does it.
_COMPILED = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "pigment-bench-pyc")),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and a file to feed it."""

    words: Sequence[str]
    stdin: Path | None = None
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def run_once(command: Command) -> Figures:
    """Run a command, its output into a pipe that another process empties; one that fails ends the benchmark."""
    with (
        Path(command.stdin or os.devnull).open("rb") as given,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as sink,
    ):
        began = time.perf_counter()
        process = subprocess.Popen(
            list(command.words),
            stdin=given,
            stdout=sink.stdin,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_COMPILED, "NO_PROXY": "127.0.0.1", **dict(command.environment)},
        )
        peak = _peak_megabytes(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert sink.stdin is not None
        sink.stdin.close()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command.words)} ended with {process.returncode}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, peak)


def _peak_megabytes(pid: int) -> float:
    """Look until the process ends: `ru_maxrss` would count the memory of whoever started it."""
    peak = 0.0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) / 1024
        time.sleep(0.02)
    return peak
