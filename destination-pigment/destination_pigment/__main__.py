"""What the installed command runs: loads the connector quickly, then runs it (`run.py`)."""

from __future__ import annotations

from pigment_airbyte.cdk_loading import loading_quickly


def main() -> None:
    """Load the connector, then run it with the arguments of the command line."""
    with loading_quickly():
        from destination_pigment.run import run  # noqa: PLC0415 - what it imports is what takes the time

    run()


if __name__ == "__main__":
    main()
