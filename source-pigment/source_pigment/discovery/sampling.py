"""Discovery: the header line and the first rows of each export become the schema of its stream."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from airbyte_cdk.models import AirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem, explain, traced
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import (
    BrokenOff,
    KeyMissing,
    KeyRejected,
    NotAnExport,
    NotFound,
    PermissionMissing,
    RequestRejected,
    TooLarge,
)
from pigment_client.models import ExportKind, ExportRequest
from pigment_csv.reader import CsvBroken, CsvReader
from source_pigment.config import DIALECT, LONGEST_LINE_BYTES, SourceConfig
from source_pigment.discovery.catalog import ExportCatalog, ExportTarget, export_requests
from source_pigment.discovery.schema import make_schema

logger = logging.getLogger("airbyte.pigment.source")

# How much of an export is sampled: enough rows to tell a type, few enough to be quick. As long as a column is blank in
# all of them, more rows are read, up to this many bytes.
_SAMPLE_ROWS = 1000
_SAMPLE_BYTES = 1 << 20

# What is wrong with the key is wrong for every block.
_SAME_FOR_ALL = (KeyMissing, KeyRejected)

# What is permanently wrong with one block.
_LEFT_OUT = (NotFound, PermissionMissing, RequestRejected, TooLarge, ConfigProblem)


def discover_streams(client: PigmentClient, config: SourceConfig, catalog: ExportCatalog) -> list[AirbyteStream]:
    """The streams of a catalog; several exports are sampled at the same time.

    A block that is gone, forbidden or without columns is logged and left out; if none is left, that is an error. Any
    other failure ends discovery: a stream that is missing from a catalog disappears from the user's connection,
    together with what it has synced.
    """
    failures: list[Exception] = []

    def discover(target: ExportTarget) -> AirbyteStream | None:
        requests = export_requests(config, target)
        try:
            return _discover_stream(client, config, target, requests)
        except _LEFT_OUT as error:
            failures.append(error)
            message = explain(error, subject=target.subject).message
            logger.error("The %s is left out: %s", target.subject, message)  # noqa: TRY400 - a traceback could quote data
            return None
        except _SAME_FOR_ALL:
            raise
        except CsvBroken as error:
            raise traced(ConfigProblem(explain_unreadable(target, error))) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the message names the block
            failure = traced(error, subject=target.subject)
            failure.message = (
                f"Nothing was discovered, because the {target.subject} could not be read: {failure.message}"
            )
            if isinstance(error, NotAnExport | BrokenOff):
                failure.message += f" If it stays like this, {_way_on(target)}."
            raise failure from None

    with ThreadPoolExecutor(config.num_workers) as pool:
        found = [each for each in pool.map(discover, catalog.targets) if each is not None]
    if not found and failures:
        raise failures[0]
    return found


def read_sample(
    client: PigmentClient, request: ExportRequest, *, rows: int = _SAMPLE_ROWS
) -> tuple[list[str], list[list[str]]]:
    """The header line of an export and its first rows, at least `rows` if it has them; the rest is not fetched.

    Raises `CsvBroken` for an export that came as Pigment has it and can never be read.
    """

    def read(export: Export) -> tuple[list[str], list[list[str]]]:
        reader = CsvReader(DIALECT, largest_record_bytes=LONGEST_LINE_BYTES)
        sample: list[list[str]] = []
        blank: set[int] | None = None
        for chunk in export:
            found = reader.read_rows(chunk)
            sample += ([cell or "" for cell in row] for row in found)
            if reader.header is None:
                continue
            blank = set(range(len(reader.header))) if blank is None else blank
            blank -= {at for at in blank if any(row[at] for row in found)}
            is_enough = len(sample) >= rows and not (rows and blank)
            if is_enough or export.bytes_received > _SAMPLE_BYTES:
                break
        else:
            try:
                sample += ([cell or "" for cell in row] for row in reader.read_last_row())
            except CsvBroken as error:
                if not error.is_cut:
                    raise
                raise export.broken_off() from None
        if reader.header is None:
            raise export.broken_off()
        return reader.header, sample

    return client.export(request, read)


def explain_unreadable(target: ExportTarget, error: CsvBroken) -> str:
    """What is wrong with an export at which record, and how to go on without it."""
    return (
        f"The export of the {target.subject} cannot be read: {error}. Look at that place in Pigment, or "
        f"{_way_on(target)}, and report this if nothing is wrong there."
    )


def _way_on(target: ExportTarget) -> str:
    """What a user can do to go on without a block or view."""
    return 'remove it from "Views"' if target.kind is ExportKind.VIEW else 'leave the block out under "Exclude"'


def _discover_stream(
    client: PigmentClient, config: SourceConfig, target: ExportTarget, requests: tuple[ExportRequest, ...]
) -> AirbyteStream:
    header, rows = read_sample(client, requests[0])
    if len(header) < 2 and not "".join(header).strip():
        raise ConfigProblem(f"The export of the {target.subject} has no columns: add a property or metric to it.")
    schema = make_schema(
        target.kind, target.block, target.known_names, requests[0].payload, header, rows, infer_types=config.infer_types
    )
    application = target.application
    return AirbyteStream(
        name=target.stream.name,
        namespace=target.stream.namespace,
        json_schema=schema.json_schema(
            target.id, row_metadata=config.row_metadata, application_id=application.id if application else None
        ),
        supported_sync_modes=[SyncMode.full_refresh],
        source_defined_primary_key=[[name] for name in schema.primary_key] or None,
        # For every other stream the platform clears what a failed attempt left, instead of adding to it.
        is_resumable=len(requests) > 1,
    )
