"""Imports through the configuration that the user named under verify_import: pushed, followed to their end, kept."""

from __future__ import annotations

import secrets
from typing import Any

from verify.config import ImportsForVerifying
from verify.imports import Imports, Outcome
from verify.observer import Exchange
from verify.probe import NotAsked

NEW = "{new}"


class ImportTrial:
    """Pushes small files through the configuration under verify_import, each once."""

    def __init__(self, imports: Imports, given: ImportsForVerifying | None) -> None:
        self.imports = imports
        self._given_by_user = given
        self._outcomes: dict[str, Outcome] = {}
        self._together: list[Outcome] = []
        self._word = f"verify-{secrets.token_hex(4)}"
        self.second_word = f"{self._word}-dry"

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
            self._outcomes[name] = self.imports.follow(self.push(body, **options))
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
            self._together = [self.imports.follow(each) for each in pushed]
        return self._together

    def push(self, body: str, *, configuration_id: str | None = None, **options: Any) -> Exchange:
        """Push a file through the configuration under verify_import, or through another."""
        return self.imports.push(configuration_id or self._given().configuration_id, body, **options)

    def _given(self) -> ImportsForVerifying:
        if self._given_by_user is None:
            raise NotAsked("no import configuration is named under verify_import")
        return self._given_by_user
