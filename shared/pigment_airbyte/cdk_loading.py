"""Loads the CDK in half the time, for the console entries.

Most of what loading costs is avoidable. serpyco_rs reads and parses the source text of every class of Airbyte's
protocol, to put its attributes' doc strings into JSON schemas that nobody asks for; and the garbage collector looks
again and again at what is there to stay. Both should be fixed upstream (docs/architecture.md); until then the doc
strings are left out and the collector waits, only while the CDK is loaded, and only where serpyco_rs still is as we
know it: otherwise loading takes the time it takes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

# Where serpyco_rs 1.23 reads them: when it looks at a class, and when it makes the class's JSON schema.
_READERS = ("serpyco_rs._describe", "serpyco_rs._json_schema._convert")
_READER = "get_attributes_doc"


@contextmanager
def loading_quickly() -> Iterator[None]:
    """Import the connector inside this context; what is loaded then stays out of the collector's sight."""
    gc.disable()
    try:
        with _without_doc_strings():
            yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _without_doc_strings() -> Iterator[None]:
    replaced = {module: vars(module)[_READER] for module in _modules() if _READER in vars(module)}
    for module in replaced:
        setattr(module, _READER, _no_doc_strings)
    try:
        yield
    finally:
        for module, reader in replaced.items():
            setattr(module, _READER, reader)


def _modules() -> Iterator[ModuleType]:
    for name in _READERS:
        with suppress(ImportError):
            yield import_module(name)


def _no_doc_strings(_class: type) -> dict[str, str]:
    return {}
