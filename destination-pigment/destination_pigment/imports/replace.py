"""A stream that replaces what its block holds: all its rows, once the source has succeeded."""

from __future__ import annotations

import logging
from typing import NoReturn

from destination_pigment.files.stream_files import Cut, StreamFiles
from destination_pigment.imports.replace_job import ReplaceJob
from destination_pigment.imports.unstored_rows import NOT_KEPT, UnstoredRows
from destination_pigment.input.configured_streams import DestinationStream
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.quantities import counted

logger = logging.getLogger("airbyte.pigment.destination")


class Replace:
    """What becomes of the records of a stream that replaces."""

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        restart_seconds: float,
        unstored: UnstoredRows = NOT_KEPT,
    ) -> None:
        self.stream = stream
        self.files = files
        self._target = target
        self._restart_seconds = restart_seconds
        self._unstored = unstored

    def job(self, *, may_clear: bool) -> ReplaceJob | None:
        """All files as one job, or None where there is nothing to do; ask when the source has succeeded.

        Without a record the block is cleared if that is asked for. Raises `ConfigProblem` where Pigment must be left
        as it is.
        """
        cuts = self.files.take_all()
        if not cuts and not may_clear:
            logger.warning(
                "No record came for the %s, and its state is not empty: its block is left as it is, for this is also "
                "how a second attempt looks whose records are stored already. To empty it, clear the stream in "
                "Airbyte.",
                self.stream.subject,
            )
            return None
        try:
            self._reject_guarded(cuts)
        except ConfigProblem:
            self._keep_all_the_same(cuts)
            raise
        if not cuts:
            if not self.files.converter.header:
                raise ConfigProblem(
                    f"The {self.stream.subject} is to be cleared, and its schema has no columns, so no file can be "
                    "made for that: refresh the schema of the connection, or clear the block in Pigment."
                )
            cuts = [self.files.header_only()]
        return ReplaceJob(self.stream, self._target, tuple(cuts), self._restart_seconds, self._unstored)

    def reject_unfinished(self) -> NoReturn:
        """Raise `TransientProblem`: the source did not succeed."""
        raise TransientProblem(
            f"The source did not finish the {self.stream.subject}, so its block in Pigment was left as it was: fix "
            "what stopped the source, and run the sync again."
        )

    def _keep_all_the_same(self, cuts: list[Cut]) -> None:
        """Write what was rejected to the bucket, so that people can open it, although nothing is counted."""
        try:
            self._unstored.keep_arrived(self.stream, cuts)
        except (ConfigProblem, TransientProblem) as problem:
            logger.warning("Also: %s", problem)

    def _reject_guarded(self, cuts: list[Cut]) -> None:
        rows, rejected = sum(cut.rows for cut in cuts), sum(cut.rejected for cut in cuts)
        if rejected and not rows:
            raise ConfigProblem(
                f"Every record of the {self.stream.subject} was rejected ({rejected:,} in all), so its block in "
                "Pigment was left as it was: see the log for the reasons, and fix the records at their source."
            )
        if rows < self._target.minimum_rows:
            raise ConfigProblem(
                f"The {self.stream.subject} has {counted(rows, 'row')}, fewer than the {self._target.minimum_rows:,} "
                "that its target must have, so its block in Pigment was left as it was: look at the source, or lower "
                '"Fewest rows" under "Targets".'
            )
        if sum(cut.file is not None for cut in cuts) > 1 and self._target.clearing_id == self._target.configuration_id:
            raise ConfigProblem(
                f"The {self.stream.subject} is larger than one file, and a second file through an import configuration "
                "that clears would delete the first; nothing was pushed: let this one add, and enter another one that "
                'clears as "Replacing import configuration ID", or raise "Largest file (MB)".'
            )
