"""A sync and what is started behind it, as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from destination_pigment.imports.then_run import FollowUps
from destination_pigment.sync import Sync


@dataclass(frozen=True, slots=True)
class Load:
    """A sync, and what is started behind it."""

    sync: Sync
    followups: FollowUps
    is_dry_run: bool

    def finish(self, rest: bytes = b"") -> None:
        """The input has ended, with so much behind its last line end; raises what went wrong."""
        with self._followed():
            self.sync.finish(rest)

    def end(self) -> None:
        """The platform cancels; raises what went wrong."""
        with self._followed(is_cancelled=True):
            self.sync.end()

    @contextmanager
    def _followed(self, *, is_cancelled: bool = False) -> Iterator[None]:
        """Behind what is done inside, even where it fails: what follows is started, or said not to be."""
        has_failed = True
        try:
            yield
            has_failed = False
        finally:
            ending = self.sync.ending
            ending = replace(
                ending,
                has_failed=has_failed or ending.has_failed,
                is_cancelled=is_cancelled or ending.is_cancelled,
                is_dry_run=self.is_dry_run,
            )
            self.followups.run(ending)
