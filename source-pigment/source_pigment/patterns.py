"""The patterns of "Include" and "Exclude": which blocks they mean. Pure.

A pattern means the name of a block, whatever stands in it. Where a connection reads several applications, one with a
slash also means an application (before the slash) and a block of it (behind the slash); in a pattern of several
slashes each may be that one, because names hold slashes, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase


def any_matches(patterns: Iterable[str], block: str, applications: Sequence[str] = ()) -> bool:
    """Whether a pattern means the block; `applications` are the names by which its application may be called."""
    return any(
        _matches(pattern, block) or any(_matches_in(pattern, block, each) for each in applications)
        for pattern in patterns
    )


def _matches_in(pattern: str, block: str, application: str) -> bool:
    return any(_matches(before, application) and _matches(behind, block) for before, behind in _halves(pattern))


def _halves(pattern: str) -> Iterator[tuple[str, str]]:
    for position, sign in enumerate(pattern):
        if sign == "/":
            yield pattern[:position], pattern[position + 1 :]


def _matches(pattern: str, name: str) -> bool:
    # Only * and ? are promised: a bracket in a name is a bracket.
    return fnmatchcase(name.strip(), pattern.strip().replace("[", "[[]"))
