"""Names: what identifies a stream, and what makes the names of streams and columns unique. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The streams that are no exports. They always have their names for themselves, so that switching them on renames none.
SYSTEM_STREAM_NAMES = frozenset(
    {
        "_pigment_applications",
        "_pigment_blocks",
        "_pigment_views",
        "_pigment_import_configurations",
        "_pigment_audit_log",
    }
)


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
    """The names of an application's streams; where names are equal, or ours, the kind, then a short id, is appended."""
    ours = [Named("", name, "stream") for name in SYSTEM_STREAM_NAMES]
    suffixes = (lambda each: each.kind, lambda each: each.id[:8], lambda each: each.id)
    return _kept_apart([*objects, *ours], suffixes)[: len(objects)]


def namespaces(applications: Sequence[Named]) -> list[str]:
    """The namespaces of applications: their names; where names are equal, a short id is appended to each."""
    return _kept_apart(applications, (lambda each: each.id[:8], lambda each: each.id))


def _kept_apart(objects: Sequence[Named], suffixes: Sequence[Callable[[Named], str]]) -> list[str]:
    """The names; each suffix in turn goes to those that are still equal, the id until none is."""
    names = [each.name for each in objects]
    for suffix in suffixes:
        names = _with_suffix(names, [suffix(each) for each in objects])
    ids = [each.id for each in objects]
    while len(set(names)) < len(set(zip(names, ids, strict=True))):
        names = _with_suffix(names, ids)
    return names


def _with_suffix(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    counts = Counter(names)
    return [f"{name} ({suffix})" if counts[name] > 1 else name for name, suffix in zip(names, suffixes, strict=True)]


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
