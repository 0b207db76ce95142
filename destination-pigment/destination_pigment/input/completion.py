"""Whether the source has succeeded, from what it and the platform say. Pure.

Where the platform gives generation ids or any stream status, COMPLETE comes for every stream of a source that
succeeded, so nothing else proves it. Where it gives neither (a custom image), a stock source sends a last state for a
stream that failed, too: proof is then that every stream has a state behind its last record, that the input did not
end within a line, and that we are still wanted well after a failing platform would have closed our output.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from destination_pigment.input.catalog import StreamKey
from destination_pigment.input.messages import StreamStatus


@dataclass(slots=True)
class Completion:
    """Remembers what was said; asks nobody. `has_generations` says that the catalog carries generation ids."""

    has_generations: bool
    _statuses: dict[StreamKey, StreamStatus] = field(default_factory=dict)
    _with_records: set[StreamKey] = field(default_factory=set)
    _behind_state: set[StreamKey] = field(default_factory=set)
    _stated: set[StreamKey] = field(default_factory=set)
    _filled: set[StreamKey | None] = field(default_factory=set)
    _all_stated: bool = False
    _all_filled: bool = False
    _has_statuses: bool = False
    _is_cut: bool = False

    def on_records(self, key: StreamKey) -> None:
        """Records came."""
        self._with_records.add(key)
        self._behind_state.add(key)
        # Whatever was said before is not about these.
        self._statuses.pop(key, None)

    def on_state(self, key: StreamKey | None, filled: Iterable[StreamKey | None], *, fills_all: bool) -> None:
        """A state came, of one stream or of all (None); it says more than null or {} of the streams `filled`."""
        if key is None:
            self._all_stated = True
            self._behind_state.clear()
        else:
            self._stated.add(key)
            self._behind_state.discard(key)
        self._filled.update(filled)
        self._all_filled |= fills_all

    def on_status(self, key: StreamKey, status: StreamStatus) -> None:
        """A status came."""
        self._has_statuses = True
        self._statuses[key] = status

    def on_cut(self) -> None:
        """The input ended within a line."""
        self._is_cut = True

    @property
    def is_reported(self) -> bool:
        """Whether the platform says how each stream ended."""
        return self.has_generations or self._has_statuses

    def is_complete(self, key: StreamKey) -> bool:
        """Whether the source has said that the stream is complete."""
        return self._statuses.get(key) is StreamStatus.COMPLETE

    @property
    def is_undecided(self) -> bool:
        """Whether only time can tell if the source has succeeded: nobody says it, and nothing speaks against it."""
        return not (self.is_reported or self._is_cut or self._behind_state)

    def depends_on_patience(self, keys: Iterable[StreamKey]) -> bool:
        """Whether some of the streams have succeeded if, and only if, we are still wanted after a while."""
        return self.is_undecided and any(self.has_succeeded(key, still_wanted=True) for key in keys)

    def has_succeeded(self, key: StreamKey, *, still_wanted: bool) -> bool:
        """Whether the source has read all of the stream; ask when the input has ended."""
        if self._is_cut:
            return False
        if self.is_reported:
            return self.is_complete(key)
        return still_wanted and not self._behind_state and (self._all_stated or key in self._stated)

    def asks_for_clear(self, key: StreamKey) -> bool:
        """Whether a stream that has succeeded without a record is to be emptied.

        So says a state that is null or empty, or none at all. Any other state may belong to a second attempt behind
        records that are stored already.
        """
        return not (self._all_filled or key in self._filled)
