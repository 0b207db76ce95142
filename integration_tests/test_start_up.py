"""The console entries load less than everything, and say the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airbyte_platform.fork_server import ForkServer

SPEC = """
import sys
from {module}.__main__ import main
sys.argv = ["connector", "spec"]
main()
sys.stderr.write(" ".join(each for each in ("pyarrow", "pandas", "botocore") if each in sys.modules))
"""


@pytest.mark.parametrize("connector", ["source", "destination"])
def test_the_spec_is_the_same_byte_for_byte_and_loads_nothing_heavy(
    connector: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    # The fork server loads the connector without its console entry.
    server: ForkServer = request.getfixturevalue(f"{connector}_fork_server")
    plainly = server.run("spec", tmp_path)

    quickly = subprocess.run(
        [sys.executable, "-c", SPEC.format(module=f"{connector}_pigment")], capture_output=True, check=True
    )

    assert quickly.stdout == b"".join(line + b"\n" for line in plainly.lines)
    assert quickly.stderr == b""
