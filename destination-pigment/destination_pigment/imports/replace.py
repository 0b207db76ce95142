"""The records of a stream that replaces what its block holds: all of them, and only once the source has succeeded."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from destination_pigment.files.batch import Batch
from destination_pigment.files.stream_files import StreamWriter
from pigment_airbyte.failures import ConfigProblem, TransientProblem

logger = logging.getLogger("airbyte.pigment.destination")


class ReplacingWriter(StreamWriter):
    """Keeps all files of a stream until its end, where they are one job."""

    def is_old(self) -> bool:
        """Never: what replaces waits for the end, however long that takes."""
        return False

    def replace(self) -> bool:
        """Make the job of a replacing stream whose source has succeeded; whether there is anything to do.

        Without rows it clears, if a configuration is there for that.
        """
        self._close_file()
        if len(self._finished) > 1 and self.target.replace_configuration_id is None:
            raise ConfigProblem(
                f"The {self.stream.subject} is larger than one file, and a second file through a clearing import "
                "configuration would delete the first; nothing was pushed: enter a second import configuration that "
                'clears as "Replacing import configuration" and let the first one add, or raise "Largest file (MB)".'
            )
        if self._refused and not self._finished:
            raise ConfigProblem(
                f"All {self._refused} record(s) of the {self.stream.subject} were refused, so its block in Pigment was "
                "left as it was: see the log for the reasons, and mend the records at their source."
            )
        if not self._finished and not self._can_clear():
            return False
        if not self._finished:
            header_only = self._spool.new_file(self._maker.columns)
            header_only.finish()
            self._finished.append(header_only)
        self._hand_over()
        return True

    def _can_clear(self) -> bool:
        if self.target.replace_configuration_id is None:
            missing = 'Without a replacing import configuration it was left as it is: enter one under "Targets"'
        elif not self._maker.columns:
            missing = "Its schema has no columns, so no file can be made for it, and it was left as it is: refresh it"
        else:
            return True
        logger.warning(
            "No record came for the %s, so its block should be empty now. %s, or clear the block in Pigment.",
            self.stream.subject,
            missing,
        )
        return False

    def leave_untouched(self) -> None:
        """The source did not finish: raises `TransientProblem` if it had sent anything."""
        subject = self.stream.subject
        if self._records:
            raise TransientProblem(
                f"The source did not finish the {subject}, so its block in Pigment was left as it was: mend what "
                "stopped the source, and run the sync again."
            )
        logger.warning(
            "The source sent nothing for the %s and did not say that it is complete: left as it is.", subject
        )

    def say_nothing_new(self) -> None:
        """An attempt that goes on behind a finished stream looks just like a source that is empty."""
        logger.warning(
            "The source sent no record for the %s and says that all of it is read: its block is left as it is, for "
            "this is also how a repeated attempt looks whose records are stored already. To empty the block, clear "
            "the stream in Airbyte.",
            self.stream.subject,
        )

    def _full(self) -> None:
        self._close_file()

    def _widen_files(self, columns: Sequence[str]) -> None:
        """The wider header for what waits as well; the open file stays open, for a new column must not cost a file."""
        self._finished = [self._spool.widened(file, columns) for file in self._finished]
        for file in self._finished:
            file.finish()
        if self._file is not None and self._batch is not None:
            rows = self._batch.rows
            self._file = self._spool.widened(self._file, columns)
            limits, header = self._options.limits, self._file.header_bytes
            self._batch = Batch(limits.max_bytes, limits.max_rows, header, rows, self._file.size_bytes - header)
