"""Measures a command as a whole process: wall time, CPU time, peak memory and, where it is asked for, peak disk."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# stat(2) counts blocks of 512 bytes, whatever the filesystem's own are.
_BLOCK_BYTES = 512
_MEGABYTE = 1 << 20


@dataclass(slots=True)
class Peaks:
    """The most of each that was seen."""

    memory_megabytes: float = 0.0
    disk_megabytes: float = 0.0


class Watch:
    """One process; `folder` is where it puts its temporary files, or None where the disk is not measured."""

    def __init__(self, pid: int, folder: Path | None) -> None:
        self._process = Path("/proc", str(pid))
        self._folder = folder
        self.peaks = Peaks()

    def look(self) -> None:
        """See what there is now."""
        self.peaks.memory_megabytes = max(self.peaks.memory_megabytes, self._memory())
        if self._folder is not None:
            disk = (self._unnamed(self._folder) + _named(self._folder)) / _MEGABYTE
            self.peaks.disk_megabytes = max(self.peaks.disk_megabytes, disk)

    def _memory(self) -> float:
        """The peak that the kernel keeps; `ru_maxrss` would count the memory of the parent process."""
        for line in (self._process / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0

    def _unnamed(self, folder: Path) -> int:
        """Bytes in files that have no name: only the process itself can reach them, and its open files show them."""
        sizes = {}
        for descriptor in _entries(self._process / "fd"):
            with suppress(OSError):  # it was closed while it was looked at
                link = str(descriptor.readlink())
                if link.startswith(f"{folder}/") and link.endswith(" (deleted)"):
                    found = descriptor.stat()
                    sizes[found.st_ino] = found.st_blocks * _BLOCK_BYTES
        return sum(sizes.values())


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # the process has ended
        return []


def _named(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was removed while it was looked at
                total += os.lstat(Path(place, name)).st_blocks * _BLOCK_BYTES
    return total


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
    """A command that did not end with 0, with its last line of output."""


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
        # The process that was fed has ended: the feeder must not wait for it.
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
