"""The disk that a connector works on: its folder for temporary files, and its errors in the user's words."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pigment_airbyte.failures import TransientProblem

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_temporary_folder() -> None:
    """Raise `TransientProblem` if there is no writable folder for temporary files."""
    try:
        tempfile.gettempdir()
    except OSError:
        raise TransientProblem(
            "The connector has no folder for temporary files that it can write to: let its container write to /tmp, or "
            "set TMPDIR to another folder, see that there is free space in it, and run the sync again."
        ) from None


@contextmanager
def disk_errors_explained(sentence: Callable[[str | None], str]) -> Iterator[None]:
    """Turn an OSError into a `TransientProblem`.

    `sentence` is given the operating system's reason, or None if the disk is full; it is called only after an error.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise TransientProblem(sentence(None if error.errno in _FULL else reason)) from None
