"""The wheels of the three packages: `python -m release.wheels FOLDER`.

Those of the connectors are pure. The shared package has one for each platform, with the conversions in C, and a pure
one for every other, where rows are converted one at a time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# The target that is compiled for, and the tag of the platforms on which that library can be loaded. The libraries of
# Linux name no C library; glibc 2.17 and musl 1.1 are the oldest that Python's installers have tags for on both.
PLATFORMS = {
    "x86_64-linux": "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    "aarch64-linux": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "x86_64-macos.10.13": "macosx_10_13_x86_64",
    "aarch64-macos.11.0": "macosx_11_0_arm64",
}


def build(folder: Path) -> None:
    """Build every wheel into a folder."""
    for project in ("shared", "source-pigment", "destination-pigment"):
        _build_wheel(project, folder, {})
    with tempfile.TemporaryDirectory() as libraries:
        for target, tag in PLATFORMS.items():
            library = Path(libraries) / target / "librows.so"
            _run(".venv-native/bin/python", "shared/pigment_native/build", str(library), "--target", target)
            _build_wheel("shared", folder, {"ROWS_LIBRARY": str(library), "ROWS_PLATFORM": tag})


def _build_wheel(project: str, folder: Path, variables: dict[str, str]) -> None:
    uv, python = Path(sys.executable).with_name("uv"), sys.executable
    options = ("--quiet", "--wheel", "--no-build-isolation", "--python", python, "--out-dir", str(folder))
    _run(str(uv), "build", *options, project, **variables)


def _run(*command: str, **variables: str) -> None:
    subprocess.run(command, cwd=_ROOT, env={**os.environ, **variables}, check=True)  # noqa: S603 - programs of our own


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
