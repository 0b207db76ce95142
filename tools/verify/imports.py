"""Files that are pushed, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from verify.observer import Exchange, Observer
from verify.probe import NotAsked

_MOST_QUESTIONS = 8
_FIRST_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """A push, the status words that were seen, and the last report."""

    pushed: Exchange
    words: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def completed(self) -> bool:
        return self.words[-1:] == ("Completed",)

    @property
    def failed(self) -> bool:
        """Whether it is certain that the file was not imported."""
        return 400 <= self.pushed.status < 500 or self.words[-1:] == ("Failed",)

    @property
    def seconds(self) -> float | None:
        """How long the import took, by its report."""
        try:
            began, ended = (datetime.fromisoformat(self.report[name]) for name in ("createdAt", "completedAt"))
        except (KeyError, TypeError, ValueError):
            return None
        return (ended - began).total_seconds()

    def count(self, name: str) -> int | None:
        """A count of the report's summary."""
        found = (self._detailed.get("summary") or {}).get(name)
        return found if isinstance(found, int) else None

    def in_words(self) -> str:
        """What was inserted, updated and deleted."""
        if self.pushed.status != 200:
            return f"status {self.pushed.status}"
        if not self.completed:
            return "the import failed" if self.failed else "the import was not seen to end"
        return ", ".join(f"{self.count(f'{name}Count')} {name}" for name in ("inserted", "updated", "deleted"))

    def blocks(self) -> list[dict[str, Any]]:
        """What the report says of each block that was changed."""
        impacted = self._detailed.get("impactedBlocks")
        return [each for each in impacted if isinstance(each, dict)] if isinstance(impacted, list) else []

    def skipped(self, reason: str) -> int:
        """How much of the data was skipped for a reason."""
        entries = [entry for block in self.blocks() for entry in block.get("skippedData") or ()]
        return sum(entry.get("count") or 0 for entry in entries if entry.get("reason") == reason)

    @property
    def _detailed(self) -> dict[str, Any]:
        return self.report.get("detailedReport") or {}


class Imports:
    """Pushes files and asks what became of them; `sleep` waits between two questions."""

    def __init__(self, observer: Observer, key: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._observer = observer
        self._import_key = key
        self._sleep = sleep

    def push(self, configuration_id: str, body: str, *, api_key: str | None = None, **options: Any) -> Exchange:
        """Push a file as it stands, or as a form where `multipart` says so; `api_key` is another key than usual."""
        params = {"configurationId": configuration_id, **options.pop("params", {})}
        sent: dict[str, Any] = {"data": body.encode(), "headers": {"Content-Type": "text/csv"}}
        if options.pop("multipart", False):
            sent = {"files": {"file": ("verify.csv", body.encode(), "text/csv")}}
        return self._observer.send(api_key or self._key(), "POST", "/api/v1/import/push/csv", params=params, **sent)

    def follow(self, pushed: Exchange, *, api_key: str | None = None) -> Outcome:
        """Ask for the status until it is final, a few times at most."""
        body = pushed.json()
        import_id = body.get("importId") if isinstance(body, dict) else None
        if pushed.status != 200 or not isinstance(import_id, str):
            return Outcome(pushed)
        words: list[str] = []
        report: dict[str, Any] = {}
        for question in range(_MOST_QUESTIONS):
            report = self.report(import_id, api_key, includedDetailedReport="true")
            words.append(str(report.get("importStatus")))
            if words[-1] != "InProgress":
                break
            self._sleep(_FIRST_WAIT_SECONDS * 2**question)
        return Outcome(pushed, tuple(words), report)

    def report(self, import_id: str, api_key: str | None = None, **params: str) -> dict[str, Any]:
        """The status of an import, as it is now."""
        path = f"/api/v1/import/{import_id}/status"
        parsed = self._observer.send(api_key or self._key(), "GET", path, params=params).json()
        return parsed if isinstance(parsed, dict) else {}

    def _key(self) -> str:
        if self._import_key is None:
            raise NotAsked("the configuration has no Import key")
        return self._import_key
