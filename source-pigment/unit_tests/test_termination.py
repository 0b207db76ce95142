"""A SIGTERM ends the process, whatever it interrupts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from source_pigment.run import EXIT_CODE

# Python drops what is raised in these; in the second silently.
FINALIZER = "class Object:\n    def __del__(self): terminate()\n"
INPUT = "class Object(io.RawIOBase):\n    @property\n    def closed(self):\n        terminate()\n        return True\n"
SCRIPT = """
import io, os, signal, time
from source_pigment.run import Termination
termination = Termination(grace_seconds=0.5)
termination.listen()
def terminate():
    if not termination.came:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)
{object}
try:
    thing = Object()
    del thing
    {then}
    print("went on", file=open(2, "w"))
finally:
    termination.exit_if_came()
"""


def ended(object_: str, then: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(object=object_, then=then)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("object_", [FINALIZER, INPUT])
@pytest.mark.parametrize("then", ["pass", "termination.raise_if_came()", "raise ValueError", "time.sleep(50)"])
def test_a_signal_that_python_drops_ends_the_process_anyway(object_: str, then: str) -> None:
    done = ended(object_, then)
    assert done.returncode == EXIT_CODE
    assert ("went on" in done.stderr) == (then == "pass")


def test_without_a_signal_the_process_ends_normally() -> None:
    assert ended("Object = object", "pass").returncode == 0
