"""Lines stay whole while threads log: a pipe keeps apart only short writes, so we must."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from pigment_airbyte import output

PROGRAM = """
import logging, threading
from airbyte_cdk.logger import init_logger
from pigment_airbyte.output import write_lines

init_logger("airbyte")
logger = logging.getLogger("airbyte.pigment")
done = threading.Event()

def chatter():
    while not done.is_set():
        logger.info("a line of the log " * 20)

threads = [threading.Thread(target=chatter) for _ in range(4)]
for thread in threads:
    thread.start()
line = b'{"type":"RECORD","record":"' + b"x" * 997 + b'"}\\n'
for _ in range(60):
    write_lines(line * 300)
done.set()
for thread in threads:
    thread.join()
"""


def test_no_line_is_cut_by_another() -> None:
    printed = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, timeout=60).stdout
    types = [json.loads(line)["type"] for line in printed.split(b"\n") if line]

    assert types.count("RECORD") == 60 * 300
    assert types.count("LOG") > 10, "the log was busy meanwhile"


@pytest.mark.parametrize(("is_there", "reason"), [(True, "of another version"), (False, "has no compiled library")])
def test_the_log_tells_a_library_that_cannot_be_used_from_one_that_is_missing(
    is_there: bool, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = tmp_path / "librows.so"
    if is_there:
        library.touch()
    monkeypatch.setattr(output, "LIBRARY", None)
    monkeypatch.setattr(output, "PATH", library)
    with caplog.at_level(logging.INFO):
        output.log_slow_conversion(logging.getLogger())

    (line,) = caplog.messages
    assert reason in line
    assert "run `make native`" in line
