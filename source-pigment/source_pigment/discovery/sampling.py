"""Discovery: the header line and a few rows of each export become the schema of its stream."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pigment_airbyte.failures import ConfigProblem, explain, traced
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import (
    BrokenOff,
    KeyMissing,
    KeyRejected,
    NotFound,
    PermissionMissing,
    RequestRejected,
    ResponseNotUnderstood,
    TooLarge,
)
from pigment_client.models import ExportRequest
from pigment_csv.reader import CsvBroken, CsvReader, Row
from source_pigment.config import DIALECT, Payload, SourceConfig
from source_pigment.discovery.catalog import Catalog, ExportTarget, payloads_of
from source_pigment.discovery.schema import InferenceOptions, Sample, StreamSchema, make_schema

logger = logging.getLogger("airbyte.pigment.source")

# How much of an export is looked at: enough rows to tell a type, little enough to be quick.
_SAMPLE_ROWS = 1000
_SAMPLE_BYTES = 1 << 20

# What is wrong with the key is wrong for every block.
_SAME_FOR_ALL = (KeyMissing, KeyRejected)

# What is wrong with one block, and will stay so.
_LEFT_OUT = (NotFound, PermissionMissing, RequestRejected, TooLarge, ConfigProblem)


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream as discovery found it."""

    target: ExportTarget
    schema: StreamSchema
    num_slices: int


def discover_streams(client: PigmentClient, config: SourceConfig, catalog: Catalog) -> list[DiscoveredStream]:
    """The streams of a catalog, several looked at at a time.

    A block that is gone, forbidden or without columns is named in the log and left out; when none is left, that is an
    error. Any other failure ends discovery: a stream that is missing from a catalog disappears from the user's
    connection, with what it has synced.
    """
    failures: list[Exception] = []

    def look(target: ExportTarget) -> DiscoveredStream | None:
        subject, payloads = target.subject, payloads_of(config, target)
        try:
            return _look_at(client, config, target, payloads)
        except _LEFT_OUT as error:
            failures.append(error)
            logger.error("The %s is left out: %s", subject, explain(error, subject=subject).message)  # noqa: TRY400 - a traceback could quote data
            return None
        except _SAME_FOR_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it names the block
            failure = traced(error, subject=subject)
            failure.message = f"Nothing was discovered, because the {subject} could not be read: {failure.message}"
            raise failure from None

    with ThreadPoolExecutor(config.num_workers) as pool:
        try:
            found = [each for each in pool.map(look, catalog.targets) if each is not None]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not found and failures:
        raise failures[0]
    return found


def read_sample(client: PigmentClient, request: ExportRequest, *, rows: int = _SAMPLE_ROWS) -> Sample:
    """The header line of an export and its first rows; the rest is not fetched."""

    def read(export: Export) -> Sample:
        reader = CsvReader(DIALECT)
        taken: list[Row] = []
        try:
            for chunk in export:
                taken += reader.read_rows(chunk)
                if reader.header is not None and (len(taken) >= rows or export.bytes_received > _SAMPLE_BYTES):
                    break
            else:
                taken += reader.read_last_row()
        except CsvBroken:
            raise ResponseNotUnderstood("export", object_id=request.id) from None
        if reader.header is None:
            raise BrokenOff("export", object_id=request.id)
        return Sample(reader.header, [[cell or "" for cell in row] for row in taken[:rows]])

    return client.export(request, read)


def _look_at(
    client: PigmentClient,
    config: SourceConfig,
    target: ExportTarget,
    payloads: tuple[Payload, ...],
) -> DiscoveredStream:
    sample = read_sample(client, ExportRequest(target.kind, target.id, payloads[0]))
    if len(sample.header) < 2 and not "".join(sample.header).strip():
        raise ConfigProblem(f"The export of the {target.subject} has no columns: add a property or metric to it.")
    options = InferenceOptions(
        config.infer_types,
        target.known_names,
        tuple(str(each.get("type")) for each in payloads[0].get("fields") or ()),
        bool(payloads[0].get("scenarios")),
    )
    schema = make_schema(target.kind, target.block, sample, options)
    return DiscoveredStream(target, schema, len(payloads))
