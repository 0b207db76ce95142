"""The destination: check, discover and write as the protocol wants them."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import orjson
from airbyte_cdk.destinations.destination import Destination
from airbyte_cdk.exception_handler import init_uncaught_exception_handler
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConnectorSpecification,
)
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets

from destination_pigment.check import check_connection
from destination_pigment.config import MAX_RETRIES, DestinationConfig, parse_config
from destination_pigment.destination_catalog import destination_catalog
from destination_pigment.files.dimension_checks import DimensionItems, make_checks
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import FileOptions, StreamWriter
from destination_pigment.imports.importer import Importer, Stopped, Waiting
from destination_pigment.imports.queue import Lanes
from destination_pigment.imports.replace import ReplacingWriter
from destination_pigment.input.configured_streams import DestinationStream, WriteMode, parse_catalog
from destination_pigment.input.stdin import Inputs, Lines, Pulse, Terminated, Termination
from destination_pigment.spec import make_spec
from destination_pigment.sync import Emit, Writer
from destination_pigment.targets import needs_names, settle_targets
from pigment_airbyte.connection import connected, without_nulls
from pigment_airbyte.failures import ConfigProblem, explained
from pigment_airbyte.form import check_form
from pigment_airbyte.output import write_lines
from pigment_client.client import PigmentClient
from pigment_client.http.clock import Clock
from pigment_client.keys import Purpose
from pigment_client.models import ImportConfiguration

logger = logging.getLogger("airbyte.pigment.destination")

_OBJECTS_BETWEEN_COLLECTIONS = 50_000

# What a process that SIGTERM ended answers, by custom of the shell.
_TERMINATED = 128 + signal.SIGTERM


class DestinationPigment(Destination):
    """Writes streams into Pigment through import configurations."""

    VALID_CMDS = {*Destination.VALID_CMDS, "discover"}  # noqa: RUF012 - the CDK's extension point

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """What the form asks for."""
        return make_spec()

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether the configuration works, with the reason where it does not."""
        return check_connection(config, logger)

    def discover_operations(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A DESTINATION_CATALOG message: what can be written where."""
        with explained(), connected(config, parse_config, default_max_retries=MAX_RETRIES) as (client, settings):
            if not client.has_key_for(Purpose.METADATA):
                raise ConfigProblem(
                    'To list what can be written, add a key for Modeling Metadata under "Authentication".'
                )
            return destination_catalog(client.list_import_configurations(settings.application_id))

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterable[AirbyteMessage]:
        """Write messages given as objects, for whoever calls the destination in process.

        `run` does the same with the lines of standard input, where no number becomes a float on its way.
        """
        streams = parse_catalog(ConfiguredAirbyteCatalogSerializer.dump(configured_catalog))
        back: list[bytes] = []
        with explained(), writing(config, streams, Event(), back.append) as writer:
            for message in input_messages:
                writer.take(orjson.dumps(AirbyteMessageSerializer.dump(message)) + b"\n")
                yield from _messages(back)
            writer.finish()
            yield from _messages(back)

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The configuration; what is null counts as not given."""
        return without_nulls(Destination.read_config(config_path))

    def parse_args(self, args: list[str]) -> argparse.Namespace:
        """The arguments of the command line; `discover` beside those of the CDK."""
        if args[:1] != ["discover"]:
            return super().parse_args([each for each in args if each != "--debug"])
        parser = argparse.ArgumentParser()
        parser.add_argument("command")
        parser.add_argument("--config", type=str, required=True, help="path to the json configuration file")
        return parser.parse_args([each for each in args if each != "--debug"])

    def run(self, args: list[str]) -> None:
        """Run a command; every message is on its way when the next is made."""
        init_uncaught_exception_handler(logging.getLogger("airbyte"))
        if "--debug" in args:
            logging.getLogger("airbyte").setLevel(logging.DEBUG)
        parsed = self.parse_args(args)
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
        with explained():
            config = self._valid_config(parsed.config)
            catalog = json.loads(Path(parsed.catalog).read_bytes())
            terminated = write_stream(config, parse_catalog(catalog), sys.stdin.fileno())
        if terminated:
            logger.info("The sync was stopped before its end; what was stored is told in the states.")
            sys.exit(_TERMINATED)

    def run_cmd(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        """Spec as the CDK has it; check looks at the form by itself, and whatever is wrong ends in its one status."""
        if parsed_args.command == "check":
            yield self._run_check(self._config(parsed_args.config))
        else:
            yield from super().run_cmd(parsed_args)

    def _config(self, path: str) -> Mapping[str, Any]:
        """The configuration, its secrets known to the log's filter."""
        config: Mapping[str, Any] = self.read_config(path)
        update_secrets(get_secrets(self.spec(logger).connectionSpecification, config))
        return config

    def _valid_config(self, path: str) -> Mapping[str, Any]:
        """The configuration, looked at as a filled-in form."""
        config = self._config(path)
        with explained():
            check_form(config, self.spec(logger).connectionSpecification)
        return config


def write_stream(config: Mapping[str, Any], streams: tuple[DestinationStream, ...], descriptor: int) -> bool:
    """Write what comes over a file descriptor; whether SIGTERM ended it before its end."""
    with Termination() as termination, writing(config, streams, termination.event, write_lines) as writer:
        for item in Inputs(descriptor, termination):
            match item:
                case Lines(block=block):
                    writer.take(block)
                case Pulse():
                    writer.tick()
                case Terminated():
                    writer.stop()
                    return True
            if writer.failed:
                break
        writer.finish()
        return termination.event.is_set()


@contextmanager
def writing(
    config: Mapping[str, Any], streams: tuple[DestinationStream, ...], stop: Event, emit: Emit
) -> Iterator[Writer]:
    """A writer with all that it needs; what it spooled is removed on every way out."""
    # Once `stop` is set, a request that waits for its turn is given up: `Stopped`.
    clock = Clock(sleep=partial(_sleep, stop))
    with (
        connected(config, parse_config, default_max_retries=MAX_RETRIES, clock=clock) as (client, settings),
        Spool(settings.dialect) as spool,
    ):
        waiting = Waiting(stop=stop, sleep=partial(_sleep_lightly, stop))
        lanes = Lanes(Importer(client, settings, spool, waiting), stop)
        writer = Writer(
            _stream_writers(client, settings, streams, spool), lanes, emit, send_states=not settings.dry_run
        )
        if settings.dry_run:
            logger.warning("This is a dry run: Pigment checks the files and stores nothing, and no state is sent.")
        yield writer


def _messages(lines: list[bytes]) -> Iterator[AirbyteMessage]:
    """The messages of the lines, which are taken away."""
    while lines:
        yield AirbyteMessageSerializer.load(orjson.loads(lines.pop(0)))


def _stream_writers(
    client: PigmentClient, settings: DestinationConfig, streams: tuple[DestinationStream, ...], spool: Spool
) -> dict[Any, StreamWriter]:
    """A writer for each stream; all targets are settled and all checks fetched before the first record is read."""
    known = _known_configurations(client, settings) if needs_names(streams, settings.targets) else None
    targets = settle_targets(streams, settings.targets, known)
    options = FileOptions(settings.dialect, settings.limits, Waiting().clock)
    by_id = {each.id: each for each in known or ()}
    items = DimensionItems(client)
    _warn_of_unused_checks(settings, streams)
    writers: dict[Any, StreamWriter] = {}
    for stream in streams:
        target = targets[stream.key]
        checks = make_checks(settings.dimension_checks, stream, by_id.get(target.configuration_id), items)
        kind = ReplacingWriter if stream.mode is WriteMode.REPLACE else StreamWriter
        writers[stream.key] = kind(stream, target, checks, spool, options)
        logger.info(
            "The %s goes to the import configuration %s (%s).", stream.subject, target.configuration_id, stream.mode
        )
    return writers


def _warn_of_unused_checks(settings: DestinationConfig, streams: tuple[DestinationStream, ...]) -> None:
    names = {stream.name.strip() for stream in streams}
    for check in settings.dimension_checks:
        if check.stream not in names:
            logger.warning('The dimension check for "%s" has no stream of that name in this sync.', check.stream)


def _known_configurations(client: PigmentClient, settings: DestinationConfig) -> list[ImportConfiguration] | None:
    if settings.application_id is None or not client.has_key_for(Purpose.METADATA):
        return None
    return client.list_import_configurations(settings.application_id)


def _sleep(stop: Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise Stopped


def _sleep_lightly(stop: Event, seconds: float) -> None:
    """Sleep, but wake when `stop` is set: the import that runs must be asked about before the process is killed."""
    if stop.is_set():
        time.sleep(seconds)
    else:
        stop.wait(seconds)
