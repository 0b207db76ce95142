"""Airbyte source for Pigment."""


def __getattr__(name: str) -> object:
    """`SourcePigment`, loaded when it is asked for, because the installed command first prepares the loading."""
    if name != "SourcePigment":
        raise AttributeError(name)
    from source_pigment.source import SourcePigment  # noqa: PLC0415 - see above

    return SourcePigment
