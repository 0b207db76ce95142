"""Puts the library of a platform into its wheel; without the two variables, the wheel is the pure one.

ROWS_LIBRARY is the library, compiled by `pigment_native/build`, and ROWS_PLATFORM the tag of its platforms. With the
pure wheel rows are converted one at a time. `make wheels` builds all of them.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RowsLibrary(BuildHookInterface[Any]):
    """Called by hatchling for each wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the library and the tag."""
        library = os.environ.get("ROWS_LIBRARY")
        if version == "editable" or not library:
            return
        build_data["force_include"][library] = "pigment_native/librows.so"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ['ROWS_PLATFORM']}"
