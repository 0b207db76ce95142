"""What the probes found: a table for the terminal, and a report that can be attached to an issue."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from verify.probe import Finding, Verdict

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
