"""Airbyte destination for Pigment."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """`DestinationPigment`, loaded when it is asked for: the console entry comes first, and loads the CDK quickly."""
    if name != "DestinationPigment":
        raise AttributeError(name)
    from destination_pigment.destination import DestinationPigment  # noqa: PLC0415 - see above

    return DestinationPigment
