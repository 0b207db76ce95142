"""A key that is violated is found, in bulk and by Python alone."""

from __future__ import annotations

from array import array
from collections import Counter
from ctypes import CDLL

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.reading.progress import KeyCheck
from source_pigment.reading.records import RecordBlock, key_number

WAYS = pytest.mark.parametrize("library", [LIBRARY, None], ids=["in bulk", "by row"])


def problem(library: CDLL | None, *blocks: tuple[list[int], int]) -> str | None:
    check = KeyCheck(library)
    for keys, blank in blocks:
        check.count_keys(RecordBlock(StreamName("S"), b"", len(keys), keys=array("Q", keys), blank_keys=blank))
    return check.problem()


@WAYS
def test_a_key_without_blanks_and_repeats_is_no_problem(library: CDLL | None) -> None:
    assert problem(library) is None
    assert problem(library, ([1, 2, 0, (1 << 61) - 2], 0), ([3], 0)) is None


@WAYS
def test_blanks_and_repeats_are_counted_over_all_blocks(library: CDLL | None) -> None:
    assert problem(library, ([5, 6], 1), ([5, 5], 0)) == "1 record has a blank in it and 2 records repeat one"


@given(keys=st.lists(st.integers(0, (1 << 61) - 2) | st.integers(0, 9), max_size=60))
def test_both_ways_count_what_python_counts(keys: list[int]) -> None:
    repeated = sum(Counter(keys).values()) - len(set(keys))
    for library in (LIBRARY, None):
        found = problem(library, (keys, 0))
        assert (found or "0").split()[0] == str(repeated)


@given(keys=st.lists(st.lists(st.sampled_from(["", "a", "b", "ab", "1:a,", ",", "2"]), min_size=2, max_size=2)))
def test_keys_are_the_same_number_only_where_they_are_the_same(keys: list[list[str]]) -> None:
    assert len({key_number(key) for key in keys}) == len({tuple(key) for key in keys})


@pytest.mark.parametrize("form", ["{}", "E{:07d}", "Department {}", "{:020d}"])
def test_keys_that_count_up_take_no_longer_than_others(form: str) -> None:
    # Keys that fell onto few places of the table would take hours.
    keys = [key_number([form.format(number)]) for number in range(50_000)]
    assert problem(LIBRARY, (keys, 0)) is None
