"""The console entry: the CDK's entrypoint, which here also writes finished RECORD lines as they are."""

from __future__ import annotations

import logging
import os
import signal
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from threading import Timer
from types import FrameType
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteConnectionStatus, AirbyteMessage, ConnectorSpecification, Status, Type
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor

from pigment_airbyte.command_line import log_unknown_properties, parse_arguments, report_uncaught_errors
from pigment_airbyte.disk import check_temporary_folder
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explained, traced
from pigment_airbyte.form import check_form
from pigment_airbyte.memory import keep_freed_memory
from pigment_airbyte.output import write_lines
from source_pigment.reading.records import RecordBlock, escape_line_ends
from source_pigment.source import SourcePigment

EXIT_CODE = 128 + signal.SIGTERM

# Enough for the clean-up on the way out.
_GRACE_SECONDS = 10.0


class Terminated(BaseException):
    """SIGTERM came."""


class Termination:
    """Ends the process after a SIGTERM, whatever Python makes of it; for the main thread."""

    def __init__(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        # All mutable state.
        self.came = False

    def listen(self) -> None:
        """From now on, raise `Terminated` when SIGTERM comes."""
        signal.signal(signal.SIGTERM, self._interrupt)

    def raise_if_came(self) -> None:
        """Raise `Terminated` if SIGTERM came, because Python may have dropped what was raised then."""
        if self.came:
            raise Terminated

    def exit_if_came(self) -> None:
        """Exit at once if SIGTERM came: everything is cleaned up, and a running download is not waited for."""
        if self.came:
            os._exit(EXIT_CODE)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # What is still written on the way out must not wait for a reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not self.came:
            self.came = True
            timer = Timer(self._grace_seconds, os._exit, [EXIT_CODE])
            timer.daemon = True
            timer.start()
        raise Terminated


class BlockEntrypoint(AirbyteEntrypoint):
    """The CDK's entrypoint, which also counts blocks of records, and writes them between the messages."""

    def __init__(self, source: SourcePigment) -> None:
        # The CDK's monitor of memory logs its thresholds when it is created, in front of everything else.
        airbyte = logging.getLogger("airbyte")
        airbyte.addFilter(_is_not_of_memory_monitor)
        super().__init__(source)
        airbyte.removeFilter(_is_not_of_memory_monitor)
        report_uncaught_errors()

    @staticmethod
    def parse_args(args: list[str]) -> Namespace:
        return parse_arguments("source-pigment", "read", args)

    def read(
        self, source_spec: ConnectorSpecification, config: Mapping[str, Any], catalog: Any, state: list[Any]
    ) -> Iterable[AirbyteMessage]:
        """The messages that the CDK prints; blocks are written here, in their order."""
        log_unknown_properties(self.logger, config, source_spec.connectionSpecification)
        for message in super().read(source_spec, config, catalog, state):
            if isinstance(message, RecordBlock):
                _write(message.lines)
                message.forget()
            else:
                yield message

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:
        """Check the configuration as a filled-in form: messages use the titles of its fields."""
        with explained():
            check_form(config, source_spec.connectionSpecification)

    def discover(self, source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> Iterable[AirbyteMessage]:
        """What the CDK does, after a warning about properties that count for nothing."""
        log_unknown_properties(self.logger, config, source_spec.connectionSpecification)
        return super().discover(source_spec, config)

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: defaultdict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        if isinstance(message, RecordBlock):
            stream_message_count[HashableStreamDescriptor(message.stream.name, message.stream.namespace)] += (
                message.count
            )
            return message
        return AirbyteEntrypoint.handle_record_counts(message, stream_message_count)


def _is_not_of_memory_monitor(record: logging.LogRecord) -> bool:
    return record.module != "memory_monitor"


class OutputLost(BaseException):
    """Standard output accepts nothing more."""


def run() -> None:
    """Run the connector with the arguments of the command line."""
    keep_freed_memory()
    termination = Termination()
    termination.listen()
    # The log goes to standard output, too: if that is closed, a line of the log is not another error.
    logging.raiseExceptions = False
    entrypoint = BlockEntrypoint(SourcePigment(in_blocks=True))
    try:
        with closing(_lines(entrypoint)) as lines:
            for line in lines:
                termination.raise_if_came()
                _write(escape_line_ends(line.encode()) + b"\n")
    except OutputLost as lost:
        if not isinstance(lost.__cause__, BrokenPipeError):
            os.write(2, f"Standard output cannot be written: {lost.__cause__}\n".encode())
        os._exit(1)
    finally:
        termination.exit_if_came()


def _lines(entrypoint: AirbyteEntrypoint) -> Generator[str, None, None]:
    arguments = entrypoint.parse_args(sys.argv[1:])
    try:
        # The CDK needs the folder for every command, and would end in a trace if there is none.
        check_temporary_folder()
        if arguments.command == "check":
            # Whatever is wrong with the file is an answer to the check as well.
            SourcePigment.read_config(arguments.config)
    except (ConfigProblem, TransientProblem) as problem:
        if arguments.command != "check":
            raise traced(problem) from None
        status = AirbyteConnectionStatus(status=Status.FAILED, message=str(problem))
        message = AirbyteMessage(type=Type.CONNECTION_STATUS, connectionStatus=status)
        yield entrypoint.airbyte_message_to_string(message)
        return
    yield from entrypoint.run(arguments)


def _write(lines: bytes | bytearray) -> None:
    try:
        write_lines(lines)
    except OSError as error:
        raise OutputLost from error
