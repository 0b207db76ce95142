"""A probe, and what the probes found: a table for the terminal, and a report that can be attached to an issue.

A probe is one assumption about Pigment, how it is asked, and what a difference means for a sync.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from verify.workspace import Workspace


class Verdict(StrEnum):
    """What a probe found."""

    SAME = "same"
    DIFFERENT = "DIFFERENT"
    NOT_SEEN = "not seen"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, in words without a key, id, name or cell; `same` is None where it could not be seen."""

    words: str
    same: bool | None


class NotAsked(Exception):
    """The configuration or the workspace lacks what the question needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One assumption; `look` asks and compares."""

    name: str
    assumption: str
    asked: str
    consequence: str
    look: Callable[[Workspace], Seen]


@dataclass(frozen=True, slots=True)
class Finding:
    """A probe with its result."""

    probe: Probe
    verdict: Verdict
    words: str


def run(probes: Iterable[Probe], workspace: Workspace) -> list[Finding]:
    """Ask every probe, in order."""
    return [_find(probe, workspace) for probe in probes]


def _find(probe: Probe, workspace: Workspace) -> Finding:
    try:
        seen = probe.look(workspace)
    except NotAsked as reason:
        return Finding(probe, Verdict.NOT_ASKED, str(reason))
    except requests.RequestException as error:
        # The text of such an error contains the address with its ids; its type does not.
        return Finding(probe, Verdict.NOT_SEEN, f"the request ended in {type(error).__name__}")
    if seen.same is None:
        return Finding(probe, Verdict.NOT_SEEN, seen.words)
    return Finding(probe, Verdict.SAME if seen.same else Verdict.DIFFERENT, seen.words)


_WIDTHS = {"assumption": 58, "seen": 34}
_ORDER = (Verdict.DIFFERENT, Verdict.SAME, Verdict.NOT_SEEN, Verdict.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When and how the probes ran; none of it is secret."""

    day: str
    version: str
    requests: int
    seconds: float


def as_table(findings: Sequence[Finding]) -> str:
    """The findings as a table, with what each difference means below it."""
    lines = [_line("assumption", "seen", "verdict"), _line("─" * _WIDTHS["assumption"], "─" * _WIDTHS["seen"], "─" * 9)]
    for finding in findings:
        assumed = textwrap.wrap(finding.probe.assumption, _WIDTHS["assumption"])
        seen = textwrap.wrap(finding.words, _WIDTHS["seen"]) or [""]
        for number in range(max(len(assumed), len(seen))):
            left, right = (each[number] if number < len(each) else "" for each in (assumed, seen))
            lines.append(_line(left, right, str(finding.verdict) if number == 0 else ""))
    different = [finding for finding in findings if finding.verdict is Verdict.DIFFERENT]
    if different:
        lines += ["", "What the differences mean for a sync:"]
        lines += [f"  {each.probe.name}: {each.probe.consequence}" for each in different]
    return "\n".join(lines)


def _line(assumption: str, seen: str, verdict: str) -> str:
    return f"{assumption:<{_WIDTHS['assumption']}}  {seen:<{_WIDTHS['seen']}}  {verdict}".rstrip()


def summary(findings: Sequence[Finding], circumstances: Circumstances) -> str:
    """One line: how many probes, and what came of them."""
    counts = Counter(finding.verdict for finding in findings)
    results = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
    return f"{len(findings)} probes: {results}. {circumstances.requests} requests in {circumstances.seconds:.0f} s."


def as_markdown(findings: Sequence[Finding], circumstances: Circumstances) -> str:
    """The report: the probes' own words and what was seen, without keys, ids, names or cells."""
    rows = [
        f"| {each.probe.name} | {each.probe.assumption} | {each.probe.asked} | {each.words} | {each.verdict} | "
        f"{each.probe.consequence if each.verdict is Verdict.DIFFERENT else ''} |"
        for each in sorted(findings, key=lambda finding: _ORDER.index(finding.verdict))
    ]
    head = ["# What Pigment did", "", f"{circumstances.day}, connectors {circumstances.version}."]
    table = ["", "| probe | assumption | asked | seen | verdict | what it means |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, "", summary(findings, circumstances), *table, *rows]) + "\n"
