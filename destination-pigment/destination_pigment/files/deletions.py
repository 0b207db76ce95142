"""Records that say that their row was deleted in the source database: which they are, and what is sent of them. Pure.

Airbyte's sources that read a database's log write the time of the deletion into a column of that name; the other cells
are blank or have the old values, as the database is set up (PostgreSQL: REPLICA IDENTITY FULL).
"""

from __future__ import annotations

from collections.abc import Sequence

from destination_pigment.config import DeletedRows
from destination_pigment.files.rows import Rows
from destination_pigment.input.catalog import DestinationStream, WriteMode

DELETED_AT = "_ab_cdc_deleted_at"
DELETED = "deleted in the source"


class Deletions:
    """Separates the deletions of a deduplicated stream; without a key, nothing says which row is meant.

    What is deleted is not in what replaces a block, so there a blank row has no use either.
    """

    def __init__(self, stream: DestinationStream, deleted_rows: DeletedRows) -> None:
        self._key = stream.primary_key
        self._is_ignored = deleted_rows is DeletedRows.MARK
        self._is_blanked = deleted_rows is DeletedRows.BLANK and stream.mode is not WriteMode.REPLACE

    def separate(self, sent: Rows) -> tuple[Rows, Rows | None]:
        """The rows to write, of which deletions may be blank except their key, and the deletions not to be sent."""
        if self._is_ignored or DELETED_AT not in sent.header:
            return sent, None
        which = [bool(cell) for cell in sent.columns[sent.header.index(DELETED_AT)]]
        if not any(which):
            return sent, None
        if self._is_blanked:
            return self._blank(sent, which), None
        return sent.selected([not each for each in which]), sent.selected(which)

    def _blank(self, sent: Rows, which: Sequence[bool]) -> Rows:
        columns = [
            column
            if name in self._key
            else [None if is_deletion else cell for is_deletion, cell in zip(which, column, strict=True)]
            for name, column in zip(sent.header, sent.columns, strict=True)
        ]
        return Rows(sent.header, columns, sent.places)
