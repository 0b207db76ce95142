"""Puts what was measured between the marks of a page; pure."""

from __future__ import annotations

import re

_MARK = "<!-- {name}: written by make bench -->\n"
_END = "<!-- end of {name} -->"


def filled(page: str, name: str, measured: str) -> str:
    """The page with what stands between the marks of a name replaced; raises ValueError where it has no such marks."""
    begin, end = _MARK.format(name=name), _END.format(name=name)
    place = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no marks for {name}: {begin.strip()} … {end}")
    return place.sub(lambda found: f"{found[1]}\n{measured.strip()}\n\n{found[2]}", page, count=1)
