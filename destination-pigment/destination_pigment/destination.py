"""The destination: check, discover and write as the protocol wants them."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

import orjson
from airbyte_cdk.destinations.destination import Destination
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConnectorSpecification,
    Status,
    Type,
)
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets

from destination_pigment.check import check_connection
from destination_pigment.config import MAX_RETRIES, parse_config
from destination_pigment.discover import discover_operations
from destination_pigment.in_process import run_in_process
from destination_pigment.input.cancel import Cancel, Cancelled, Patience
from destination_pigment.input.catalog import DestinationStream, parse_catalog
from destination_pigment.input.stdin import Blocks, StdinBlocks
from destination_pigment.state_output import Emit
from destination_pigment.write import write_blocks
from pigment_airbyte import disk
from pigment_airbyte.command_line import (
    log_connector,
    log_unknown_properties,
    parse_arguments,
    read_json_file,
    report_uncaught_errors,
)
from pigment_airbyte.connection import open_client
from pigment_airbyte.failures import ConfigProblem, explained
from pigment_airbyte.form import check_form, load_spec, without_empty
from pigment_airbyte.memory import keep_freed_memory
from pigment_airbyte.output import write_lines

logger = logging.getLogger("airbyte.pigment.destination")

_OBJECTS_BETWEEN_COLLECTIONS = 50_000


class DestinationPigment(Destination):
    """Writes streams into Pigment through import configurations."""

    VALID_CMDS = {*Destination.VALID_CMDS, "discover"}  # noqa: RUF012 - the CDK's extension point

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """What the form asks for."""
        return load_spec("destination_pigment")

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether the configuration works, with the reason where it does not."""
        return check_connection(config, logger)

    def discover_operations(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A DESTINATION_CATALOG message: what can be written where."""
        with explained(), open_client(config, default_max_retries=MAX_RETRIES) as client:
            return discover_operations(client, parse_config(config))

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterable[AirbyteMessage]:
        """Write messages given as objects, for a caller in the same process.

        `run` does the same with the lines of standard input, where no number becomes a float on its way.
        """
        streams = parse_catalog(ConfiguredAirbyteCatalogSerializer.dump(configured_catalog))
        cancel = Cancel()

        def sync(blocks: Blocks, emit: Emit) -> Iterator[None]:
            with explained(), suppress(Cancelled):
                yield from write_blocks(config, streams, blocks, cancel, emit, self._patience)

        yield from run_in_process(sync, input_messages, cancel)

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The configuration; what is null or an empty text counts as not given."""
        return without_empty(read_json_file(config_path, "configuration"))

    def parse_args(self, args: list[str]) -> argparse.Namespace:
        """The arguments of the command line; `discover` in addition to those of the CDK."""
        return parse_arguments("destination-pigment", "write", args)

    def run(self, args: list[str]) -> None:
        """Run a command; every message is on its way when the next is made."""
        report_uncaught_errors()
        parsed = self.parse_args(args)
        if parsed.debug:
            logging.getLogger("airbyte").setLevel(logging.DEBUG)
        if parsed.command == "write":
            self._run_write_lines(parsed)
            return
        if parsed.command == "discover":
            config = self._valid_config(parsed.config)
            write_lines(orjson.dumps(self.discover_operations(config)) + b"\n")
            return
        for message in self.run_cmd(parsed):
            write_lines(orjson.dumps(AirbyteMessageSerializer.dump(message)) + b"\n")

    def _run_write_lines(self, parsed: argparse.Namespace) -> None:
        # What is loaded by now stays to the end: the garbage collector need not look at it again for every few rows.
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        keep_freed_memory()
        disk.raise_open_files_limit()
        # The log goes to standard output: if its other end is closed, that is no reason to stop.
        logging.raiseExceptions = False
        with Cancel(sys.stdout.fileno()) as cancel:
            with explained():
                config = self._valid_config(parsed.config)
                streams = _read_catalog(parsed.catalog)
                # A request that waits for its turn before the first record is read is given up.
                with suppress(Cancelled):
                    blocks = StdinBlocks(sys.stdin.fileno(), cancel)
                    for _ in write_blocks(config, streams, blocks, cancel, write_lines, self._patience):
                        pass
            if cancel.requested:
                logger.info("The sync was stopped before its end; what was stored is reported in the states.")
                _end(cancel.exit_code)

    def run_cmd(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        """Spec is the CDK's; check validates the form itself, and whatever is wrong ends in its one status."""
        if parsed_args.command == "check":
            try:
                config = self._config(parsed_args.config)
            except ConfigProblem as problem:
                status = AirbyteConnectionStatus(status=Status.FAILED, message=str(problem))
                yield AirbyteMessage(type=Type.CONNECTION_STATUS, connectionStatus=status)
            else:
                yield self._run_check(config)
        else:
            yield from super().run_cmd(parsed_args)

    def _config(self, path: str) -> Mapping[str, Any]:
        """The configuration, its secrets known to the log's filter."""
        config: Mapping[str, Any] = self.read_config(path)
        update_secrets(get_secrets(self.spec(logger).connectionSpecification, config))
        log_connector(logger, "destination-pigment", config)
        return config

    def _valid_config(self, path: str) -> Mapping[str, Any]:
        """The configuration, looked at as a filled-in form."""
        with explained():
            config = self._config(path)
            schema = self.spec(logger).connectionSpecification
            check_form(config, schema)
            log_unknown_properties(logger, config, schema)
        return config


def _read_catalog(path: str) -> tuple[DestinationStream, ...]:
    """The streams of a configured catalog; raises `ConfigProblem`."""
    content = read_json_file(path, "catalog")
    try:
        return parse_catalog(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigProblem(
            f"The catalog file {path} is not a configured catalog: write one with the streams of the source, each with "
            "its sync mode."
        ) from None


def _end(code: int) -> None:
    """End the process; what is still to be printed must not fail where the other end of the output is closed."""
    with suppress(OSError):
        sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run() -> None:
    """Run the connector with the arguments of the command line."""
    DestinationPigment().run(sys.argv[1:])
