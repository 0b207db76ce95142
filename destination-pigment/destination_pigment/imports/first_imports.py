"""The first import through each configuration: its result is certain once a second, or the end, has followed."""

from __future__ import annotations

from destination_pigment.imports.queue import Job
from destination_pigment.imports.report import Imported


class FirstImports:
    """Keeps the result of the first import through each configuration until a second, or the end, has followed.

    A block that was empty cannot show at its first file that the configuration clears it, nor can an import of which
    nobody knows what it deleted. Pure.
    """

    def __init__(self) -> None:
        # Mutable state: the results that are kept, those that never become certain, and the configurations of which
        # the second import is done.
        self._kept: dict[str, list[tuple[Job, Imported]]] = {}
        self._doubted: list[tuple[Job, Imported]] = []
        self._certain: set[str] = set()

    def on_imported(self, job: Job, done: Imported) -> list[tuple[Job, Imported]]:
        """The results that are certain now, in their order."""
        name = job.configuration_id
        kept = self._kept.get(name)
        if name in self._certain or (kept is None and job.is_certain):
            return [(job, done)]
        if kept is None:
            self._kept[name] = [(job, done)]
            return []
        was_filled = any(each.has_rows for _, each in kept)
        kept.append((job, done))
        if job.is_certain or done.deleted != 0 or not was_filled:
            return []
        self._certain.add(name)
        return self._kept.pop(name)

    def wants_second(self, configuration_id: str) -> bool:
        """Whether a further import shows that the first one stays, so that its states need not wait for a full file."""
        return any(done.has_rows for _, done in self._kept.get(configuration_id, ()))

    def on_doubt(self, configuration_id: str) -> None:
        """What was stored through the configuration may be deleted: its first result never becomes certain."""
        self._doubted += self._kept.pop(configuration_id, [])

    @property
    def doubted(self) -> list[tuple[Job, Imported]]:
        """The results that never become certain."""
        return self._doubted

    def end(self) -> list[tuple[Job, Imported]]:
        """What is left is certain at the end."""
        kept, self._kept = [each for results in self._kept.values() for each in results], {}
        return kept
