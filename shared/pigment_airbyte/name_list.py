"""Names for messages: "There are: …", with an end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# More than this nobody reads in a message.
_MOST = 20


def listed(names: Iterable[str], *, nothing: str = "none") -> str:
    """The names, sorted, as one phrase: the first twenty, and how many more there are."""
    known = sorted(set(names), key=str.casefold)
    if not known:
        return nothing
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return ", ".join(known[:_MOST]) + more


def with_noun(noun: str, names: Sequence[str]) -> str:
    """The noun and its names: "column a", "columns a, b"."""
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"
