"""The command line of both connectors: its arguments, the files that they name, and how a command ends that fails."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from urllib.parse import urlsplit

import orjson
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.connection import contains_key
from pigment_airbyte.failures import ConfigProblem, traced
from pigment_airbyte.form import IdKind, entered_text, id_in_address, unknown_properties
from pigment_airbyte.output import write_lines
from pigment_client.client import ClientOptions
from pigment_client.models import is_id

_COMMANDS = {
    "spec": "print the form that describes a configuration",
    "check": "test a configuration and the connection to Pigment",
    "discover": "list what can be read or written",
    "read": "read the streams of a configured catalog",
    "write": "write the messages of standard input",
}
_FILES = {"--config": "the configuration", "--catalog": "the configured catalog", "--state": "the state"}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. Run it with --help to see what it expects.\n")


def parse_arguments(connector: str, data_command: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The command, its files and `debug`; ends the process with a sentence where they make no sense.

    `data_command` is `read` or `write`. Only `read` takes a state.
    """
    parser = _Parser(prog=connector)
    parser.add_argument("--version", action="version", version=_with_version(connector))
    parser.add_argument("--debug", action="store_true", help="log details")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for command in ("spec", "check", "discover", data_command):
        added = commands.add_parser(command, help=_COMMANDS[command])
        given = {"spec": (), "read": ("--config", "--catalog", "--state"), "write": ("--config", "--catalog")}
        for name in given.get(command, ("--config",)):
            help_text = f"a JSON file with {_FILES[name]}"
            added.add_argument(name, required=name != "--state", help=help_text, metavar="FILE")
    # The platform may put it before or after the command.
    parsed = parser.parse_args([each for each in arguments if each != "--debug"])
    parsed.debug = "--debug" in arguments
    return parsed


def read_json_file(path: str, what: str, kind: type = dict) -> Any:
    """The content of a file that the command line names, such as the "configuration"; raises `ConfigProblem`."""
    try:
        content = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise ConfigProblem(f"The {what} file {path} does not exist: correct the path.") from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ConfigProblem(f"The {what} file {path} cannot be read ({reason}): check the file.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigProblem(f"The {what} file {path} is not JSON ({place}): correct the file.") from None
    except (UnicodeDecodeError, RecursionError):
        raise ConfigProblem(f"The {what} file {path} is not JSON: correct the file.") from None
    if not isinstance(content, kind):
        wanted = "object" if kind is dict else "list"
        raise ConfigProblem(f"The {what} file {path} must contain a JSON {wanted}: correct the file.")
    return content


def log_connector(logger: logging.Logger, connector: str, config: Mapping[str, Any]) -> None:
    """Log which connector in which version works on which application and host: the first line of a log."""
    entered = entered_text(config, "application_id")
    application = entered if is_id(entered) else id_in_address(entered, IdKind.APPLICATION)
    try:
        host = urlsplit(entered_text(config, "base_url") or ClientOptions().base_url).hostname or ""
    except ValueError:  # half an IPv6 address
        host = ""
    about = [_with_version(connector)]
    about += [f"application {application}"] if application else []
    about += [f"host {host}"] if host and not contains_key(host) else []
    logger.info("%s.", ", ".join(about))


def log_unknown_properties(logger: logging.Logger, config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Log one warning about the properties that the form does not know; they change nothing."""
    unknown = list(unknown_properties(config, schema))
    if unknown:
        logger.warning("%s Until then it changes nothing.", " ".join(unknown))


def _with_version(connector: str) -> str:
    try:
        return f"{connector} {version(f'airbyte-{connector}')}"
    except PackageNotFoundError:  # run from a folder that was copied
        return f"{connector} (unknown version)"


def report_uncaught_errors() -> None:
    """From now on an error that ends the process is one trace for the platform, and no traceback in the log."""
    sys.excepthook = _report


def _report(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("Interrupted.\n")
        return
    failure = error if isinstance(error, AirbyteTracedException) else traced(error)
    message = orjson.dumps(AirbyteMessageSerializer.dump(failure.as_airbyte_message()))
    write_lines(filter_secrets(message.decode()).encode() + b"\n")
