"""A byte outside fenced memory ends the process; what is inside can be used."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pigment_native.fuzz import fenced_memory
from pigment_native.fuzz.fenced_memory import Fence, fenced_input, fenced_output

SIZES = [0, 1, 4095, 4096, 4097, 10_000]


@pytest.mark.parametrize("fence", Fence)
@pytest.mark.parametrize("size", SIZES)
def test_what_is_inside_can_be_read_and_written(size: int, fence: Fence) -> None:
    content = bytes(range(256)) * 40

    with fenced_input(content[:size], fence) as given, fenced_output(size, fence) as room:
        room.array[:] = given.array[:]
        assert room.content() == given.content() == content[:size]
        assert room.end - room.address == size


TOUCH = """
import ctypes, sys
from fenced_memory import Fence, fenced_input, fenced_output
make, fence, size, place, write = {make}, Fence.{fence}, {size}, {place}, {write}
with make(b"a" * size if make is fenced_input else size, fence) as memory:
    print("inside", flush=True)
    touched = ctypes.c_char.from_address(memory.address + place)
    if write:
        touched.value = b"b"
    else:
        bytes(touched)
    print("still there", flush=True)
"""


@pytest.mark.parametrize(
    ("make", "fence", "size", "place", "write"),
    [
        ("fenced_input", "AFTER", 100, 100, False),
        ("fenced_input", "AFTER", 0, 0, False),
        ("fenced_input", "BEFORE", 100, -1, False),
        ("fenced_input", "AFTER", 100, 0, True),
        ("fenced_output", "AFTER", 4097, 4097, True),
        ("fenced_output", "BEFORE", 4096, -1, True),
        ("fenced_output", "BEFORE", 4096, 4096, True),
    ],
)
def test_one_byte_outside_ends_the_process(make: str, fence: str, size: int, place: int, write: bool) -> None:
    script = TOUCH.format(make=make, fence=fence, size=size, place=place, write=write)
    ended = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": str(Path(fenced_memory.__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (-signal.SIGSEGV, "inside\n"), ended.stderr
