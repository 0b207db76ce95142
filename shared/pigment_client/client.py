"""Pigment's external API: one method for each operation that we use."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pigment_client import import_responses, responses
from pigment_client.audit_responses import parse_audit_page
from pigment_client.errors import NotFound, PigmentError, TryLater
from pigment_client.http.address import Address
from pigment_client.http.clock import Clock
from pigment_client.http.export import Export
from pigment_client.http.rate_limit import REQUESTS, RateLimit
from pigment_client.http.request import Request
from pigment_client.http.retry import PUSH, READ, RetryPolicy
from pigment_client.http.transport import Transport, decoded
from pigment_client.imports import Imports
from pigment_client.keys import Keys, Purpose
from pigment_client.models import (
    Application,
    AuditPage,
    Block,
    ExportKind,
    ExportRequest,
    Import,
    ImportConfiguration,
    ListedObject,
    Listing,
    PushOptions,
    View,
)
from pigment_client.wording import counted

__all__ = ["ClientOptions", "Clock", "Export", "PigmentClient"]

logger = logging.getLogger("airbyte.pigment.client")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How Pigment is reached.

    `idle_timeout_seconds` is the longest wait for the next byte; a response that keeps flowing may take any time.
    `max_retries` counts the attempts after the first.
    """

    base_url: str = "https://pigment.app"
    requests_per_5_minutes: int = REQUESTS
    connect_timeout_seconds: float = 30.0
    idle_timeout_seconds: float = 60.0
    max_retries: int = READ.retries


class PigmentClient:
    """One Pigment, for any number of threads.

    Every method raises a `PigmentError`. Reads are repeated as `read_retry` says, or the `policy` that is given; a push
    as `push_retry` says, and only where that does no harm.
    """

    def __init__(self, keys: Keys, options: ClientOptions | None = None, *, clock: Clock | None = None) -> None:
        options, clock = options or ClientOptions(), clock or Clock()
        self._keys = keys
        self.requests_per_5_minutes = options.requests_per_5_minutes
        self._limit = RateLimit(options.requests_per_5_minutes, clock=clock)
        self.read_retry: RetryPolicy = replace(READ, retries=options.max_retries)
        self.push_retry: RetryPolicy = replace(PUSH, retries=min(PUSH.retries, options.max_retries))
        timeouts = options.connect_timeout_seconds, options.idle_timeout_seconds
        self._transport = Transport(Address(options.base_url.rstrip("/")), timeouts, self._limit, clock)
        self._imports = Imports(self._transport, self.push_retry, clock)
        # Mutable state: whether this Pigment offers the richer list, None as long as it is not known.
        self._is_richer: bool | None = None
        # And what the command has done, for the last line of its log.
        self._summary: Callable[[], str] | None = None

    def has_key_for(self, purpose: Purpose) -> bool:
        return purpose in self._keys.by_purpose

    def list_applications(self) -> list[Application]:
        return self._read(_listing_request(Listing.APPLICATIONS), responses.parse_applications)

    def list_blocks(self, application_id: str, *, policy: RetryPolicy | None = None) -> list[Block]:
        """The lists, metrics and tables of an application, in Pigment's order."""
        request = _listing_request(Listing.BLOCKS, application_id)
        blocks, unknown = self._read(request, responses.parse_blocks, policy)
        if unknown:
            left_out = counted(unknown, "block is left out: its", "blocks are left out: their")
            logger.warning("%s type did not exist when this was written.", left_out)
        return blocks

    def list_views(self, application_id: str) -> list[View]:
        return self._read(_listing_request(Listing.VIEWS, application_id), responses.parse_views)

    def list_import_configurations(self, application_id: str | None = None) -> list[ImportConfiguration]:
        """The import configurations that the key's owner can see, of an application if one is given.

        With target and columns where the workspace offers the richer list of the text "Pigment Connector Setup".
        It is not known whether that list honours the application, so with one it only adds to the plain list.
        """
        richer = self._list_richer(application_id)
        if richer is not None and application_id is None:
            return richer
        request = _listing_request(Listing.IMPORT_CONFIGURATIONS, application_id)
        try:
            plain = self._read(request, responses.parse_import_configurations)
        except NotFound:
            # Without the plain list to go by, the richer one must be known to leave other applications out.
            if richer is None or (application_id is not None and not self._is_limited_to(application_id, richer)):
                raise
            return richer
        by_id = {configuration.id: configuration for configuration in richer or ()}
        return [by_id.get(configuration.id, configuration) for configuration in plain]

    def offers_dry_run(self) -> bool:
        """Whether this Pigment can check a file without storing it; False where no key can ask.

        Its public API does not know `dryRun` and would store the rows: only the interface of the texts "Pigment
        Connector Setup" and "CSV Push API" does, and its richer list is what shows that it is there.
        """
        if self._is_richer is None and self.has_key_for(Purpose.METADATA):
            self._list_richer(None)
        return self._is_richer is True

    def list_objects(
        self, listing: Listing, application_id: str | None = None, block_id: str | None = None
    ) -> list[ListedObject]:
        """A listing with every field of its entries, of the whole workspace, an application or a block."""
        request = _listing_request(listing, application_id, block_id)
        return self._read_content(request, responses.parse_listing)

    def audit_page(self, since: str, cursor: str | None = None) -> AuditPage:
        """Events ingested since then (ISO 8601), newest first: the first page, or that of a cursor."""
        query = {"ingestedSince": since, **({"cursor": cursor} if cursor else {})}
        request = Request("read audit log", Purpose.AUDIT, "GET", "/api/audit/v1/events", query=query)
        return self._read_content(request, parse_audit_page)

    def export(self, request: ExportRequest, consume: Callable[[Export], T], *, policy: RetryPolicy | None = None) -> T:
        """Export a block or a view, and give what `consume` makes of it.

        Where the export breaks off, `consume` is called again with a new one, from its beginning; it may raise
        `BrokenOff` itself.
        """
        key = self._keys.key_for(Purpose.EXPORT)
        return self._transport.export(_export_request(request), key, policy or self.read_retry, consume)

    def push_csv(self, configuration_id: str, file: Path, options: PushOptions) -> Import:
        """Push a CSV file into an import configuration.

        Raises `ImportOutcomeUnknown` where the file may have arrived and must not be sent again.
        """
        return self._imports.push(configuration_id, file, options, self._keys.key_for(Purpose.IMPORT))

    def start_import(self, configuration_id: str, response_timeout_seconds: float | None = None) -> Import:
        """Start an import from an integration, or a copy of a list or a metric.

        The response may take as long as it wants within the time-out. Raises `ImportOutcomeUnknown` where it may have
        been started.
        """
        return self._imports.start(configuration_id, self._keys.key_for(Purpose.IMPORT), response_timeout_seconds)

    def import_status(self, import_id: str) -> Import:
        """How far an import is, with the detailed report once it is finished."""
        # The parameter is spelled like this in the API description.
        query = {"includedDetailedReport": "true"}
        path = f"/api/v1/import/{_segment(import_id)}/status"
        request = Request("import status", Purpose.IMPORT, "GET", path, object_id=import_id, query=query)
        return self._read(request, import_responses.parse_import_status)

    @property
    def requests_made(self) -> int:
        """How many requests were sent so far, repeats included."""
        return self._limit.requests_made

    def report_rate_limit_to(self, report: Callable[[datetime | None], None]) -> None:
        """Call this with the moment until which all requests wait for Pigment's limit, and with None after that.

        It is called for waits of more than a few seconds, and again when they get longer, by the thread that waits; or
        with None by one whose export has just begun, so it must not wait itself.
        """
        self._limit.report_to(report)

    def summarize_with(self, summary: Callable[[], str]) -> None:
        """Begin the last line of the log, which contains the number of requests, with these words."""
        self._summary = summary

    def log_requests_made(self) -> None:
        requests = counted(self.requests_made, "request was made", "requests were made")
        logger.info("%s%s to Pigment.", f"{self._summary()}; " if self._summary else "", requests)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._transport.close()

    def _read(self, request: Request, parse: Callable[[Any], T], policy: RetryPolicy | None = None) -> T:
        return self._read_content(request, lambda content: parse(json.loads(content)), policy)

    def _read_content(self, request: Request, parse: Callable[[bytes], T], policy: RetryPolicy | None = None) -> T:
        return self._transport.fetch(request, self._keys.key_for(request.purpose), policy or self.read_retry, parse)

    def _is_limited_to(self, application_id: str, richer: list[ImportConfiguration]) -> bool:
        """Whether a richer list that was asked for one application contains no other's configurations."""
        other = next((each.id for each in self.list_applications() if each.id != application_id), None)
        if not richer or other is None:
            return True
        # If the application in the request is ignored, both lists are the same.
        others = self._list_richer(other)
        return others is not None and not {each.id for each in others} & {each.id for each in richer}

    def _list_richer(self, application_id: str | None) -> list[ImportConfiguration] | None:
        """The richer list, or None where this Pigment does not offer it; that is asked only once."""
        if self._is_richer is False:
            return None
        request = _listing_request(Listing.RICHER_IMPORT_CONFIGURATIONS, application_id)
        try:
            # Sent once and not repeated: if anything is wrong with it, there is still the plain list.
            response = self._transport.send(request, self._keys.key_for(Purpose.METADATA))
            found = decoded(request, response, responses.parse_import_configurations)
        except PigmentError as error:
            if not isinstance(error, TryLater):
                self._is_richer = False
            return None
        self._is_richer = True
        return found


def _export_request(export: ExportRequest) -> Request:
    path = f"/api/v1/export/{export.kind.value}/{_segment(export.id)}"
    name = f"export {export.kind.value}"
    payload = dict(export.payload)
    if export.kind is ExportKind.VIEW:
        query = {name: str(value) for name, value in payload.items()}
        return Request(name, Purpose.EXPORT, "GET", path, object_id=export.id, query=query, streamed=True)
    return Request(name, Purpose.EXPORT, "POST", path, object_id=export.id, json=payload, streamed=True)


def _listing_request(listing: Listing, application_id: str | None = None, block_id: str | None = None) -> Request:
    wanted = {"applicationId": application_id, "blockId": block_id}
    query = {name: value for name, value in wanted.items() if value is not None}
    operation = f"list {listing.name.replace('_', ' ').lower()}"
    about = block_id or application_id
    return Request(operation, Purpose.METADATA, "GET", f"/api/v1/{listing}", object_id=about, query=query)


def _segment(identifier: str) -> str:
    """An id as one segment of a path, whatever characters a user typed or a response contains.

    Dots alone would mean another path, even quoted: clients and servers take "%2E" for a dot.
    """
    return quote(identifier if identifier.strip(".") else identifier.replace(".", "%2E"), safe="")
