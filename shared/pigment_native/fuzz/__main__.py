"""Runs cases for a while in a process that may crash; prints how many, and saves what was found."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pigment_native.fuzz.worker import DIRECTIONS, Now, Task

# A case takes milliseconds, the largest a second or two.
_HANGS_AFTER_SECONDS = 60


def main() -> None:
    """Fuzz, or run a saved case again; ends with 1 when something was found."""
    arguments = _arguments()
    arguments.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = arguments.folder / f"now-{os.getpid()}"
    task = Task(
        library=str(arguments.library.resolve()),
        seed=arguments.seed,
        seconds=arguments.seconds,
        cases=arguments.cases,
        directions=(arguments.only,) if arguments.only else tuple(DIRECTIONS),
        now=str(now),
        again=arguments.again and str(arguments.again),
    )
    print(f"fuzz: seed {task.seed}, {task.seconds:g} s, {task.library}", flush=True)
    began = time.monotonic()
    try:
        result, found = _run(task)
        number, case = Now(now).get()
    finally:
        now.unlink(missing_ok=True)
    if result and task.again is None:
        _report(result, time.monotonic() - began)
    if found is None:
        return
    print(f"fuzz: FOUND after {time.monotonic() - began:.1f} s, case {number}: {found}")
    if task.again is None:
        path = arguments.folder / f"found-{task.seed}-{number}.json"
        path.touch(mode=0o600)
        path.write_bytes(case)
        print(f"fuzz: saved; again with: python -m pigment_native.fuzz --again {path}")
    sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pigment_native.fuzz", description=__doc__)
    parser.add_argument("--library", type=Path, default=Path("build/fuzz/librows.so"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, help="the most cases to run")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--only", choices=sorted(DIRECTIONS))
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--again", type=Path, help="a saved case")
    return parser.parse_args()


def _run(task: Task) -> tuple[dict[str, Any], str | None]:
    """What a worker reports that it ran, if it could, and what it found."""
    command = [sys.executable, "-m", "pigment_native.fuzz.worker", json.dumps(asdict(task))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        output, hangs = _watched(worker, Now(Path(task.now)))
    if hangs:
        return {}, "it hangs"
    if worker.returncode < 0:
        return {}, f"it was ended by {signal.Signals(-worker.returncode).name}"
    if worker.returncode > 0:
        return {}, f"it ended with {worker.returncode}"
    result = json.loads(output)
    return result, result["found"]


def _watched(worker: subprocess.Popen[str], now: Now) -> tuple[str, bool]:
    """What a worker prints until it ends, and whether it had to be ended because it was at one case for too long."""
    before, since = -1, time.monotonic()
    while True:
        try:
            return worker.communicate(timeout=1)[0], False
        except subprocess.TimeoutExpired:
            number, _ = now.get()
            if number != before:
                before, since = number, time.monotonic()
            elif time.monotonic() - since > _HANGS_AFTER_SECONDS:
                worker.kill()
                return "", True


def _report(result: dict[str, Any], seconds: float) -> None:
    print(f"fuzz: {result['cases']:,} cases in {seconds:.0f} s, {result['kept']:,} of them kept to be changed further")
    for name, tally in result["tallies"].items():
        share, of_lines = tally["taken"] / max(1, tally["blocks"]), tally["rows"] / max(1, tally["lines"])
        print(
            f"fuzz: {name}: {tally['calls']:,} calls of C; took {share:.0%} of {tally['blocks']:,} blocks whole and "
            f"{of_lines:.0%} of {tally['lines']:,} lines"
        )
    if result["edges"]:
        print(f"fuzz: {result['reached']} of {result['edges']} edges reached, those of the checks included")


if __name__ == "__main__":
    main()
