"""The disk that a connector works on: its folder for temporary files, and its errors in the user's words."""

from __future__ import annotations

import errno
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pigment_airbyte.failures import ConfigProblem, TransientProblem

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TOO_MANY_OPEN = {errno.EMFILE, errno.ENFILE}

# As many files as a connector can have use for.
_MOST_OPEN = 65_536


def raise_open_files_limit() -> None:
    """Let the process have as many open files as the system allows; many set a soft limit that is far lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
    """Turn an OSError into a `TransientProblem`, or a `ConfigProblem` where too many files are open.

    `sentence` is given the operating system's reason, or None if the disk is full; it is called only after an error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _TOO_MANY_OPEN:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            raise ConfigProblem(
                f"The connector has as many files open as its system allows ({limit:,}), and nothing of the file it "
                'was writing was sent on: raise the limit of open files ("nofile") of its container to 1,024 or more, '
                "and run the sync again."
            ) from None
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise TransientProblem(sentence(None if error.errno in _FULL else reason)) from None
