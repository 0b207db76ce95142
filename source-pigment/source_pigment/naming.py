"""Names that are unique: of the streams of an application, and of the columns of an export. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from pigment_client.models import Block


def stream_names(blocks: Sequence[Block], taken: Sequence[str] = ()) -> dict[str, str]:
    """Block id → stream name; where names are equal, the block's type, then a short id, is appended to each.

    `taken` are names that other streams have already.
    """
    names = {block.id: block.name for block in blocks}
    suffixes: tuple[Callable[[Block], str], ...] = (
        lambda block: block.type.kind.value,
        lambda block: block.id[:8],
        lambda block: block.id,
    )
    for suffix in suffixes:
        counts = Counter((*names.values(), *taken))
        for block in blocks:
            if counts[names[block.id]] > 1:
                names[block.id] = f"{names[block.id]} ({suffix(block)})"
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
