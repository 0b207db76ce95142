"""The rows of each value of a scope in the files, compared with those in the block. Pure.

The file may write a value in another way than Pigment (`2026-02`, or a code, where Pigment has `Feb 26`). So values are
compared only if at least half of those in the files are in the block too, or if the others have the form of those in
the block: then they are new there, such as the month that has just begun. A value that is nearly one of the block
(`feb 26`, `February 26`) is never new, because Pigment may take both for the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from destination_pigment.imports.verdicts import NotPushed
from pigment_client.names import folded, near_misses
from pigment_client.wording import counted, shortened, with_more

RowsByValue = Mapping[str, int]

# A message that lists more than this is not read.
_MOST_LISTED = 10

# The form of a day in an export.
_DAY = "9999-99-99"

_SHARE = '"Smallest share of rows (%)"'


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the values of a column could not be read from a block: the end of a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScopeInBlock:
    """What a block has of the values in the files: their rows there, and the values that the files do not have.

    `gone` is empty where too few values are the same for that to be known.
    """

    rows: RowsByValue
    gone: RowsByValue


def compare_scope(in_files: RowsByValue, in_block: RowsByValue) -> ScopeInBlock | Unread:
    """The rows of the same values in the block, or why they cannot be told."""
    known = [each for each in in_files if each in in_block]
    gone = {each: rows for each, rows in in_block.items() if each not in in_files}
    rows = {each: in_block.get(each, 0) for each in in_files}
    if near := _nearly_the_same([each for each in in_files if each not in in_block], in_block):
        each, there = next(iter(near.items()))
        return Unread(f'"{shortened(each)}" in the file may be "{shortened(there)}" in the block')
    if 2 * len(known) >= len(in_files):
        return ScopeInBlock(rows, gone)
    # Words alone have no form: "February" may be new, or the "Feb" of the block.
    forms = {form for form in map(form_of, in_block) if "9" in form}
    other = next((each for each in in_files if each not in in_block and form_of(each) not in forms), None)
    if other is None or not in_block:
        return ScopeInBlock(rows, {})
    there = next(iter(in_block))
    few = f"only {len(known):,} of its {len(in_files):,} values {'is' if len(known) == 1 else 'are'}"
    return Unread(
        f"{few if known else 'none of its values is'} in the block, which may write them in another way (such as "
        f'"{shortened(other)}" in the file, and "{shortened(there)}" in the block)'
    )


def require_enough_of_each(
    subject: str, scope: str, percent: int, in_files: RowsByValue, in_block: ScopeInBlock | Unread
) -> None:
    """Raise `NotPushed` if a value has fewer rows than this share of those in the block, or if that is not known."""
    if isinstance(in_block, Unread):
        raise NotPushed(
            f'The {subject} was not pushed, because {_SHARE} of its target is {percent}, and the column "{scope}" '
            f'could not be compared with its block, because {in_block.reason}: correct "Block ID" or "Scope" under '
            f'"Targets", write the values as Pigment does, or remove {_SHARE}.'
        )
    few = {
        each: f"{counted(rows, 'row')}, and {in_block.rows[each]:,} in Pigment"
        for each, rows in in_files.items()
        if 100 * rows < percent * in_block.rows[each]
    }
    if few:
        raise NotPushed(
            f'The {subject} has too few rows with {counted(len(few), "value")} of the column "{scope}": '
            f"{_listed(few)}. {_SHARE} of its target is {percent}, so nothing of the stream was pushed: look at the "
            f'source, or lower {_SHARE} under "Targets".'
        )


def describe_gone(subject: str, scope: str, gone: RowsByValue) -> str:
    """The warning about values that the block has and the source does not send."""
    named = {each: counted(rows, "row") for each, rows in gone.items()}
    # A date stands for its month or year where the import configuration clears by that, which nothing tells.
    unless = " unless the import configuration clears by month or year" if _DAY in map(form_of, gone) else ""
    return (
        f'The block of the {subject} has rows with {counted(len(gone), "value")} of the column "{scope}" that the '
        f"source did not send, and they stay as they are{unless}, because only values that are sent are replaced: "
        f"{_listed(named)}. If these rows should go, delete them in Pigment."
    )


def describe_new(subject: str, scope: str, in_block: ScopeInBlock) -> str:
    """The line about values that the block does not have yet, so that no share of its rows can be asked for."""
    new = [f'"{shortened(each)}"' for each, rows in in_block.rows.items() if not rows]
    return (
        f'{counted(len(new), "value")} of the column "{scope}" of the {subject} {"is" if len(new) == 1 else "are"} not '
        f"in its block yet, so there is nothing to compare: {with_more(new[:_MOST_LISTED], len(new))}."
    )


def describe_not_compared(subject: str, scope: str, unread: Unread) -> str:
    """The line in the log where values could not be compared, and no guard depends on it."""
    return (
        f'The column "{scope}" of the {subject} was not compared with its block, because {unread.reason}, so values '
        "that only the block has are not named."
    )


def _listed(named: Mapping[str, str]) -> str:
    """Values with what is said of each, and how many more there are."""
    first = [f'"{shortened(each)}" ({words})' for each, words in list(named.items())[:_MOST_LISTED]]
    return with_more(first, len(named))


# The words of a value; of those with this many letters or more, one may be short for another: `Feb 26`, `February 26`.
_WORD = re.compile(r"\d+|[^\W\d_]+")
_SHORTEST_MONTH = 3


def _nearly_the_same(new: Iterable[str], in_block: Iterable[str]) -> dict[str, str]:
    """For each value that is nearly one of the block, that one."""
    new = list(new)
    found = near_misses(new, in_block)
    by_start: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for each in new:
        if any(map(str.isdigit, words := _WORD.findall(folded(each)))):
            by_start[_starts(words)].append(each)
    for there in in_block if by_start else ():
        words = _WORD.findall(folded(there))
        for each in by_start.get(_starts(words), ()):
            pairs = zip(words, _WORD.findall(folded(each)), strict=True)
            if all(one.startswith(other) or other.startswith(one) for one, other in pairs):
                found.setdefault(each, there)
    return found


def _starts(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(each if each.isdigit() else each[:_SHORTEST_MONTH] for each in words)


def form_of(value: str) -> str:
    """How a value is written: any digit is 9, any word X, x or Xx; `Feb 26` is `Xx 99`, and `2026-02` is `9999-99`."""
    kinds = (unicodedata.category(sign) for sign in value)
    classes = {"Nd": "9", "Lu": "X", "Lt": "X"}
    signs = [classes.get(kind, "x" if kind[0] == "L" else sign) for sign, kind in zip(value, kinds, strict=True)]
    return "".join(sign for sign, before in zip(signs, ["", *signs], strict=False) if sign != before or sign == "9")
