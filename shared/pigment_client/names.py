"""Names as people write them: the same letters may be stored in more than one form (`é` as one character or two). Pure.

Pigment keeps a name as it was entered. A keyboard, a file name on macOS and a copied text differ in the form that they
write, which no one sees. So a name means what is written exactly like it; only where nothing is, the composed form of
Unicode counts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from unicodedata import category, combining, normalize


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC)."""
    return normalize("NFC", name)


def matching_names(wanted: str, known: Iterable[str]) -> list[str]:
    """The known names that are written exactly like `wanted`, otherwise those with the same composed form."""
    candidates = known if isinstance(known, Mapping) else dict.fromkeys(known)
    if wanted in candidates:
        return [wanted]
    wanted = composed(wanted)
    return [each for each in candidates if composed(each) == wanted]


def near_misses(wanted: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """For each wanted name that differs from a known one only in case, blanks, accents or zeros, the known one."""
    by_folded: dict[str, list[str]] = defaultdict(list)
    for each in wanted:
        by_folded[folded(each)].append(each)
    found: dict[str, str] = {}
    for name in known:
        for each in by_folded.get(folded(name), ()):
            found.setdefault(each, name)
    return found


# A number that is short enough to be a name.
_NUMBER = re.compile(r"(-?)0*([0-9]{1,40})(?:\.([0-9]{0,40}?)0*)?")


def folded(name: str) -> str:
    """A name without case, accents and signs that cannot be seen, with single blanks; numbers by their value."""
    if not name.isascii():
        signs = normalize("NFKD", name)
        name = "".join(sign for sign in signs if not (combining(sign) or category(sign) == "Cf"))
    words = " ".join(name.casefold().split())
    if not (number := _NUMBER.fullmatch(words)):
        return words
    sign, whole, decimals = number.groups()
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
