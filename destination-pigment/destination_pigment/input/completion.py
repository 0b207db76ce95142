"""Whether the source has succeeded, or the platform clears, from what they report. Pure.

Where the platform gives generation ids or any stream status, COMPLETE comes for every stream of a source that
succeeded, so nothing else proves it. Where it gives neither (a custom image), a stock source sends a last state even
for a stream that failed. Proof is then that every stream has a state after its last record, that the input did not
end within a line, and that the platform still wants this sync well after it would have closed the output of a sync
whose source failed.

A Clear is a sync without a record in which a stream has a null state. Once all states are gone (a second attempt), no
state comes at all, and COMPLETE alone asks for it (airbyte-platform, EmptyAirbyteSource).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from destination_pigment.input.catalog import StreamKey
from destination_pigment.input.messages import StreamStatus


class Proof(Enum):
    """What the end of the input proves of a stream: whether the source has read all of it."""

    COMPLETE = auto()
    IF_STILL_WANTED = auto()  # complete if the platform does not end this sync within a while
    UNPROVED = auto()  # nothing says so, and nothing contradicts it
    INCOMPLETE = auto()

    @property
    def is_good(self) -> bool:
        """Whether the source has read all of the stream, once the platform has been waited for."""
        return self in {Proof.COMPLETE, Proof.IF_STILL_WANTED}


@dataclass(slots=True)
class Completion:
    """Remembers what was reported. `has_generations` says that the catalog has generation ids."""

    has_generations: bool
    _statuses: dict[StreamKey, StreamStatus] = field(default_factory=dict)
    _after_state: set[StreamKey] = field(default_factory=set)
    _stated: set[StreamKey] = field(default_factory=set)
    _cleared: set[StreamKey | None] = field(default_factory=set)
    _all_stated: bool = False
    _has_statuses: bool = False
    _has_records: bool = False
    _is_cut: bool = False

    def on_records(self, key: StreamKey) -> None:
        self._has_records = True
        self._after_state.add(key)
        # What was reported before is not about these.
        self._statuses.pop(key, None)

    def on_unusable(self) -> None:
        """Something came that may have been a record: an unreadable line, or a record of no stream of the catalog."""
        self._has_records = True

    def on_state(self, key: StreamKey | None, cleared: Iterable[StreamKey | None]) -> None:
        """A state came, of one stream or of all (None); for the streams `cleared` it is null."""
        if key is None:
            self._all_stated = True
            self._after_state.clear()
            self._cleared.clear()
        else:
            self._stated.add(key)
            self._after_state.discard(key)
            self._cleared.discard(key)
        self._cleared.update(cleared)

    def on_status(self, key: StreamKey, status: StreamStatus) -> None:
        self._has_statuses = True
        self._statuses[key] = status

    def on_cut(self) -> None:
        """The input ended within a line."""
        self._is_cut = True

    def proof(self, key: StreamKey) -> Proof:
        """What is proved of a stream; ask when the input has ended."""
        if self._is_cut:
            return Proof.INCOMPLETE
        if self.has_generations or self._has_statuses:
            is_complete = self._statuses.get(key) is StreamStatus.COMPLETE
            return Proof.COMPLETE if is_complete else Proof.INCOMPLETE
        if self._after_state:
            return Proof.INCOMPLETE
        return Proof.IF_STILL_WANTED if self._all_stated or key in self._stated else Proof.UNPROVED

    def asks_for_clear(self, key: StreamKey) -> bool:
        """Whether the platform clears a stream, rather than that its source has no record; ask where it succeeded."""
        if self._has_records:
            return False
        if key in self._cleared:
            return True
        has_states = self._all_stated or bool(self._stated)
        return not has_states and self._statuses.get(key) is StreamStatus.COMPLETE

    @property
    def is_silent(self) -> bool:
        """Whether nothing whatever came: of a custom image that may be a Clear, or a source that is empty."""
        return not (self._has_records or self._has_statuses or self._all_stated or self._stated or self._is_cut)
