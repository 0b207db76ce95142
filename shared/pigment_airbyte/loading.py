"""Loads the CDK in half the time, for the console entries.

Most of what loading costs is avoidable. serpyco_rs reads and parses the source text of every class of Airbyte's
protocol, to put its attributes' doc strings into JSON schemas that nobody asks for; and the garbage collector looks
again and again at what is there to stay. Both should be mended upstream (docs/architecture.md); until then the doc
strings are left out and the collector waits, only while the CDK is loaded, and only where serpyco_rs still is as we
know it: otherwise loading takes the time it takes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


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
    try:
        describe: Any = import_module("serpyco_rs._describe")
        reads_doc_strings = vars(describe)["get_attributes_doc"]
    except (ImportError, KeyError):
        yield
        return
    describe.get_attributes_doc = lambda _class: {}
    try:
        yield
    finally:
        describe.get_attributes_doc = reads_doc_strings
