"""Makes cases and runs them until its time is over; the current case is in a file that outlives the process."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from pigment_native.fuzz.case import Case, Direction, Finding, Tally
from pigment_native.fuzz.mutation import mutated
from pigment_native.fuzz.reading import Reading
from pigment_native.fuzz.writing import Writing

# How often an edge was run through, in eight classes.
_CLASSES = bytes(0 if not n else 1 << min(7, n.bit_length() - 1) for n in range(256))


class Coverage:
    """The edges that all cases so far have run through."""

    def __init__(self, library: ctypes.CDLL) -> None:
        try:
            begin = ctypes.c_void_p.in_dll(library, "counters_begin").value or 0
            end = ctypes.c_void_p.in_dll(library, "counters_end").value or 0
        except ValueError:
            begin = end = 0
        self.edges = end - begin
        self._begin = begin
        # Mutable state: a bit for each class of each edge.
        self._seen = 0

    def is_new(self) -> bool:
        """Whether the code that ran since the last call reached new edges."""
        counted = ctypes.string_at(self._begin, self.edges) if self.edges else b""
        ctypes.memset(self._begin, 0, self.edges)
        found = int.from_bytes(counted.translate(_CLASSES), "little")
        new = bool(found & ~self._seen)
        self._seen |= found
        return new

    def reached(self) -> int:
        """How many edges were run through at all."""
        return sum(map(bool, self._seen.to_bytes(self.edges, "little")))


DIRECTIONS: dict[str, Callable[[ctypes.CDLL], Direction]] = {"reading": Reading, "writing": Writing}

NOW_BYTES = 1 << 22
_HEAD = struct.Struct("<QQ")
_MOST_KEPT = 4000


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to do."""

    library: str
    seed: int
    seconds: float
    cases: int | None
    directions: tuple[str, ...]
    now: str
    again: str | None = None


class Now:
    """The current case and its number, in a file, so that they outlive a fault."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, NOW_BYTES)
        self._memory = mmap.mmap(descriptor, NOW_BYTES)
        os.close(descriptor)

    def put(self, number: int, case: Case) -> None:
        text = case.to_json()[: NOW_BYTES - _HEAD.size]
        self._memory[_HEAD.size : _HEAD.size + len(text)] = text
        self._memory[: _HEAD.size] = _HEAD.pack(number, len(text))

    def get(self) -> tuple[int, bytes]:
        number, size = _HEAD.unpack(self._memory[: _HEAD.size])
        return number, self._memory[_HEAD.size : _HEAD.size + size]


class Worker:
    """The cases of one seed, one after the other."""

    def __init__(self, task: Task) -> None:
        self._task = task
        library = ctypes.CDLL(task.library)
        self._directions: dict[str, Direction] = {name: DIRECTIONS[name](library) for name in task.directions}
        self._coverage = Coverage(library)
        self._now = Now(Path(task.now))
        # Mutable state: the cases that reached new edges, and what was run.
        self._kept: dict[str, list[Case]] = {name: [] for name in task.directions}
        self._tallies = {name: Tally() for name in task.directions}
        self._number = 0

    def run(self) -> dict[str, Any]:
        """Run until the time is over or something is found; returns what was run and found."""
        end = time.monotonic() + self._task.seconds
        found = None
        while found is None and time.monotonic() < end and self._number != self._task.cases:
            self._number += 1
            random = Random(f"{self._task.seed}/{self._number}")
            found = self.run_case(self._next(random))
        return {
            "cases": self._number,
            "found": found,
            "tallies": {name: asdict(tally) for name, tally in self._tallies.items()},
            "kept": sum(map(len, self._kept.values())),
            "edges": self._coverage.edges,
            "reached": self._coverage.reached(),
        }

    def run_case(self, case: Case) -> str | None:
        """What is wrong with what C makes of the case."""
        self._now.put(self._number, case)
        try:
            tally = self._directions[case.direction].judge(case)
        except Finding as finding:
            return str(finding)
        self._tallies[case.direction].add(tally)
        kept = self._kept[case.direction]
        if self._coverage.is_new() and len(kept) < _MOST_KEPT:
            kept.append(case)
        return None

    def _next(self, random: Random) -> Case:
        name = random.choice(self._task.directions)
        direction, kept = self._directions[name], self._kept[name]
        chance = random.getrandbits(32)
        if not kept or random.random() < 0.3:
            shape = direction.shape(random)
            blocks = tuple(direction.block(random, shape) for _ in range(random.choice([1, 1, 2, 4])))
            return Case(name, shape, blocks, chance)
        case = random.choice(kept)
        blocks = case.blocks if random.random() < 0.8 else (*case.blocks, direction.block(random, case.shape))[-4:]
        others = [block for each in random.sample(kept, min(3, len(kept))) for block in each.blocks]
        changed = random.randrange(len(blocks))
        block = mutated(random, blocks[changed], direction.words, others)
        return Case(name, case.shape, (*blocks[:changed], block, *blocks[changed + 1 :]), chance)


def main() -> None:
    """Run the task given as the argument, and print the result."""
    task = Task(**json.loads(sys.argv[1]))
    worker = Worker(task)
    if task.again is None:
        print(json.dumps(worker.run()))
    else:
        print(json.dumps({"found": worker.run_case(Case.from_json(Path(task.again).read_bytes()))}))


if __name__ == "__main__":
    main()
