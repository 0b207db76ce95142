"""Looks at a running process from outside, as often as it is asked: how much memory and disk it has."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# stat(2) counts blocks of 512 bytes, whatever the filesystem's own are.
_BLOCK_BYTES = 512
_MEGABYTE = 1 << 20


@dataclass(slots=True)
class Peaks:
    """The most of each that was seen."""

    memory_megabytes: float = 0.0
    disk_megabytes: float = 0.0


class Watch:
    """One process; `folder` is where it puts its temporary files, or None where nobody asks for the disk."""

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
        """The peak that the kernel keeps; `ru_maxrss` would count the memory of whoever started the process."""
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
