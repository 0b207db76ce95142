"""What identifies a stream, and how streams and columns get unique names. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The streams that are not exports. Their names are always reserved, so that switching them on renames no other stream.
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

    As text it is what users call the stream, in messages and in the patterns of the form: `application/block`.
    """

    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return self.name if self.namespace is None else f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Named:
    """A block, view or application by its own name in Pigment, which others may share."""

    id: str
    name: str
    kind: str


def stream_names(objects: Sequence[Named]) -> list[str]:
    """The stream names of an application's objects: equal or reserved names get the kind, then a short id, appended."""
    reserved = [Named("", name, "stream") for name in SYSTEM_STREAM_NAMES]
    suffixes = (lambda each: each.kind, lambda each: each.id[:8], lambda each: each.id)
    return _distinct_names([*objects, *reserved], suffixes)[: len(objects)]


def namespaces(applications: Sequence[Named]) -> list[str]:
    """The namespaces of applications: their names; equal names get a short id appended."""
    return _distinct_names(applications, (lambda each: each.id[:8], lambda each: each.id))


def _distinct_names(objects: Sequence[Named], suffixes: Sequence[Callable[[Named], str]]) -> list[str]:
    """The names; those that are still equal get each suffix in turn, and then the id until none are equal."""
    names = [each.name for each in objects]
    for suffix in suffixes:
        names = _append_where_equal(names, [suffix(each) for each in objects])
    ids = [each.id for each in objects]
    while len(set(names)) < len(set(zip(names, ids, strict=True))):
        names = _append_where_equal(names, ids)
    return names


def _append_where_equal(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    counts = Counter(names)
    return [f"{name} ({suffix})" if counts[name] > 1 else name for name, suffix in zip(names, suffixes, strict=True)]


def column_names(header: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Unique names for the columns of a header: `_2`, `_3` … for repeats, `column_<position>` for empty titles."""
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
