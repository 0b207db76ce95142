"""The installed command."""

from __future__ import annotations

from pigment_airbyte.cdk_loading import call_with_room, loading_quickly


def main() -> None:
    """Load the connector, then run it with the arguments of the command line."""
    call_with_room(_load_and_run)


def _load_and_run() -> None:
    with loading_quickly():
        from source_pigment.run import run  # noqa: PLC0415 - this import takes the time

    run()


if __name__ == "__main__":
    main()
