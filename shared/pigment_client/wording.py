"""Numbers and names in messages: "1 row", "3 rows"; "1.2 GB"; "a, b and 4 more"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher


def counted(count: float, one: str, many: str | None = None) -> str:
    """The number and its noun; `many` is given where more than an "s" differs, such as the verb after it."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {one if count == 1 else many or f'{one}s'}"


def byte_size(num_bytes: float) -> str:
    """A number of bytes in a unit that fits it, in powers of a thousand: "417 bytes", "1.2 GB"."""
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"


# A message that lists more than this is not read.
_MOST = 20


def listed(names: Iterable[str], *, nothing: str = "none") -> str:
    """The names, sorted, as one phrase: the first twenty, and how many more there are."""
    known = sorted(set(names), key=str.casefold)
    if not known:
        return nothing
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return ", ".join(known[:_MOST]) + more


def and_the(subjects: Iterable[str]) -> str:
    """Subjects after a "the": `stream "a" and the stream "b"`."""
    return " and the ".join(subjects)


# What fits into a sentence.
_LONGEST = 80

_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def shortened(value: str) -> str:
    """A value on one line, in a length that fits into a sentence."""
    first = _LINE_BREAK.sub("↵", value[:_LONGEST])
    return first if len(value) <= _LONGEST else f"{first}…"


def with_more(first: Sequence[str], count: int) -> str:
    """The first of this many things as one phrase: "a, b and 16 more"."""
    more = count - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more > 0 else "")


_NEAREST = 3


def nearest(wanted: str, known: Iterable[str]) -> str:
    """A sentence about which of the known names may be meant: one in other letters, otherwise the nearest three."""
    names = sorted(set(known), key=str.casefold)
    folded = wanted.strip().casefold()
    alike = [each for each in names if each.strip().casefold() == folded]
    if alike:
        return f'There is "{alike[0]}": names are case-sensitive, and every space counts.'
    if not names:
        return "There are none."
    by_likeness = sorted(names, key=lambda each: -SequenceMatcher(None, folded, each.casefold()).ratio())
    quoted = ", ".join(f'"{each}"' for each in by_likeness[:_NEAREST])
    more = len(names) - _NEAREST
    return f"The nearest are {quoted}, and there are {more:,} more." if more > 0 else f"There are: {quoted}."


def nearest_of_each(wanted: Sequence[str], known: Iterable[str]) -> str:
    """A sentence for each of the wanted names, at most three, about which of the known names may be meant."""
    names = list(known)
    if len(wanted) == 1 or not names:
        return nearest(next(iter(wanted), ""), names)
    more = len(wanted) - _NEAREST
    sentences = [f'For "{each}": {nearest(each, names)}' for each in wanted[:_NEAREST]]
    if more > 0:
        sentences.append(f"And {counted(more, 'more name is', 'more names are')} missing.")
    return " ".join(sentences)


def with_noun(noun: str, names: Sequence[str]) -> str:
    """The noun and its names: "column a", "columns a, b"."""
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"
