"""The fuzzer finds what is wrong, saves it for its owner alone, and finds it again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pigment_native.fuzz.case import Case
from pigment_native.fuzz.planted import FAULTS, SOURCE, Fault, broken_library

COMPILER = Path(__file__).parents[1] / ".venv-native/bin/python"


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-m", "pigment_native.fuzz", *arguments],
        env=os.environ | paths,
        capture_output=True,
        text=True,
        check=False,
    )


def fault_named(name: str) -> Fault:
    return next(fault for faults in FAULTS.values() for fault in faults if fault.name == name)


@pytest.mark.parametrize(
    "fault", [fault for faults in FAULTS.values() for fault in faults], ids=lambda fault: fault.name
)
def test_each_fault_can_be_planted(fault: Fault) -> None:
    assert SOURCE.read_text(encoding="utf-8").count(fault.right) == 1
    assert fault.wrong != fault.right


@pytest.mark.long
@pytest.mark.skipif(not COMPILER.exists(), reason="without the compiler; make native sets it up")
@pytest.mark.parametrize(
    ("direction", "name", "said"),
    [
        ("reading", "a quote at the end reads past it", "it was ended by SIGSEGV"),
        ("writing", "quotes inside a cell are not doubled", "lines: "),
    ],
)
def test_what_is_found_is_saved_and_found_again(direction: str, name: str, said: str, tmp_path: Path) -> None:
    library = tmp_path / "librows.so"
    assert broken_library(fault_named(name), library)
    folder = tmp_path / "found"
    found = fuzz(
        "--library", str(library), "--only", direction, "--seed", "1", "--cases", "2000", "--folder", str(folder)
    )

    (saved,) = folder.iterdir()
    assert (found.returncode, saved.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (1, 0o600, 0o700)
    assert said in found.stdout
    assert Case.from_json(saved.read_bytes()).direction == direction
    again = fuzz("--library", str(library), "--again", str(saved), "--folder", str(folder))
    assert again.returncode == 1
    assert said in again.stdout
    assert [path.name for path in folder.iterdir()] == [saved.name]
