"""The console entry: the CDK's entrypoint, and one addition that writes finished RECORD lines as they are."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, ConnectorSpecification
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor

from pigment_airbyte.failures import explained
from pigment_airbyte.form import check_form
from pigment_airbyte.output import write_lines
from source_pigment.reading.records import RecordBlock
from source_pigment.source import SourcePigment


class BlockEntrypoint(AirbyteEntrypoint):
    """The CDK's entrypoint, which also knows blocks of records: counts them, and writes them between the messages."""

    def read(
        self, source_spec: ConnectorSpecification, config: Mapping[str, Any], catalog: Any, state: list[Any]
    ) -> Iterable[AirbyteMessage]:
        """The messages that are left for the CDK to print; blocks are written on the way."""
        for message in super().read(source_spec, config, catalog, state):
            if isinstance(message, RecordBlock):
                write_lines(message.lines)
            else:
                yield message

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:
        """Look at the configuration as at a filled-in form: what is wrong is said in the form's words."""
        with explained():
            check_form(config, source_spec.connectionSpecification)

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: defaultdict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        """Count a block as the records that it holds."""
        if isinstance(message, RecordBlock):
            stream_message_count[HashableStreamDescriptor(name=message.stream, namespace=None)] += message.count
            return message
        return AirbyteEntrypoint.handle_record_counts(message, stream_message_count)


def run() -> None:
    """Run the connector with the arguments of the command line."""
    entrypoint = BlockEntrypoint(SourcePigment(in_blocks=True))
    for message in entrypoint.run(entrypoint.parse_args(sys.argv[1:])):
        write_lines(f"{message}\n".encode())
