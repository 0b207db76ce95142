"""Airbyte source for Pigment."""

from source_pigment.source import SourcePigment

__all__ = ["SourcePigment"]
