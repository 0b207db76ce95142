"""Set the version everywhere and move the changelog: `make release VERSION=0.2.0` begins with it."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from release.version import NotReleasable, current_version, set_version

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Set the version, or with `--check` say whether the files already have it."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the version is another one")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            _check(arguments.version)
        else:
            set_version(_ROOT, arguments.version, datetime.now(UTC).date().isoformat())
    except NotReleasable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def _check(version: str) -> None:
    found = current_version(_ROOT)
    if version.removeprefix("v") != found:
        raise NotReleasable(f"The tag says {version}, metadata.yaml says {found}.")


if __name__ == "__main__":
    sys.exit(main())
