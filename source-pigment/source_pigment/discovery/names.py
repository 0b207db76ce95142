"""Names: what identifies a stream, and what makes the names of streams and columns unique. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamName:
    """What identifies a stream: its name and, where one connection reads several applications, its namespace.

    As a text it is what users call it, in messages as in the patterns of the form: `application/block`.
    """

    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return self.name if self.namespace is None else f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Named:
    """What becomes a stream: a block or a view, by its own name."""

    id: str
    name: str
    kind: str


def stream_names(objects: Sequence[Named]) -> list[str]:
    """The stream names; where names are equal, the kind, then a short id, is appended to each."""
    names = [each.name for each in objects]
    suffixes: tuple[Callable[[Named], str], ...] = (
        lambda each: each.kind,
        lambda each: each.id[:8],
        lambda each: each.id,
    )
    for suffix in suffixes:
        counts = Counter(names)
        names = [
            f"{name} ({suffix(each)})" if counts[name] > 1 else name for name, each in zip(names, objects, strict=True)
        ]
    return names


def column_names(header: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """The header with every name once: `_2`, `_3` … for a repeat, `column_<position>` for an empty one."""
    wanted = [name or f"column_{position}" for position, name in enumerate(header, start=1)]
    used = set(taken)
    originals = set(wanted)
    unique: list[str] = []
    for name in wanted:
        chosen, number = name, 2
        while chosen in used or (chosen != name and chosen in originals):
            chosen, number = f"{name}_{number}", number + 1
        used.add(chosen)
        unique.append(chosen)
    return unique
