"""Whether the source has read a stream to its end, from what it and the platform say. Pure.

Where stream statuses come (the platform with generations, PyAirbyte), only COMPLETE says so. Where none come (the
platform with a custom image), a state after the last record does: after a source's success there always is one. A
checkpoint of a source that died just behind it looks the same, unless the state itself says that it is final.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from destination_pigment.input.configured_streams import StreamKey
from destination_pigment.input.messages import StreamStatus


class Verdict(Enum):
    """What is known about the end of a stream."""

    COMPLETE = auto()
    PROBABLY_COMPLETE = auto()
    NOTHING_NEW = auto()
    NOT_FINISHED = auto()


@dataclass(slots=True)
class SourceEnd:
    """Remembers what was said; asks nobody."""

    _statuses: dict[StreamKey, StreamStatus] = field(default_factory=dict)
    _confirmed: set[StreamKey] = field(default_factory=set)
    _final: set[StreamKey] = field(default_factory=set)
    _with_records: set[StreamKey] = field(default_factory=set)

    def on_records(self, key: StreamKey) -> None:
        """Records came."""
        self._confirmed.discard(key)
        self._with_records.add(key)

    def on_state(self, key: StreamKey | None, *, is_final: bool) -> None:
        """A state came, of one stream or of all (None): of all means those that had records."""
        keys: Iterable[StreamKey] = self._with_records if key is None else {key}
        self._confirmed.update(keys)
        if is_final and key is not None:
            self._final.add(key)

    def on_status(self, key: StreamKey, status: StreamStatus) -> None:
        """A status came."""
        self._statuses[key] = status

    def verdict(self, key: StreamKey, *, by_generation: bool) -> Verdict:
        """What is known now; `by_generation` streams may be repeated attempts behind what is stored already."""
        is_final = key in self._final
        if self._statuses:
            if self._statuses.get(key) is not StreamStatus.COMPLETE:
                return Verdict.NOT_FINISHED
        elif key not in self._confirmed:
            return Verdict.NOT_FINISHED
        elif not is_final:
            return Verdict.PROBABLY_COMPLETE
        if by_generation and is_final and key not in self._with_records:
            return Verdict.NOTHING_NEW
        return Verdict.COMPLETE
