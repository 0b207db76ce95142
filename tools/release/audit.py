"""What pip-audit found, judged: an audit that could look nothing up is no audit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def judge(report: dict[str, Any]) -> tuple[bool, str]:
    """Whether the release may go on, and a sentence about the audit."""
    packages = report["dependencies"]
    audited = [each for each in packages if "skip_reason" not in each]
    vulnerable = [each for each in audited if each["vulns"]]
    if vulnerable:
        named = ", ".join(
            f"{each['name']} {each['version']} ({', '.join(found['id'] for found in each['vulns'])})"
            for each in vulnerable
        )
        return False, f"known vulnerabilities in {named}"
    if not audited:
        return True, "NOT DONE, the vulnerability data cannot be had here"
    if len(audited) < len(packages):
        return True, f"only {len(audited)} of {len(packages)} packages were known there; none has a known vulnerability"
    return True, f"{len(audited)} packages, none with a known vulnerability"


def main() -> int:
    """Audit one file of requirements with the pip-audit that is named first."""
    program, requirements = sys.argv[1], Path(sys.argv[2])
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    ended = subprocess.run(  # noqa: S603 - the program is our own environment's
        [program, "--requirement", str(requirements), *options], capture_output=True, text=True, check=False
    )
    try:
        may_go_on, sentence = judge(json.loads(ended.stdout))
    except ValueError:
        may_go_on, sentence = True, "NOT DONE, the vulnerability data cannot be had here"
    sys.stdout.write(f"audit: {requirements.name.removesuffix('.requirements.txt')}: {sentence}\n")
    return 0 if may_go_on else 1


if __name__ == "__main__":
    sys.exit(main())
