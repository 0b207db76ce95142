"""The settings of an import configuration in Pigment that matter to the destination, and their fields in Airbyte.

Pigment's own screens cannot be copied, so `drawings` draws these settings, and says that it is a drawing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in Pigment, an example of its value, and what Airbyte's form needs for it; `ticked` is a tick box."""

    label: str
    value: str
    in_airbyte: str
    ticked: bool = False


TITLE = "Import settings of a list in Pigment"
NOTE = "A drawing of the settings, not a screenshot: names and places may differ in your Pigment."
SETTINGS = (
    Setting("Delimiter", "Comma", "must equal CSV format \u2192 Delimiter"),
    Setting("Decimal separator", "Dot", "must equal CSV format \u2192 Decimal separator"),
    Setting("Date format", "yyyy-MM-dd", "must equal CSV format \u2192 Dates"),
    Setting("Unique identifier", "Code", "a row with a known value is updated, not added"),
    Setting("Clear items prior to import", "", "on: tick Clears before import, or enter a Scope", ticked=True),
    Setting("Limit clearing to a scope", "Month", "must equal Scope; leave empty for the entire block"),
)
