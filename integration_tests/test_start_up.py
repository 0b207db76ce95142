"""`spec` prints the same bytes as ever, and loads less than everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from documents.generated import ROOT

SPEC = """
import sys
from {module}.__main__ import main
sys.argv = ["connector", "spec"]
main()
sys.stderr.write(" ".join(each for each in ("pyarrow", "pandas", "botocore", "pendulum") if each in sys.modules))
"""


@pytest.mark.parametrize("connector", ["source", "destination"])
def test_the_spec_is_the_same_byte_for_byte_and_loads_nothing_heavy(connector: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SPEC.format(module=f"{connector}_pigment")], capture_output=True, check=True
    )

    lines = [line for line in run.stdout.splitlines(keepends=True) if b'"type":"LOG"' not in line]
    assert b"".join(lines) == (ROOT / f"integration_tests/specs/{connector}.json").read_bytes()
    assert run.stderr == b""
