"""Compiles `rows.c` with the compiler that `tools.lock` pins.

`.venv-native/bin/python shared/pigment_native/build OUTPUT`

One library for each processor serves every Linux: it names no C library, and finds memcpy and its like, when it is
loaded, in the one that Python runs on. The same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "rows.c"

_STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fPIC")
# Of the memory functions only those that C has: bcmp, which memcmp may become, is none of them.
_FAST = ("-O3", "-g0", "-fno-builtin-bcmp")
# What C leaves undefined ends the process, and says where.
_CHECKED = ("-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")
# How often each edge is run through: `counters.c` says where that is counted.
_COUNTED = ("-fsanitize-coverage=inline-8bit-counters",)
_COUNTERS = Path(__file__).resolve().with_name("counters.c")


def main() -> None:
    """Compile for this machine, or for the target that is named."""
    parser = argparse.ArgumentParser(prog="pigment_native/build", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--target", default=this_machine(), help="such as aarch64-linux or aarch64-macos.11.0")
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--checked", action="store_true", help="for tests: with checks for undefined behaviour")
    parser.add_argument("--counted", action="store_true", help="for the fuzzer: checked and counted")
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.output.parent) as folder:
        library = Path(folder) / "librows.so"
        if arguments.counted:
            checked_library(arguments.source, arguments.target, library, *_COUNTED, str(_COUNTERS))
        elif arguments.checked:
            checked_library(arguments.source, arguments.target, library)
        else:
            compiled_library(arguments.source, arguments.target, library)
        library.replace(arguments.output)


def this_machine() -> str:
    """The target that this machine is."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return f"{machine}-{'macos' if sys.platform == 'darwin' else sys.platform}"


def compiled_library(source: Path, target: str, library: Path) -> None:
    """The library that is shipped."""
    # musl gives the headers; linked without a library, so that the file names neither musl nor a version of glibc.
    # Every library of macOS names the system's, of which there is one.
    linux = target.endswith("-linux")
    target, linking = (f"{target}-musl", ()) if linux else (target, ("-install_name", f"@rpath/{library.name}"))
    compiled = str(library.with_suffix(".o"))
    _run("-target", target, *_STRICT, *_FAST, "-c", "-o", compiled, str(source))
    _run("-target", target, "-shared", "-nostdlib", "-s", *linking, "-o", str(library), compiled)


def checked_library(source: Path, target: str, library: Path, *more: str) -> None:
    """The library with checks, for tests on this machine."""
    target = f"{target}-gnu" if target.endswith("-linux") else target
    _run("-target", target, *_STRICT, *_CHECKED, "-shared", "-o", str(library), str(source), *more)


def _run(*arguments: str) -> None:
    # Nothing of the compiler stays outside its environment.
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(Path(sys.prefix) / "zig-cache")} | dict(os.environ)
    ended = subprocess.run([sys.executable, "-m", "ziglang", "cc", *arguments], env=cache, check=False)  # noqa: S603
    if ended.returncode != 0:
        sys.exit(ended.returncode)


if __name__ == "__main__":
    main()
