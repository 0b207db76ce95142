"""Airbyte source for Pigment."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """`SourcePigment`, loaded when it is asked for: the console entry comes first, and loads the CDK quickly."""
    if name != "SourcePigment":
        raise AttributeError(name)
    from source_pigment.source import SourcePigment  # noqa: PLC0415 - see above

    return SourcePigment
