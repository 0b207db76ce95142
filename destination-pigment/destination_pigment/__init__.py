"""Airbyte destination for Pigment."""

from destination_pigment.destination import DestinationPigment

__all__ = ["DestinationPigment"]
