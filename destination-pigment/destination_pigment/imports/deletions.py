"""What imports have shown of whether an import configuration clears its block.

Nothing in Pigment's API says it, and a block that was empty shows nothing at its first file: only an import that
deletes nothing although one before it stored rows proves that the configuration adds.
"""

from __future__ import annotations

from enum import Enum, auto
from threading import Lock

from destination_pigment.imports.report import Imported, MayBeStored, NotPushed


class _Shown(Enum):
    """By the imports of this sync."""

    FILLED = auto()  # an import stored rows and deleted none: the next one shows whether it deletes them
    UNKNOWN = auto()  # an import of which nobody knows whether it deleted
    ADDS = auto()


class Deletions:
    """Remembers it for each import configuration; may be shared by threads."""

    def __init__(self) -> None:
        # Mutable state, guarded by the lock.
        self._lock = Lock()
        self._shown: dict[str, _Shown] = {}

    def reject_next(self, configuration_id: str, subject: str) -> None:
        """Raise `NotPushed` where a further file could delete the one before without a trace."""
        if self._of(configuration_id) is _Shown.UNKNOWN:
            raise NotPushed(
                f"Pigment did not report whether the import of the {subject} deleted what was in its block, so a "
                "second file through the same import configuration could delete the first without a trace; it was not "
                'sent, and the first is stored. Look whether "Clear items prior to import" is off for the import '
                f"configuration {configuration_id} in Pigment, and let the rows of a sync go in one file: raise "
                '"Largest file (MB)", "Most rows in a file" and "Import at least every (minutes)".'
            )

    def may_have_followed(self, configuration_id: str) -> bool:
        """Whether an import that went wrong may have deleted what one before it stored."""
        return self._of(configuration_id) is _Shown.FILLED

    def on_imported(self, configuration_id: str, done: Imported, subject: str) -> None:
        """An import ended and reported no deletion; raises `MayBeStored` where it may have deleted what was stored."""
        before = self._of(configuration_id)
        if done.deleted is None and before is _Shown.FILLED:
            raise maybe_deleted(
                f"Pigment did not report whether the last import of the {subject} deleted what was in its block.",
                configuration_id,
            )
        if before is _Shown.ADDS:
            return
        shown = _Shown.ADDS if before is _Shown.FILLED else _Shown.FILLED if done.has_rows else before
        if done.deleted is None:
            shown = _Shown.UNKNOWN
        with self._lock:
            if shown is not None:
                self._shown[configuration_id] = shown

    def _of(self, configuration_id: str) -> _Shown | None:
        with self._lock:
            return self._shown.get(configuration_id)


def maybe_deleted(sentence: str, configuration_id: str) -> MayBeStored:
    """The error of an import that may have deleted what the same sync stored before."""
    return MayBeStored(
        f"{sentence} What this sync stored before through the import configuration {configuration_id} may have been "
        'deleted, if "Clear items prior to import" is on for it: look at the block before you run the sync again, '
        "which sends these rows once more."
    )
