"""Loads the CDK in two thirds of the time: no doc strings of Airbyte's protocol, no garbage collection meanwhile.

serpyco_rs parses the source text of each class of the protocol for JSON schemas that are never asked for. Remove this
when that is fixed upstream (docs/dependencies.md). If serpyco_rs changes, loading takes as long as it takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module


@contextmanager
def loading_quickly() -> Iterator[None]:
    """Import the connector inside this context; the garbage collector never looks at what is loaded there."""
    gc.disable()
    replaced = []
    for name in ("serpyco_rs._describe", "serpyco_rs._json_schema._convert"):  # which read them, as of serpyco_rs 1.23
        with suppress(ImportError, AttributeError):
            module = import_module(name)
            replaced.append((module, module.get_attributes_doc))
            module.__dict__["get_attributes_doc"] = lambda *_, **__: {}
    try:
        yield
    finally:
        for module, reader in replaced:
            module.__dict__["get_attributes_doc"] = reader
        gc.freeze()
        gc.enable()
