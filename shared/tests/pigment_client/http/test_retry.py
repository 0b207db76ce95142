"""What may be repeated, and how long the wait is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client import errors
from pigment_client.http.retry import PUSH, READ, Attempts, RetryPolicy, may_repeat, wait_seconds


@pytest.mark.parametrize(
    "error",
    [errors.KeyRejected, errors.PermissionMissing, errors.NotFound, errors.RequestRejected, errors.TooLarge],
)
def test_what_the_user_must_fix_is_never_repeated(error: type[errors.PigmentError]) -> None:
    assert not may_repeat(error("x"), repeatable=True)


def test_a_429_was_not_carried_out_and_always_repeats() -> None:
    assert may_repeat(errors.LimitReached("x"), repeatable=False)


@pytest.mark.parametrize(
    ("arrived", "repeatable", "expected"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_a_push_repeats_where_it_does_no_harm(arrived: bool, repeatable: bool, expected: bool) -> None:
    error = errors.Unavailable("push CSV", arrived=arrived)

    assert may_repeat(error, repeatable=repeatable) is expected


@given(attempt=st.integers(1, 12), chance=st.floats(0, 1))
def test_waits_are_drawn_from_the_ranges_of_the_two_texts(attempt: int, chance: float) -> None:
    read = wait_seconds(READ, attempt, retry_after=None, random=lambda: chance)
    push = wait_seconds(PUSH, attempt, retry_after=None, random=lambda: chance)

    assert 0 <= read <= min(30, 2 ** (attempt - 1))
    assert 0 <= push <= min(8, 2 ** (attempt - 1))


def test_the_policies_are_those_of_the_texts() -> None:
    assert (READ.retries, PUSH.retries) == (3, 4)
    assert wait_seconds(READ, 1, retry_after=7.5, random=lambda: 1.0) == 7.5


def waits(policy: RetryPolicy, errors_at: list[tuple[float, errors.PigmentError]]) -> list[float | None]:
    attempts = Attempts(policy, repeatable=True)
    return [attempts.wait_after(error, now=now, random=lambda: 1.0) for now, error in errors_at]


def test_a_429_uses_up_no_retry() -> None:
    limit, down = errors.LimitReached("x"), errors.Unavailable("x")

    assert waits(RetryPolicy(1), [(0, limit), (10, limit), (20, down), (21, limit), (30, down)]) == [0, 0, 1, 0, None]


def test_a_429_is_given_up_after_more_than_one_whole_window() -> None:
    limit = errors.LimitReached("x")

    assert waits(RetryPolicy(0), [(0, limit), (299, limit), (300, limit), (301, limit)]) == [0, 0, 0, None]


def test_a_limit_that_comes_back_hours_later_is_a_new_one() -> None:
    limit, broken = errors.LimitReached("x"), errors.BrokenOff("x")

    assert waits(READ, [(0, limit), (200, broken), (9000, limit), (9299, limit), (9301, limit)])[2:] == [0, 0, None]


def test_a_wait_of_a_day_is_given_up_at_once() -> None:
    for error in (
        errors.LimitReached("x", retry_after_seconds=86_400),
        errors.Unavailable("x", retry_after_seconds=601),
    ):
        assert waits(READ, [(0, error)]) == [None]
