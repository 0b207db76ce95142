"""Measures commands as whole processes: wall time, CPU time and peak memory, several in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Way:
    """One way of doing the work: its name and command line; `stdin` is a file to feed it."""

    name: str
    command: Sequence[str]
    stdin: Path | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


def run_once(way: Way, environment: Mapping[str, str]) -> Figures:
    """Run a command, its output into a pipe that another process empties."""
    began = time.perf_counter()
    with Path(way.stdin or os.devnull).open("rb") as given:
        sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process = subprocess.Popen(
            list(way.command),
            stdin=given,
            stdout=sink.stdin,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        peak = _peak_megabytes(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert sink.stdin is not None
        sink.stdin.close()
        sink.wait()
    if process.returncode != 0:
        sys.exit(f"{way.name} ended with {process.returncode}")
    return Figures(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)


def _peak_megabytes(pid: int) -> float:
    """Look until the process ends: `ru_maxrss` would count the memory of whoever started it."""
    peak = 0.0
    while (found := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) / 1024
        time.sleep(0.05)
    assert found.si_pid == pid
    return peak


def compare(ways: Sequence[Way], *, rows: int, times: int, environment: Mapping[str, str]) -> None:
    """Run all ways in turn, several times, and print the medians; the last way but the floor is the plain one."""
    figures: dict[str, list[Figures]] = {way.name: [] for way in ways}
    for _ in range(times):
        for way in ways:
            figures[way.name].append(run_once(way, environment))
    print(f"{rows} rows, median of {times}, in turn")
    print(f"{'way':<28} {'k rows/s':>9} {'CPU s/M':>9} {'peak MB':>9}")
    for name, runs in figures.items():
        wall = statistics.median(run.wall_seconds for run in runs)
        cpu = statistics.median(run.cpu_seconds for run in runs)
        peak = max(run.peak_megabytes for run in runs)
        print(f"{name:<28} {rows / wall / 1000:>9.0f} {cpu / rows * 1e6:>9.2f} {peak:>9.0f}")
    ours, plain = (statistics.median(run.cpu_seconds for run in figures[way.name]) for way in ways[:2])
    print(f"rows a CPU second, ours to plain: {plain / ours:.1f} to 1")
