"""However few files are open, each contains what was written to it, and what the disk refuses is said to its writer."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from destination_pigment.files.open_files import OpenFiles
from destination_pigment.files.spool import Spool
from pigment_airbyte.failures import ConfigProblem
from pigment_csv.dialect import CsvDialect


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(0, 6), st.sampled_from([b"a", b"bc\n", b"d" * 9000, None])), max_size=40),
    most=st.integers(1, 4),
)
def test_each_file_contains_what_was_written_to_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bytes | None]], most: int
) -> None:
    folder, files, expected = tmp_path_factory.mktemp("files"), OpenFiles(most), dict[Path, bytes]()
    before = open_descriptors()
    for number, content in steps:
        path = folder / str(number)
        if content is not None:
            files.append(path, content)
            expected[path] = expected.get(path, b"") + content
            assert open_descriptors() <= before + most
        else:
            files.close(path)
            assert (path.read_bytes() if path.exists() else b"") == expected.get(path, b"")
    files.close_all()

    assert {each: each.read_bytes() for each in folder.iterdir()} == expected
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} <= {0o600}
    assert open_descriptors() == before


def test_threads_may_write_at_the_same_time(tmp_path: Path) -> None:
    files = OpenFiles(3)

    def fill(number: int) -> None:
        chance = Random(number)
        for line in range(300):
            files.append(tmp_path / str(number), b"%d\n" % line + b"x" * chance.randrange(3000) + b"\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(8)))
    files.close_all()

    for number in range(8):
        lines = (tmp_path / str(number)).read_bytes().split(b"\n")[:-1]
        assert lines[::2] == [b"%d" % line for line in range(300)]


def test_what_the_disk_refuses_is_raised_for_the_file_that_lacks_it(tmp_path: Path) -> None:
    """A file that is closed to make room for another one fails when it is written or closed itself."""
    files, full = OpenFiles(1), Path("/dev/full")
    files.append(full, b"rows that stay in memory")
    files.append(tmp_path / "other", b"x")

    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            files.append(full, b"more")
        with pytest.raises(OSError, match="No space"):
            files.close(full)
    files.close(tmp_path / "other")


def test_too_many_open_files_are_not_called_a_full_disk() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Spool() as spool:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_descriptors() + 5, hard))
        try:
            with pytest.raises(ConfigProblem, match=r"as many files open as its system allows.*nofile"):
                [spool.new_file(["a"], CsvDialect()) for _ in range(40)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
