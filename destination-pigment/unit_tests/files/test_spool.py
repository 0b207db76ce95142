"""Files of one sync never share a name, and a copy that fails leaves nothing behind."""

from __future__ import annotations

import errno
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from destination_pigment.files.spool import Spool, SpoolFile
from pigment_airbyte.failures import TransientProblem
from pigment_csv.dialect import CsvDialect


def test_threads_that_ask_at_the_same_time_get_different_places() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    try:
        with Spool() as spool, ThreadPoolExecutor(8) as pool:
            paths: list[Path] = list(pool.map(lambda _: spool.new_path(".csv"), range(20_000)))
    finally:
        sys.setswitchinterval(before)
    assert len(set(paths)) == len(paths)


def test_without_a_folder_for_temporary_files_there_is_no_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(TransientProblem, match="no folder for temporary files"):
        Spool()


def test_a_file_that_is_still_open_is_closed_with_its_folder() -> None:
    """The files of a sync that fails are finished by no one else."""
    with Spool() as spool:
        file = spool.new_file(["a"], CsvDialect())
        file.write(b"1\r\n")
    assert not file.path.parent.exists()
    with pytest.raises(ValueError, match="finished"):
        file.write(b"2\r\n")


def test_a_selection_that_the_disk_does_not_take_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Spool() as spool:
        file = spool.new_file(["a"], CsvDialect())
        file.write(b"1\r\n2\r\n")
        file.finish()
        write = SpoolFile.write

        def full(self: SpoolFile, rows: bytes) -> None:
            if rows == b"2\r\n":
                raise OSError(errno.ENOSPC, "full")
            write(self, rows)

        monkeypatch.setattr(SpoolFile, "write", full)
        with pytest.raises((TransientProblem, OSError)):
            spool.selected(file, frozenset([2]))
        assert list(file.path.parent.iterdir()) == [file.path]
