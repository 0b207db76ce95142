"""The conversions in C are in the images, and used there: `make image-test`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airbyte_platform.process import Run, configured
from check_images import DOCKER, TAG, config_for, mounted, run_image
from documents.generated import connectors
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment

__all__ = ["mounted"]


@pytest.mark.parametrize("connector", connectors())
def test_the_image_holds_the_library_and_no_compiler(connector: str) -> None:
    tools = "-name rows.c -o -iname '*ziglang*' -o -path '*pigment_native/build' -o -path '*pigment_native/fuzz'"
    searched = f"find / -xdev \\( -name 'librows*' -o {tools} \\)"
    entry = ["--user=root", "--entrypoint", "sh", f"airbyte/{connector}:{TAG}", "-c", searched]
    found = subprocess.run([DOCKER, "run", "--rm", *entry], capture_output=True, check=True).stdout.decode().split()

    assert found == ["/opt/pigment/pigment_native/librows.so"]


# Runs a connector and says which functions it has asked the library for.
WATCHED = """
import importlib, sys

asked_for = set()
sys.addaudithook(lambda event, args: asked_for.add(args[1]) if event == "ctypes.dlsym" else None)
sys.argv[0] = "run-connector"
try:
    importlib.import_module("PACKAGE.__main__").main()
finally:
    print("asked for:", *asked_for, file=sys.stderr)
"""


def asked_for(run: Run) -> set[str]:
    assert run.exit_code == 0, run.stderr
    return set(run.stderr.rpartition("asked for:")[2].split())


def test_rows_are_converted_in_c_in_the_images(mounted: Path) -> None:
    with LocalPigment(planning_model(ledger_rows=200)) as pigment:
        config = {**config_for(pigment, PLANNING), "block_types": ["list"]}
        discovered = run_image("source-pigment", mounted, "discover", config=config).of("CATALOG")[0]
        files = {"config": config, "catalog": configured(discovered, destination_sync_mode="append")}
        through = WATCHED.replace("PACKAGE", "source_pigment")
        reading = run_image("source-pigment", mounted, "read", through=through, **files)
        files["config"] = config_for(pigment, CONSOLIDATION)
        through = WATCHED.replace("PACKAGE", "destination_pigment")
        sent = b"".join(line + b"\n" for line in reading.lines if b'"STATE"' not in line[:20])
        writing = run_image("destination-pigment", mounted, "write", stdin=sent, through=through, **files)

    assert {"rows_to_lines"} <= asked_for(reading)
    assert {"records_to_cells", "cells_to_lines"} <= asked_for(writing)
