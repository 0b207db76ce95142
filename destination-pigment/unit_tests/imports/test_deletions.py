"""Files that go one after the other through an import configuration of which nobody knows whether it deletes."""

from __future__ import annotations

import pytest
from scripted_imports import (
    AT_ONCE,
    KEPT,
    RUNNING,
    Pigment,
    Time,
    append_three,
    importer_for,
    ways_without_a_report,
)

from destination_pigment.imports.first_imports import FirstImports
from destination_pigment.imports.report import MayBeStored, NotPushed
from destination_pigment.input.catalog import WriteMode
from pigment_client.errors import (
    ImportFailed,
    NotFound,
)
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
)


class Appending:
    """Files that go one after the other through one import configuration."""

    def __init__(self, pigment: Pigment, mode: WriteMode = WriteMode.APPEND) -> None:
        self._mode = mode
        self._importer = importer_for(pigment, Time())
        self._first = FirstImports()

    def add(self, configuration_id: str = "c") -> int:
        """Import a file; how many results are certain after it."""
        return len(self._first.on_imported(*append_three(self._importer, self._mode, configuration_id)))


BOTH = pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])


@BOTH
@ways_without_a_report
def test_no_second_file_follows_one_whose_deletions_are_not_known(asked: Import | Exception, mode: WriteMode) -> None:
    pigment = Pigment([AT_ONCE], [asked])
    appending = Appending(pigment, mode)
    assert appending.add() == 0
    with pytest.raises(NotPushed, match="did not report whether"):
        appending.add()
    assert len(pigment.pushes) == 1
    appending.add("another")


@BOTH
def test_a_second_file_whose_deletions_are_not_known_may_have_deleted_the_first(mode: WriteMode) -> None:
    appending = Appending(Pigment([AT_ONCE], [KEPT, NotFound("import status")]), mode)
    assert appending.add() == 0
    with pytest.raises(MayBeStored, match="may have been deleted"):
        appending.add()


@BOTH
def test_once_a_second_file_deleted_nothing_the_configuration_adds(mode: WriteMode) -> None:
    appending = Appending(Pigment([AT_ONCE], [KEPT, KEPT, NotFound("import status")]), mode)
    assert [appending.add() for _ in range(4)] == [0, 2, 1, 1]


def test_a_first_file_that_stored_nothing_proves_nothing() -> None:
    nothing = CompletedImport("import", ImportCounts(0, 0, 0, 3))
    appending = Appending(Pigment([RUNNING], [nothing, KEPT, KEPT]))
    assert [appending.add() for _ in range(3)] == [0, 0, 3]


@BOTH
def test_a_second_import_that_fails_may_have_deleted_the_first(mode: WriteMode) -> None:
    appending = Appending(Pigment([RUNNING], [KEPT, FailedImport("import")]), mode)
    appending.add()
    with pytest.raises(MayBeStored, match="may have been deleted"):
        appending.add()


@pytest.mark.parametrize(
    "asked", [[FailedImport("import")], [KEPT, KEPT, FailedImport("import")]], ids=["first", "third"]
)
def test_a_failed_import_that_can_have_deleted_nothing_of_ours_is_just_failed(asked: list[Import | Exception]) -> None:
    appending = Appending(Pigment([RUNNING], asked))
    for _ in range(len(asked) - 1):
        appending.add()
    with pytest.raises(ImportFailed):
        appending.add()
