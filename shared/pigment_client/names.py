"""Names as people write them: the same letters may be stored in more than one form (`é` as one character or two). Pure.

Pigment keeps a name as it was entered. A keyboard, a file name on macOS and a copied text differ in the form that they
write, which no one sees. So a name means what is written exactly like it; only where nothing is, the composed form of
Unicode counts.
"""

from __future__ import annotations

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
    """For each wanted name that differs from a known one only in case, blanks or accents, the known one."""
    by_folded: dict[str, list[str]] = defaultdict(list)
    for each in wanted:
        by_folded[_folded(each)].append(each)
    found: dict[str, str] = {}
    for name in known:
        for each in by_folded.get(_folded(name), ()):
            found.setdefault(each, name)
    return found


def _folded(name: str) -> str:
    """A name without case, accents, signs that cannot be seen, and with single blanks between its words."""
    signs = normalize("NFKD", name)
    seen = "".join(sign for sign in signs if not (combining(sign) or category(sign) == "Cf"))
    return " ".join(seen.casefold().split())
