"""A SIGTERM ends the process, whatever it interrupts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from source_pigment.run import EXIT_CODE

# Python drops what is raised in these; in the second silently.
FINALIZER = "class Object:\n    def __del__(self): terminate()\n"
INPUT = "class Object(io.RawIOBase):\n    @property\n    def closed(self):\n        terminate()\n        return True\n"
QUIET = "Object = object"
THEN = ("pass", "termination.raise_if_came()", "raise ValueError", "time.sleep(50)")

# Loads the connector once, and runs each case in a process forked from there.
SCRIPT = """
import io, json, os, signal, sys, time
from source_pigment.run import Termination

def run(object_, then):
    termination = Termination(grace_seconds=0.5)
    termination.listen()
    def terminate():
        if not termination.came:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)
    names = {**globals(), **locals()}
    exec(object_, names)
    try:
        thing = names["Object"]()
        del thing
        exec(then, names)
        os.write(went_on, b"+")
    finally:
        termination.exit_if_came()

results = []
for object_, then in json.loads(sys.argv[1]):
    seen, went_on = os.pipe()
    pid = os.fork()
    if pid == 0:
        run(object_, then)
        sys.exit(0)
    os.close(went_on)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    results.append([code, bool(os.read(seen, 1))])
    os.close(seen)
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def ends() -> dict[tuple[str, str], tuple[int, bool]]:
    """For each case the exit code, and whether the process went on after the signal."""
    cases = [(QUIET, "pass"), *((object_, then) for object_ in (FINALIZER, INPUT) for then in THEN)]
    command = [sys.executable, "-c", SCRIPT, json.dumps(cases)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)
    return {case: (code, went_on) for case, (code, went_on) in zip(cases, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("object_", [FINALIZER, INPUT], ids=["finalizer", "input"])
@pytest.mark.parametrize("then", THEN)
def test_a_signal_that_python_drops_ends_the_process_anyway(
    ends: dict[tuple[str, str], tuple[int, bool]], object_: str, then: str
) -> None:
    assert ends[object_, then] == (EXIT_CODE, then == "pass")


def test_without_a_signal_the_process_ends_normally(ends: dict[tuple[str, str], tuple[int, bool]]) -> None:
    assert ends[QUIET, "pass"] == (0, True)
