"""A probe: one assumption about Pigment, how it is asked, and what a difference means for a sync."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """What was seen, in words that hold no key, id, name or cell; `same` is None where it could not be seen."""

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
    """A probe with what came of it."""

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
        # The text of such an error holds the address with its ids; its type does not.
        return Finding(probe, Verdict.NOT_SEEN, f"the request ended in {type(error).__name__}")
    if seen.same is None:
        return Finding(probe, Verdict.NOT_SEEN, seen.words)
    return Finding(probe, Verdict.SAME if seen.same else Verdict.DIFFERENT, seen.words)
