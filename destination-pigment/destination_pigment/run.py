"""The console entry."""

from __future__ import annotations

import sys

from destination_pigment.destination import DestinationPigment


def run() -> None:
    """Run the connector with the arguments of the command line."""
    DestinationPigment().run(sys.argv[1:])
