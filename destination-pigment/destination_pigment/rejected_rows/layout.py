"""Where in the bucket a file of rejected rows is. Pure.

The layout is that of Airbyte's destinations for data activation: `{path}/{sync id}/{namespace}/{stream}/`, and in it
`{date}_{time}_{part}.csv` (airbyte: load-dlq, `ObjectStorageSpec`). The link in a connection's timeline leads to
`{path}/{sync id}/` (airbyte-platform: `S3ObjectStoragePathResolver`). A token of the attempt is ours, so that no two
attempts or connections overwrite each other.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from destination_pigment.input.configured_streams import StreamKey

# What would begin another folder, or cannot stand in a name.
_NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")

# A key has at most 1024 bytes (Amazon S3, "Naming objects"), a folder of storage on disk 255.
_LONGEST_PART_BYTES = 200


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """The names of one attempt of a sync; `sync_id` is the number of its job, `token` tells attempts apart."""

    path: str
    sync_id: str
    started: datetime
    token: str

    @classmethod
    def of_attempt(cls, path: str, sync_id: str | None, started: datetime) -> ObjectNames:
        """The names of an attempt that begins; where nobody knows the number of its job, its time is the number."""
        return cls(path, sync_id or str(int(started.timestamp() * 1000)), started, uuid.uuid4().hex[:8])

    def rows(self, stream: StreamKey, part: int) -> str:
        """The file of so many rejected rows; `part` is a number that no other file of the attempt has."""
        return f"{self._file(stream, part)}.csv"

    def counts(self, stream: StreamKey, part: int) -> str:
        """The file of rejections that are only counted."""
        return f"{self._file(stream, part)}_counts.csv"

    def probe(self) -> str:
        """A file that shows whether the bucket can be written."""
        return self._in_path(f"_check_{self.token}")

    def _file(self, stream: StreamKey, part: int) -> str:
        milliseconds = int(self.started.timestamp() * 1000)
        name = f"{self.started:%Y_%m_%d}_{milliseconds}_{self.token}_{part}"
        return self._in_path("/".join([folder(self.sync_id), *(folder(each) for each in stream if each), name]))

    def _in_path(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


def folder(name: str) -> str:
    """The name of a stream or namespace as a folder: as it is, if it can be one."""
    kept = _NO_NAME.sub("_", name).encode()[:_LONGEST_PART_BYTES].decode(errors="ignore").strip()
    return "_" if kept in {"", ".", ".."} else kept
