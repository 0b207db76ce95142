"""A stream that replaces its block and of which no row came: a Clear, an empty source, or nothing of a scope."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from airbyte_cdk.models import FailureType

from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain


class Unfilled(Enum):
    """What becomes of a block that is to be replaced where no row came."""

    EMPTIED = auto()  # a Clear, or the user allows it: a file with a header and no row goes through what clears
    STILL_FILLED = auto()  # a Clear of what no file can empty: the rows stay in Pigment, and the log says so
    AS_IT_WAS = auto()  # no value of the scope came, so nothing of it is replaced
    REFUSED = auto()  # the source is empty, and the user has not allowed that


def decide_unfilled(*, clears: bool, has_scope: bool, minimum_rows: int | None, is_clear: bool) -> Unfilled:
    """What an end without a row means for a stream of which the source has succeeded.

    `clears` and `has_scope`: what the target does. `is_clear`: the platform asks to clear the stream.
    """
    empties = clears and not has_scope
    if is_clear:
        return Unfilled.EMPTIED if empties else Unfilled.STILL_FILLED
    if empties and minimum_rows == 0:
        return Unfilled.EMPTIED
    if has_scope and not minimum_rows:
        return Unfilled.AS_IT_WAS
    return Unfilled.REFUSED


class EmptySource(ConfigProblem):
    """A source that has succeeded sent no row for a stream that replaces its block, which stays as it is."""


def describe_empty_sources(subjects: Sequence[str]) -> ConfigProblem:
    """The one error for all streams without a row, after everything else of the sync is stored."""
    block, its = ("block", "its") if len(subjects) == 1 else ("blocks", "their")
    was, target = ("was", "its target") if len(subjects) == 1 else ("were", "their targets")
    return ConfigProblem(
        f"The source succeeded without a row for the {_listed(subjects)}, so {its} {block} in Pigment {was} left as "
        f"{'it was' if len(subjects) == 1 else 'they were'}, and everything else of the sync is stored. If a source "
        f'without rows is right, set "Fewest rows" of {target} to 0 under "Targets", and the next sync empties the '
        f"{block}; otherwise look at the source."
    )


def describe_nothing_came(subjects: Sequence[str]) -> ConfigProblem:
    """The error where the whole input was empty and blocks are to be replaced."""
    block = "block" if len(subjects) == 1 else "blocks"
    return ConfigProblem(
        f"Nothing at all came for the {_listed(subjects)}, not even a state. That is how a Clear looks here, and also "
        f"a source that is empty or has failed, so the {block} in Pigment {'was' if len(subjects) == 1 else 'were'} "
        f"left as {'it was' if len(subjects) == 1 else 'they were'}: if this was a Clear, empty the {block} in Pigment "
        f"and cancel the Clear in Airbyte, or it runs again before every sync; otherwise look at the source."
    )


def of_clear(error: Exception, subject: str) -> Exception:
    """The error of a Clear, with what the user must know of it."""
    failure = explain(error, subject=subject)
    message = (
        f"{failure.message} This was a Clear of the {subject}: cancel it in Airbyte, or it runs again before every "
        "sync."
    )
    return ConfigProblem(message) if failure.type is FailureType.config_error else TransientProblem(message)


def _listed(subjects: Sequence[str]) -> str:
    return " and the ".join(subjects)
