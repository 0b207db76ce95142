"""The floors: programs that move the same rows and do nothing else, as a lower bound.

`floors.c` turns exports into RECORD lines and RECORD lines into an upload; it is built where there is a compiler. Where
there is none, and over TLS, the floor is lower than it need be: this file, run as `floors.py receive|copy …`, moves the
bytes and leaves them as they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path

# What the tables call them.
IN_C = "floor (C)"
OF_BYTES = "floor (bytes)"

_BYTES = 1 << 16
_SOURCE = Path(__file__).with_suffix(".c")
_PINNED = _SOURCE.parents[2] / ".venv-native/bin/python"
_FLAGS = ("-O3", "-std=c11", "-D_POSIX_C_SOURCE=200809L")


def built(folder: Path) -> str | None:
    """The program, built into a folder; None where there is no compiler."""
    compiler = _compiler()
    if compiler is None:
        return None
    program = folder / "floors"
    ended = subprocess.run([*compiler, *_FLAGS, "-o", program, _SOURCE], check=False)
    return str(program) if ended.returncode == 0 else None


def _compiler() -> list[str] | None:
    """One of this machine, else the pinned one that is there for the native library."""
    found = next((each for each in ("cc", "gcc", "clang") if shutil.which(each)), None)
    if found:
        return [found]
    return [str(_PINNED), "-m", "ziglang", "cc"] if _PINNED.exists() else None


def receive(key: str, urls: list[str]) -> None:
    """Receive exports and count their lines."""
    for url in urls:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip", "Authorization": f"Bearer {key}"}
        lines = 0
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as response:
            unpacker = zlib.decompressobj(wbits=31) if response.headers["Content-Encoding"] == "gzip" else None
            while chunk := response.read(_BYTES):
                lines += (unpacker.decompress(chunk) if unpacker else chunk).count(b"\n")


def copy() -> None:
    """Standard input to standard output, line by line."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(line)


if __name__ == "__main__":
    if "REQUESTS_CA_BUNDLE" in os.environ:
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"]
    if sys.argv[1] == "receive":
        receive(sys.argv[2], sys.argv[3:])
    else:
        copy()
