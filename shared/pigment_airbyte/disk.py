"""The disk that a connector works on: its folder for temporary files."""

from __future__ import annotations

import tempfile

from pigment_airbyte.failures import TransientProblem


def check_temporary_folder() -> None:
    """Raise `TransientProblem` where no folder for temporary files can be written to."""
    try:
        tempfile.gettempdir()
    except OSError:
        raise TransientProblem(
            "The connector has no folder for temporary files that it can write to: let its container write to /tmp, or "
            "set TMPDIR to another folder, see that there is free space in it, and run the sync again."
        ) from None
