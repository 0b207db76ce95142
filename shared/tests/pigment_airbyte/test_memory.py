"""Memory that was freed is used again, also by threads, and is not fetched from the kernel each time."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from pigment_airbyte.memory import keep_freed_memory

PROGRAM = """
import resource, sys, threading
from pigment_airbyte.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def work():
    for _ in range(50):
        blocks = [bytes(300_000) + b"x" for _ in range(8)]
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc has this setting")
def test_a_thread_uses_the_memory_again_that_it_freed() -> None:
    faults = {
        way: int(subprocess.run([sys.executable, "-c", PROGRAM, way], capture_output=True, check=True).stdout)
        for way in ("kept", "usual")
    }

    assert faults["kept"] < faults["usual"] / 3


def test_a_python_that_cannot_open_its_own_c_library_starts_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str | None) -> ctypes.CDLL:
        raise OSError("Dynamic loading not supported")

    monkeypatch.setattr(ctypes, "CDLL", refuse)

    keep_freed_memory()
