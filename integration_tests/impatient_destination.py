"""The destination in a hurry, for tests: no 90 seconds of waiting for proof, and no second before it asks Pigment."""

from __future__ import annotations

import os
import sys

from destination_pigment.destination import DestinationPigment
from destination_pigment.input.cancel import Patience

# How much faster its time passes: most tests wait for an import, and Pigment is asked after a second.
SPEED = 5.0


def run() -> None:
    """Run the connector with the arguments of the command line.

    PATIENCE_SECONDS says how long it waits for proof, in the seconds of the test.
    """
    seconds = float(os.environ.get("PATIENCE_SECONDS", "3")) * SPEED
    DestinationPigment(Patience(still_wanted_seconds=seconds, restart_seconds=seconds / 10)).run(sys.argv[1:])
