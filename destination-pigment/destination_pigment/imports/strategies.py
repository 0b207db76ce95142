"""The streams of a sync, each with its strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.changes import Append
from destination_pigment.imports.reload import Replace
from destination_pigment.input.catalog import StreamKey


@dataclass(frozen=True, slots=True)
class Streams:
    """Those that add to their blocks, and those that replace them."""

    appends: Mapping[StreamKey, Append]
    replaces: Mapping[StreamKey, Replace]

    @property
    def has_generations(self) -> bool:
        """Whether the platform gives generation ids."""
        return any(each.stream.has_generation for each in self.files.values())

    @property
    def files(self) -> dict[StreamKey, StreamFiles]:
        """The files of every stream."""
        appends = {key: each.files for key, each in self.appends.items()}
        return appends | {key: each.files for key, each in self.replaces.items()}
