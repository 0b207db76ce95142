"""A signal is heard whatever it interrupts."""

from __future__ import annotations

import subprocess
import sys

# The lock of the event is what a thread holds that begins to wait, or has just ended.
PROGRAM = """
import os, signal
from destination_pigment.input.cancel import Cancel
with Cancel() as cancel:
    with cancel._event._cond:
        os.kill(os.getpid(), signal.SIGTERM)
    assert cancel.wait(5), "the signal is forgotten"
    assert cancel.exit_code == 128 + signal.SIGTERM
"""


def test_a_signal_does_not_wait_for_what_it_interrupts() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=20)
