"""What pip-audit found, judged: an audit that could look nothing up is no audit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Audit(NamedTuple):
    """Whether the release may go on, whether every package was looked up, and a sentence about both."""

    may_go_on: bool
    is_whole: bool
    sentence: str


NOT_DONE = Audit(True, False, "NOT DONE, the vulnerability data is not available here")


def judge(report: dict[str, Any]) -> Audit:
    """What the report of pip-audit means for a release."""
    packages = report["dependencies"]
    audited = [each for each in packages if "skip_reason" not in each]
    vulnerable = [each for each in audited if each["vulns"]]
    if vulnerable:
        named = ", ".join(
            f"{each['name']} {each['version']} ({', '.join(found['id'] for found in each['vulns'])})"
            for each in vulnerable
        )
        return Audit(False, True, f"known vulnerabilities in {named}")
    if not audited:
        return NOT_DONE
    if len(audited) < len(packages):
        known = f"only {len(audited)} of {len(packages)} packages were known there; none has a known vulnerability"
        return Audit(True, False, known)
    return Audit(True, True, f"{len(audited)} packages, none with a known vulnerability")


def main() -> int:
    """Audit one file of requirements with the pip-audit that is named first."""
    program, requirements = sys.argv[1], Path(sys.argv[2])
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    ended = subprocess.run(  # noqa: S603 - the program is our own environment's
        [program, "--requirement", str(requirements), *options], capture_output=True, text=True, check=False
    )
    try:
        audit = judge(json.loads(ended.stdout))
    except ValueError:
        audit = NOT_DONE
    line = f"audit: {requirements.name.removesuffix('.requirements.txt')}: {audit.sentence}\n"
    sys.stdout.write(line)
    if not audit.is_whole:
        # The release ends with what was not done.
        with requirements.with_name("not-done.txt").open("a", encoding="utf-8") as not_done:
            not_done.write(line)
    return 0 if audit.may_go_on else 1


if __name__ == "__main__":
    sys.exit(main())
