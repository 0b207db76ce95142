"""Imports through the configuration that the user named for this purpose: pushed, followed to their end, kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from verify.config import ImportsForVerifying
from verify.observer import Exchange, Observer
from verify.probe import NotAsked

NEW = "{new}"
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
    def seconds(self) -> float | None:
        """How long the import took, by its report."""
        try:
            began, ended = (datetime.fromisoformat(self.report[name]) for name in ("createdAt", "completedAt"))
        except (KeyError, TypeError, ValueError):
            return None
        return (ended - began).total_seconds()

    def count(self, name: str) -> int | None:
        """A count of the report's summary."""
        summary = (self.report.get("detailedReport") or {}).get("summary") or {}
        found = summary.get(name)
        return found if isinstance(found, int) else None


class ImportTrial:
    """Pushes small files, each once; `sleep` waits between two questions."""

    def __init__(
        self,
        observer: Observer,
        key: str | None,
        given: ImportsForVerifying | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._observer = observer
        self._import_key = key
        self._imports = given
        self._sleep = sleep
        self._outcomes: dict[str, Outcome] = {}
        self._together: list[Outcome] = []
        self._word = f"verify-{secrets.token_hex(4)}"

    @property
    def marks_new_rows(self) -> bool:
        """Whether the file says where a word can stand that was never there."""
        return NEW in self._given().file

    def file(self, word: str | None = None) -> str:
        """The user's file with a new word in it."""
        return self._given().file.replace(NEW, word or self._word)

    def rows(self) -> int:
        """How many rows the file has, below its header."""
        return len(self.file().strip().splitlines()) - 1

    def outcome(self, name: str, body: str, **options: Any) -> Outcome:
        """The outcome of a file; each name is pushed once."""
        if name not in self._outcomes:
            self._outcomes[name] = self.follow(self.push(body, **options))
        return self._outcomes[name]

    def first(self) -> Outcome:
        """The file for the first time."""
        return self.outcome("first", self.file())

    def repeated(self) -> Outcome:
        """The same file again."""
        self.first()
        return self.outcome("repeated", self.file())

    def together(self) -> list[Outcome]:
        """The same file twice, the second pushed before the first was asked about."""
        if not self._together:
            pushed = [self.push(self.file()) for _ in range(2)]
            self._together = [self.follow(each) for each in pushed]
        return self._together

    def push(self, body: str, *, configuration_id: str | None = None, **options: Any) -> Exchange:
        """Push a file as it stands, or as a form where `multipart` says so."""
        given = self._given()
        params = {"configurationId": configuration_id or given.configuration_id, **options.pop("params", {})}
        sent: dict[str, Any] = {"data": body.encode(), "headers": {"Content-Type": "text/csv"}}
        if options.pop("multipart", False):
            sent = {"files": {"file": ("verify.csv", body.encode(), "text/csv")}}
        return self._observer.send(self._key(), "POST", "/api/v1/import/push/csv", params=params, **sent)

    def follow(self, pushed: Exchange) -> Outcome:
        """Ask for the status until it is final, a few times at most."""
        body = pushed.json()
        import_id = body.get("importId") if isinstance(body, dict) else None
        if pushed.status != 200 or not isinstance(import_id, str):
            return Outcome(pushed)
        words: list[str] = []
        report: dict[str, Any] = {}
        for question in range(_MOST_QUESTIONS):
            report = self.report(import_id, includedDetailedReport="true")
            words.append(str(report.get("importStatus")))
            if words[-1] != "InProgress":
                break
            self._sleep(_FIRST_WAIT_SECONDS * 2**question)
        return Outcome(pushed, tuple(words), report)

    def report(self, import_id: str, **params: str) -> dict[str, Any]:
        """The status of an import, as it is now."""
        path = f"/api/v1/import/{import_id}/status"
        parsed = self._observer.send(self._key(), "GET", path, params=params).json()
        return parsed if isinstance(parsed, dict) else {}

    def _given(self) -> ImportsForVerifying:
        if self._imports is None:
            raise NotAsked("no import configuration is named under verify_import")
        return self._imports

    def _key(self) -> str:
        if self._import_key is None:
            raise NotAsked("the configuration has no Import key")
        return self._import_key
