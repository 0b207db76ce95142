"""Numbers with their nouns, for messages and logs: "1 row", "2,500 rows"."""

from __future__ import annotations


def counted(count: float, one: str, many: str | None = None) -> str:
    """The number and its noun; `many` is given where more than an "s" differs, such as a verb behind it."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {one if count == 1 else many or f'{one}s'}"
