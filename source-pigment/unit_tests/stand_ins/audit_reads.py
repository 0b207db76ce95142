"""Reads of the audit log from the local Pigment, without HTTP and with a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, cast

from local_pigment.audit import AuditEvent, AuditLog, AuditNames
from local_pigment.exports import BadRequest
from pigment_client.audit_responses import parse_audit_page
from pigment_client.client import PigmentClient
from pigment_client.errors import RequestRejected
from pigment_client.models import AuditPage
from source_pigment.audit.stream import AuditStream
from source_pigment.reading.scheduler import Checkpoint

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(slots=True)
class AuditPigment:
    """A client of one audit log; `seconds` is its clock, which each page moves forward."""

    log: AuditLog = field(default_factory=AuditLog)
    names: AuditNames = field(default_factory=AuditNames)
    now: datetime = NOON
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)

    def audit_page(self, since: str, cursor: str | None = None) -> AuditPage:
        """A page, or what the client raises."""
        self.seconds += 1
        self.asked.append(since)
        query = {"ingestedSince": since, **({"cursor": cursor} if cursor else {})}
        try:
            page = self.log.page(query, self.names, self.now, self.seconds)
        except BadRequest:
            raise RequestRejected("read audit log", status=400) from None
        return parse_audit_page(json.dumps(page).encode())


@dataclass(slots=True)
class Reader:
    """What a destination stores: the records before each state, and the last state."""

    pigment: AuditPigment
    state: Mapping[str, Any] | None = None
    stored: list[dict[str, Any]] = field(default_factory=list)

    def read(self, *, is_incremental: bool = True, most_states: int | None = None) -> list[dict[str, Any]]:
        """Read once, or only until this many states; gives the records that were stored."""
        client = cast("PigmentClient", self.pigment)
        stream = AuditStream(client, {}, self.state, is_incremental=is_incremental, now=self.pigment.now.timestamp)
        fetched = stream.download(0, Event())
        before = len(self.stored)
        waiting: list[dict[str, Any]] = []
        states = 0
        for message in stream.records(fetched):
            if isinstance(message, Checkpoint):
                self._store(waiting, message.state)
                waiting, states = [], states + 1
                if states == most_states:
                    return self.stored[before:]
            else:
                waiting += [json.loads(line)["record"]["data"] for line in message.lines.splitlines()]
        self._store(waiting, stream.state({0}, None))
        return self.stored[before:]

    def ids(self) -> list[str]:
        return [each["id"] for each in self.stored]

    def _store(self, records: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
        self.stored += records
        self.state = json.loads(json.dumps(state))


def an_event(number: int, ingested: datetime = NOON, **more: Any) -> AuditEvent:
    happened = ingested - timedelta(seconds=1)
    return AuditEvent(f"event-{number}", "UserLoggedIn", happened, ingested, {"number": number}, **more)
