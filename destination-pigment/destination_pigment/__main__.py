"""The console entry."""

from __future__ import annotations

from pigment_airbyte.loading import loading_quickly


def main() -> None:
    """Load the connector, then run it with the arguments of the command line."""
    with loading_quickly():
        from destination_pigment.run import run  # noqa: PLC0415 - what it imports is what takes the time

    run()


if __name__ == "__main__":
    main()
