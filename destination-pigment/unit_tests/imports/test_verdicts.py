"""Files that go one after the other through an import configuration that may delete the one before."""

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

from destination_pigment.imports.verdicts import NotPushed, PartialWrite
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


class Adding:
    """Files that go one after the other through one import configuration."""

    def __init__(self, pigment: Pigment, mode: WriteMode = WriteMode.APPEND) -> None:
        self._mode = mode
        self._importer = importer_for(pigment, Time())

    def is_provisional(self, configuration_id: str = "c") -> bool:
        """Import a file; whether its rows are provisional until a later import."""
        return append_three(self._importer, self._mode, configuration_id=configuration_id).is_provisional


BOTH = pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.APPEND_DEDUP])


@BOTH
@ways_without_a_report
def test_no_second_file_follows_one_whose_deletions_are_not_known(asked: Import | Exception, mode: WriteMode) -> None:
    pigment = Pigment([AT_ONCE], [asked])
    adding = Adding(pigment, mode)
    assert adding.is_provisional()
    with pytest.raises(NotPushed, match="did not report whether"):
        adding.is_provisional()
    assert len(pigment.pushes) == 1
    adding.is_provisional("another")


@BOTH
def test_a_second_file_whose_deletions_are_not_known_may_have_deleted_the_first(mode: WriteMode) -> None:
    adding = Adding(Pigment([AT_ONCE], [KEPT, NotFound("import status")]), mode)
    assert adding.is_provisional()
    with pytest.raises(PartialWrite, match="may have been deleted"):
        adding.is_provisional()


@BOTH
def test_once_a_second_file_deleted_nothing_the_configuration_adds(mode: WriteMode) -> None:
    adding = Adding(Pigment([AT_ONCE], [KEPT, KEPT, NotFound("import status")]), mode)
    assert [adding.is_provisional() for _ in range(4)] == [True, False, False, False]


def test_a_first_file_that_stored_nothing_proves_nothing() -> None:
    nothing = CompletedImport("import", ImportCounts(0, 0, 0, 3))
    adding = Adding(Pigment([RUNNING], [nothing, KEPT, KEPT]))
    assert [adding.is_provisional() for _ in range(3)] == [True, True, False]


@BOTH
def test_a_second_import_that_fails_may_have_deleted_the_first(mode: WriteMode) -> None:
    adding = Adding(Pigment([RUNNING], [KEPT, FailedImport("import")]), mode)
    adding.is_provisional()
    with pytest.raises(PartialWrite, match="may have been deleted"):
        adding.is_provisional()


@pytest.mark.parametrize(
    "asked", [[FailedImport("import")], [KEPT, KEPT, FailedImport("import")]], ids=["first", "third"]
)
def test_a_failed_import_that_can_have_deleted_nothing_of_ours_is_just_failed(asked: list[Import | Exception]) -> None:
    adding = Adding(Pigment([RUNNING], asked))
    for _ in range(len(asked) - 1):
        adding.is_provisional()
    with pytest.raises(ImportFailed):
        adding.is_provisional()
