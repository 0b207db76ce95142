# Everything a contributor types. `make demo` and `make test` set themselves up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements.lock

.PHONY: setup lock

setup: $(VENV)/.ready

# uv is pinned in the lock like everything else; pip brings only uv itself, hash-checked.
$(VENV)/.ready: $(LOCK) shared/pyproject.toml source-pigment/pyproject.toml destination-pigment/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "Python 3.11, 3.12 or 3.13 is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/# via/p' $(LOCK) > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes $(LOCK)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e ./shared -e ./source-pigment -e ./destination-pigment
	@touch $@

lock:
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --no-emit-package pigment-connectors-shared --group dev shared/pyproject.toml source-pigment/pyproject.toml destination-pigment/pyproject.toml -o $(LOCK)
