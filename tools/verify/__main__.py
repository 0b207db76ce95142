"""Compare what the connectors assume of Pigment with a real workspace: `make verify CONFIG=secrets.json`."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from verify.audit_probes import AUDIT_PROBES
from verify.config import ConfigurationProblem, read_config
from verify.csv_probes import CSV_PROBES
from verify.error_probes import ERROR_PROBES, LIMIT_PROBES
from verify.export_probes import EXPORT_PROBES
from verify.import_probes import IMPORT_PROBES
from verify.list_probes import LIST_PROBES
from verify.metadata_probes import METADATA_PROBES
from verify.metric_probes import METRIC_PROBES
from verify.observer import Observer
from verify.probe import Circumstances, Verdict, as_markdown, as_table, run, summary
from verify.scope_probes import SCOPE_PROBES
from verify.start_probes import START_PROBES
from verify.workspace import Workspace

PROBES = (
    *METADATA_PROBES,
    *EXPORT_PROBES,
    *CSV_PROBES,
    *ERROR_PROBES,
    *AUDIT_PROBES,
    *LIST_PROBES,
    *SCOPE_PROBES,
    *METRIC_PROBES,
    *IMPORT_PROBES,
    *START_PROBES,
    *LIMIT_PROBES,
)


def main() -> int:
    """Run all probes; 0 when nothing is different, 1 when something is, 2 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument("config", type=Path, help="the configuration of the source, with verify_import where wanted")
    parser.add_argument("--report", type=Path, default=Path("verify-report.md"), help="where the report goes")
    arguments = parser.parse_args()
    try:
        config = read_config(arguments.config)
    except ConfigurationProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    observer = Observer(config.base_url)
    workspace = Workspace(observer, config)
    began = time.monotonic()
    findings = run(PROBES, workspace)
    day = datetime.now(UTC).date().isoformat()
    seconds = time.monotonic() - began
    circumstances = Circumstances(day, version("pigment-connectors-shared"), observer.requests_made, seconds)
    arguments.report.write_text(as_markdown(findings, circumstances), encoding="utf-8")
    sys.stdout.write(f"{as_table(findings)}\n\n{summary(findings, circumstances)}\n")
    sys.stdout.write(f"The report is in {arguments.report}; it contains no keys, IDs, names or cells.\n")
    return int(any(finding.verdict is Verdict.DIFFERENT for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
