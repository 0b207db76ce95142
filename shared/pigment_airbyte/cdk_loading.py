"""Loads the CDK in half the time: no doc strings of its protocol, no garbage collection, and room for frames of calls.

serpyco_rs parses the source text of each class of the protocol for JSON schemas that are never asked for. CPython keeps
the frames of calls in pieces of 16 KB, and returns a piece to the kernel as soon as it contains no frame: a loop of
calls at the edge of a piece maps, clears and unmaps memory for each call. Remove each of these workarounds when it is
fixed upstream (docs/dependencies.md). If serpyco_rs or CPython changes, loading takes as long as it takes.
"""

import gc
from collections.abc import Callable, Iterator
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


# In slots of 8 bytes. A frame that does not fit into 16 KB gets a piece of the next power of two, here 256 KB, half of
# which is left for the frames of its calls. The half that this frame asks for is never used, so it takes no memory.
_FRAME_SLOTS = (128 << 10) // 8 + 16


def call_with_room(function: Callable[[], None]) -> None:
    """Call a function with room for the frames of its calls."""

    def call() -> None:
        function()

    call.__code__ = call.__code__.replace(co_stacksize=_FRAME_SLOTS)
    call()
