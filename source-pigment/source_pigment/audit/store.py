"""Events on disk until the listing has come to its end: each once, and in the order of their ingestion.

SQLite keeps them in a database without a name, in a file that only this process can open and that is gone however the
process ends (SQLite: "If the filename is an empty string, then a new temporary on-disk database is created"). So
memory holds a few megabytes, however many events there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator

from pigment_airbyte.failures import TransientProblem
from pigment_client.wording import byte_size
from source_pigment.audit.window import Micros

_CACHE_KIB = 8192


class EventStore:
    """Events by what makes them the same; for one thread at a time."""

    def __init__(self) -> None:
        # All mutable state beside the database: how much is in it.
        self.rows = 0
        self.content_bytes = 0
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # Nothing of it outlives the process, so nothing needs to survive a crash.
        self._run("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._run("CREATE TABLE event (at INTEGER PRIMARY KEY, mark BLOB UNIQUE, id, listing, ingested, data)", "BEGIN")

    def add(self, marks: tuple[bytes, bytes], ingested: Micros, data: bytes | None, listing: int) -> bool:
        """Keep an event, or (None) only that it was seen; False where it was in this listing before.

        The first mark is of all that makes it the same event, the second of its id.
        """
        mark, id_ = marks
        try:
            added = self._database.execute(
                "INSERT OR IGNORE INTO event (mark, id, listing, ingested, data) VALUES (?, ?, ?, ?, ?)",
                (mark, id_, listing, ingested, data),
            ).rowcount
            is_new = (
                added
                or self._database.execute(
                    "UPDATE event SET listing = ?1 WHERE mark = ?2 AND listing < ?1", (listing, mark)
                ).rowcount
            )
        except sqlite3.Error as error:
            raise self._problem(error) from None
        if added and data is not None:
            self.rows += 1
            self.content_bytes += len(data)
        return bool(is_new)

    def finish(self) -> None:
        """Nothing more is added."""
        self._run("CREATE INDEX in_order ON event (ingested, at DESC) WHERE data IS NOT NULL")

    def count_repeated_ids(self) -> int:
        """How many events have an id that another has; only looked at where there are new ones."""
        if not self.rows:
            return 0
        try:
            (count,) = self._database.execute("SELECT COUNT(*) - COUNT(DISTINCT id) FROM event").fetchone()
        except sqlite3.Error as error:
            raise self._problem(error) from None
        return int(count)

    def events(self) -> Generator[tuple[bytes, Micros, bytes], None, None]:
        """Mark, time of ingestion and data of each event, oldest first; of one time, the last that was added first."""
        try:
            yield from self._database.execute(
                "SELECT mark, ingested, data FROM event WHERE data IS NOT NULL ORDER BY ingested, at DESC"
            )
        except sqlite3.Error as error:
            raise self._problem(error) from None

    def close(self) -> None:
        """Give the place on the disk back."""
        self._database.close()

    def _run(self, *statements: str) -> None:
        try:
            for each in statements:
                self._database.execute(each)
        except sqlite3.Error as error:
            raise self._problem(error) from None

    def _problem(self, error: sqlite3.Error) -> TransientProblem:
        needed = f"the audit log needed {byte_size(self.content_bytes)} so far"
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return TransientProblem(
                f"The connector's disk is full: {needed}. Give the connector more temporary disk space."
            )
        return TransientProblem(
            f"The connector could not keep the audit log on its disk ({getattr(error, 'sqlite_errorname', 'SQLite')}): "
            f"{needed}. Check that its folder for temporary files (TMPDIR) can be written to, and run the sync again."
        )
