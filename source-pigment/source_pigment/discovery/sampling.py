"""Discovery: the header line and a few rows of each export become the schema of its stream."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pigment_airbyte.failures import ConfigProblem, explain
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import BrokenOff, KeyMissing, KeyRejected, ResponseNotUnderstood
from pigment_client.models import ExportRequest
from pigment_csv.reader import CsvBroken, CsvReader, Row
from source_pigment.config import SourceConfig
from source_pigment.discovery.schema import Sample, SchemaOptions, StreamSchema, make_schema
from source_pigment.discovery.streams import Catalog, StreamObject, payloads_of
from source_pigment.reading.records import DIALECT

logger = logging.getLogger("airbyte.pigment.source")

# How much of an export is looked at: enough rows to tell a type, little enough to be quick.
_SAMPLE_ROWS = 1000
_SAMPLE_BYTES = 1 << 20

# What is wrong with the connection is wrong for every block, so discovery ends.
_SAME_FOR_ALL = (KeyMissing, KeyRejected)


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream as discovery found it."""

    object: StreamObject
    schema: StreamSchema
    num_slices: int


def discover_streams(client: PigmentClient, config: SourceConfig, catalog: Catalog) -> list[DiscoveredStream]:
    """The streams of a catalog, several looked at at a time.

    A block that cannot be read is named in the log and left out; when none can be read, that is an error.
    """
    failures: list[Exception] = []

    def look(stream_object: StreamObject) -> DiscoveredStream | None:
        try:
            return _look_at(client, config, catalog, stream_object)
        except _SAME_FOR_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - one block that fails does not hide the others; it is explained
            failures.append(error)
            subject = stream_object.subject
            logger.error("The %s is left out: %s", subject, explain(error, subject=subject).message)  # noqa: TRY400 - a traceback could quote data
            return None

    with ThreadPoolExecutor(config.num_workers) as pool:
        try:
            found = [each for each in pool.map(look, catalog.objects) if each is not None]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not found and failures:
        raise failures[0]
    return found


def take_sample(client: PigmentClient, request: ExportRequest, *, rows: int = _SAMPLE_ROWS) -> Sample:
    """The header line of an export and its first rows; the rest is not fetched."""

    def read(export: Export) -> Sample:
        reader = CsvReader(DIALECT)
        taken: list[Row] = []
        try:
            for chunk in export:
                taken += reader.decode(chunk)
                if reader.header is not None and (len(taken) >= rows or export.bytes_received > _SAMPLE_BYTES):
                    break
            else:
                taken += reader.flush()
        except CsvBroken:
            raise ResponseNotUnderstood("export", object_id=request.id) from None
        if reader.header is None:
            raise BrokenOff("export", object_id=request.id)
        return Sample(reader.header, [[cell or "" for cell in row] for row in taken[:rows]])

    return client.export(request, read)


def _look_at(
    client: PigmentClient, config: SourceConfig, catalog: Catalog, stream_object: StreamObject
) -> DiscoveredStream:
    payloads = payloads_of(config, stream_object)
    sample = take_sample(client, ExportRequest(stream_object.kind, stream_object.id, payloads[0]))
    if not sample.header or sample.header == [""]:
        raise ConfigProblem(
            f"The export of the {stream_object.subject} has no columns: add a property or metric to it."
        )
    fields = tuple(str(each.get("type")) for each in payloads[0].get("fields") or ())
    options = SchemaOptions(config.infer_types, catalog.metric_names, fields)
    schema = make_schema(stream_object.kind, stream_object.block, sample, options=options)
    return DiscoveredStream(stream_object, schema, len(payloads))
