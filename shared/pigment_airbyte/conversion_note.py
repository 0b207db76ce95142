"""What the log says of a machine for which there is no library of ours."""

from __future__ import annotations

from logging import Logger

from pigment_native.library import LIBRARY


def note_conversion(logger: Logger) -> None:
    """Say that rows go one at a time, where they do: it costs time, and nothing else."""
    if LIBRARY is None:
        logger.info(
            "Rows are converted one at a time, which takes several times as long: this installation has no fast "
            "conversion for this machine. The images have it, and the packages for Linux on x86_64 and ARM."
        )
