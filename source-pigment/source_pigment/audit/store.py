"""Events on disk until their listing is complete: each once, as its record, in the order of ingestion.

SQLite keeps them in a database without a name, in a file that only this process can open and that is gone however the
process ends (SQLite: "If the filename is an empty string, then a new temporary on-disk database is created"). Memory
stays at a few megabytes, however many events there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from pigment_airbyte.failures import TransientProblem
from pigment_client.json_objects import Fields, object_text
from pigment_client.models import AuditEvent
from pigment_client.wording import byte_size
from source_pigment.audit.window import Micros, id_of, id_part
from source_pigment.reading.records import JsonRecords

CURSOR_FIELD = "ingestionTimestamp"

_TEXT: dict[str, Any] = {"type": ["null", "string"]}
_MOMENT: dict[str, Any] = {"type": ["null", "string"], "format": "date-time"}
_OBJECT: dict[str, Any] = {"type": ["null", "object"], "additionalProperties": True}

PROPERTIES: dict[str, Any] = {
    "id": _TEXT,
    "type": _TEXT,
    "eventTimestamp": _MOMENT,
    CURSOR_FIELD: _MOMENT,
    "payload": _OBJECT,
    "additional_fields": _OBJECT,
}

_CACHE_KIB = 8192


def values_of(event: AuditEvent) -> Fields:
    """The record of an event: the JSON of each column."""
    return {
        "id": orjson.dumps(id_of(event)),
        "type": orjson.dumps(event.type),
        "eventTimestamp": orjson.dumps(event.event_timestamp),
        CURSOR_FIELD: orjson.dumps(event.ingestion_timestamp),
        "payload": event.payload or b"null",
        "additional_fields": object_text(event.others) if event.others else b"null",
    }


class EventStore:
    """The new events of one read; for one thread at a time."""

    def __init__(self, records: JsonRecords) -> None:
        self._records = records
        # All mutable state outside the database: how many new events there are, how long their records are, how many
        # have no id, and when they were requested (None: never).
        self.rows = 0
        self.content_bytes = 0
        self.without_id = 0
        self.read_at: Micros | None = None
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        with self._disk_errors_explained():
            # Nothing outlives the process, so nothing needs to survive a crash.
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._database.execute(
                "CREATE TABLE event (at INTEGER PRIMARY KEY, mark BLOB UNIQUE, id, listing, ingested, data)"
            )
            self._database.execute("BEGIN")

    def store_event(self, event: AuditEvent, mark: bytes, ingested: Micros, listing: int, *, is_wanted: bool) -> bool:
        """Keep an event, or only remember it if it is not wanted; False if this listing already had it.

        The mark stands for everything that makes it the same event.
        """
        data = self._records.data(values_of(event)) if is_wanted else None
        with self._disk_errors_explained():
            added = self._database.execute(
                "INSERT OR IGNORE INTO event (mark, id, listing, ingested, data) VALUES (?, ?, ?, ?, ?)",
                (mark, id_part(mark), listing, ingested, data),
            ).rowcount
            is_new = (
                added
                or self._database.execute(
                    "UPDATE event SET listing = ?1 WHERE mark = ?2 AND listing < ?1", (listing, mark)
                ).rowcount
            )
        if added and data is not None:
            self.rows += 1
            self.content_bytes += len(data)
        self.without_id += bool(is_new) and is_wanted and event.id is None
        return bool(is_new)

    def complete(self, read_at: Micros | None) -> None:
        """Every event of the range is there, as requested at that time (None: nothing was requested)."""
        self.read_at = read_at
        with self._disk_errors_explained():
            self._database.execute("CREATE INDEX in_order ON event (ingested, at DESC) WHERE data IS NOT NULL")

    def count_repeated_ids(self) -> int:
        """How many events have an id that another has; only counted if there are new ones."""
        if not self.rows:
            return 0
        with self._disk_errors_explained():
            (count,) = self._database.execute("SELECT COUNT(*) - COUNT(DISTINCT id) FROM event").fetchone()
        return int(count)

    def events(self) -> Generator[tuple[bytes, Micros, bytes], None, None]:
        """Mark, time of ingestion and record of each new event: oldest first, and of one time the last added first."""
        with self._disk_errors_explained():
            yield from self._database.execute(
                "SELECT mark, ingested, data FROM event WHERE data IS NOT NULL ORDER BY ingested, at DESC"
            )

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _disk_errors_explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            needed = f"the audit log needed {byte_size(self.content_bytes)} so far"
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise TransientProblem(
                    f"The connector's disk is full: {needed}. Give the connector more temporary disk space."
                ) from None
            name = getattr(error, "sqlite_errorname", "SQLite")
            raise TransientProblem(
                f"The connector could not keep the audit log on its disk ({name}): {needed}. Check that its folder for "
                "temporary files (TMPDIR) can be written to, and run the sync again."
            ) from None
