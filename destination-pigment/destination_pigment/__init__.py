"""Airbyte destination for Pigment."""


def __getattr__(name: str) -> object:
    """`DestinationPigment`, loaded when it is asked for, because the installed command first prepares the loading."""
    if name != "DestinationPigment":
        raise AttributeError(name)
    from destination_pigment.destination import DestinationPigment  # noqa: PLC0415 - see above

    return DestinationPigment
