"""The destination with less patience, for tests: no 90 seconds of waiting for proof."""

from __future__ import annotations

import os
import sys

from destination_pigment.destination import DestinationPigment
from destination_pigment.input.cancel import Patience


def run() -> None:
    """Run the connector with the arguments of the command line; PATIENCE_SECONDS says how long it waits for proof."""
    seconds = float(os.environ.get("PATIENCE_SECONDS", "3"))
    DestinationPigment(Patience(still_wanted_seconds=seconds, restart_seconds=seconds / 10)).run(sys.argv[1:])
