#!/usr/bin/env bash
# What each image installs, as a CycloneDX bill of materials, and whether any of it has a known vulnerability.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${BIN:-.venv/bin} tools=${TOOLS:-.venv-release/bin}
mkdir -p dist
for connector in source-pigment destination-pigment; do
    runtime=dist/$connector.requirements.txt
    "$bin/uv" pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
        --no-emit-package pigment-connectors-shared --constraints requirements.lock \
        shared/pyproject.toml "$connector/pyproject.toml" -o "$runtime"
    "$tools/cyclonedx-py" requirements "$runtime" --pyproject "$connector/pyproject.toml" --mc-type application \
        --output-reproducible --sv 1.6 --of JSON -o "dist/$connector.cdx.json" 2>/dev/null
    echo "sbom: dist/$connector.cdx.json"
    "$bin/python" -m release.audit "$tools/pip-audit" "$runtime"
done
