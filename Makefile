# Every command for contributors. `make demo` and `make test` create the environment that they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
PROJECTS := shared/pyproject.toml source-pigment/pyproject.toml destination-pigment/pyproject.toml
PACKAGES := shared/pigment_client shared/pigment_csv shared/pigment_native shared/pigment_airbyte source-pigment/source_pigment \
	destination-pigment/destination_pigment testbench/local_pigment testbench/local_bucket testbench/airbyte_platform
# The conversions in C. Once the library is built, it is rebuilt when its source changes; `make demo` works without it.
LIBRARY := shared/pigment_native/librows.so
BUILT := $(wildcard $(LIBRARY))
NATIVE_TESTS := shared/pigment_native/tests destination-pigment/unit_tests/files/test_records_in_bulk.py \
	$(addprefix source-pigment/unit_tests/reading/test_,records.py conversion.py export_stream.py progress.py)
VERSION = $(shell sed -n 's/^version: //p' metadata.yaml)
# An image has the version only if its commit is released: until then it is named after the commit.
COMMIT := $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
TAG ?= $(if $(filter v$(VERSION),$(shell git tag --points-at HEAD 2>/dev/null)),$(if $(findstring dirty,$(COMMIT)),$(COMMIT),$(VERSION)),$(COMMIT))
# Where the source is, for the label of the images; GitHub's workflows know it.
SOURCE ?= $(if $(GITHUB_REPOSITORY),$(GITHUB_SERVER_URL)/$(GITHUB_REPOSITORY))
DOCKER ?= docker
MACHINE_SCHEDULES ?= 10000
FUZZ_SECONDS ?= 60
SYNC_SCHEDULES ?= 1000
# A variable that is set to nothing counts as not set.
override REGISTRY := $(or $(REGISTRY),airbyte)
CHECKS ?= test
comma := ,
# Half as many again as there are processors, because tests of whole processes mostly wait.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((3 * (os.cpu_count() or 1) + 1) // 2)')
PYTEST = $(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal
export PYTHONPATH := testbench:tools:integration_tests
# A proxy of the environment cannot reach this machine, where the local Pigment is.
export NO_PROXY := $(if $(NO_PROXY),$(NO_PROXY)$(comma))localhost,127.0.0.1,::1
export no_proxy := $(NO_PROXY)

.PHONY: help setup tag demo fake native sanitized fuzz planted test test-all test-long verify lint types imports unit lock bench metadata pictures images wheels release docs artifacts image-test e2e-pyairbyte soak clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ —/'

setup: $(VENV)/.ready  ## create the virtual environment (the other targets do this automatically)

# uv is pinned in the lock like everything else; pip installs only uv, with its hash checked.
$(VENV)/.ready: $(LOCK) $(PROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
		{ echo "Python 3.11, 3.12, 3.13 or 3.14 is required. If it has another name: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (once, about half a minute) …"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/# via/p' $(LOCK) > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes $(LOCK)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e ./shared -e ./source-pigment -e ./destination-pigment
	@touch $@

demo: setup $(BUILT)  ## run a whole sync against a local Pigment, as Airbyte would
	@echo "A whole sync against a local Pigment, about half a minute."
	@$(BIN)/python -m interruptible demo

fake: setup $(BUILT)  ## start the local Pigment and write what you need to run both connectors by hand
	@$(BIN)/python -m interruptible demo.playground $(ARGS)

test: setup lint types imports unit  ## run lint, types, import rules, unit and integration tests, except the long tests

test-all: test test-long  ## run `make test` and the long tests, as CI does

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy $(PACKAGES) shared/hatch_build.py tools/demo tools/verify tools/release tools/benchmarks tools/documents \
		integration_tests/connectors.py integration_tests/contract.py

imports: setup
	$(BIN)/lint-imports --no-logo

unit: setup $(LIBRARY)
	$(PYTEST) -m "not long" $(ARGS)

test-long: setup $(LIBRARY)
	$(PYTEST) -m long $(ARGS)

native: $(LIBRARY)  ## build the conversions in C for this machine, with a pinned compiler (100 MB, downloaded once)

$(LIBRARY): shared/pigment_native/rows.c shared/pigment_native/build/__main__.py .venv-native/.ready
	@.venv-native/bin/python shared/pigment_native/build $@

sanitized: setup .venv-native/.ready  ## test the conversions in C with libraries that check every memory access
	@BIN=$(BIN) shared/pigment_native/build/sanitized.sh $(NATIVE_TESTS)

fuzz: setup .venv-native/.ready  ## fuzz the conversions in C for FUZZ_SECONDS=60 (FUZZ_SEED=…, ARGS="--only reading")
	@.venv-native/bin/python shared/pigment_native/build --counted build/fuzz/librows.so
	@$(BIN)/python -m pigment_native.fuzz --seconds $(FUZZ_SECONDS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED)) $(ARGS)

planted: setup .venv-native/.ready  ## plant some fifty faults in the conversions in C and show how soon the fuzzer finds each
	@$(BIN)/python -m pigment_native.fuzz.planted $(ARGS)

verify: setup $(BUILT)  ## check our assumptions about Pigment in a real workspace: make verify CONFIG=secrets.json
	@test -n "$(CONFIG)" || { echo "Which workspace? make verify CONFIG=secrets.json; docs/verify.md explains what the file contains."; exit 2; }
	@$(BIN)/python -m interruptible verify $(CONFIG) $(ARGS)

bench: setup $(LIBRARY) $(if $(findstring --peers,$(ARGS)),.venv-peers/.ready)  ## measure speed and memory against a plain connector and the lower bound
	@$(BIN)/python -m interruptible benchmarks $(ARGS)

.venv-peers/.ready: tools/benchmarks/peers.lock $(VENV)/.ready
	@echo "Setting up .venv-peers …"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-peers
	@VIRTUAL_ENV=.venv-peers $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

lock:  ## update requirements.lock and the other lock files
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--no-emit-package pigment-connectors-shared --group dev $(PROJECTS) -o $(LOCK)
	@for client in pyairbyte faker; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
			integration_tests/pyairbyte/$$client.in -o integration_tests/pyairbyte/$$client.lock || exit 1; \
	done
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 tools/release/tools.in -o tools/release/tools.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 tools/benchmarks/peers.in -o tools/benchmarks/peers.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 tools/documents/site.in -o tools/documents/site.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		shared/pigment_native/build/tools.in -o shared/pigment_native/build/tools.lock

metadata: setup  ## regenerate each connector's metadata.yaml and the field tables in docs/
	@$(BIN)/python -m documents.generated

docs: .venv-docs/.ready  ## build the docs as a site into build/site, and check their links
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict

.venv-docs/.ready: tools/documents/site.lock $(VENV)/.ready
	@echo "Setting up .venv-docs …"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-docs
	@VIRTUAL_ENV=.venv-docs $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

pictures: setup  ## redraw the worked examples in docs/, and photograph the forms (needs Chromium)
	@$(BIN)/python -m documents.drawings
	@$(BIN)/python -m documents.forms

tag:  ## print the tag of the images of this commit: the version if it is released, else the commit
	@echo $(TAG)

images:  ## build both images (REGISTRY=registry.example/acme names them, PUSH=1 pushes them, BASE_IMAGE=… replaces the base)
	$(if $(PUSH),$(if $(filter airbyte,$(REGISTRY)),$(error PUSH=1 needs the registry to push to: REGISTRY=registry.example/acme)))
	@for connector in source-pigment destination-pigment; do \
		$(DOCKER) build $(DOCKER_BUILD_FLAGS) -f Dockerfile --build-arg CONNECTOR=$$connector --build-arg VERSION=$(VERSION) \
			--build-arg TAG=$(TAG) --build-arg COMMIT=$(COMMIT) --build-arg SOURCE=$(SOURCE) \
			$(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
			-t $(REGISTRY)/$$connector:$(TAG) . || exit 1; \
		$(if $(PUSH),$(DOCKER) push $(REGISTRY)/$$connector:$(TAG) || exit 1;) \
	done

image-test: setup images  ## build both images and run them as the platform does, against the local Pigment
	DOCKER=$(DOCKER) TAG=$(TAG) $(BIN)/pytest integration_tests/check_images.py integration_tests/check_lean_images.py integration_tests/check_native_images.py $(ARGS)

wheels: setup .venv-native/.ready  ## build the wheels of the three packages into dist/ (the shared one for each platform, and a pure one)
	@$(BIN)/python -m release.wheels dist

release: setup  ## set VERSION=0.2.0, run the tests (CHECKS=test-all for more) and build everything into dist/
	@git diff --quiet HEAD || { echo "There are uncommitted changes: commit them first."; exit 1; }
	@$(BIN)/python -m release "$(VERSION)"
	@$(MAKE) --no-print-directory metadata $(CHECKS)
	@$(MAKE) --no-print-directory artifacts TAG=$(VERSION)
	@! [ -s dist/not-done.txt ] || { echo "Not ready: see above what was not done."; exit 1; }
	@echo "Ready. Look at git diff and dist/, then: git commit -am 'Release $(VERSION)' && git tag v$(VERSION) && git push --tags origin HEAD"

artifacts: setup .venv-release/.ready  ## build wheels, images, bill of materials and audit of the current version into dist/ (PUSH=1: images to REGISTRY)
	@rm -rf dist
	@$(MAKE) --no-print-directory wheels
	@DOCKER=$(DOCKER) PUSH=$(PUSH) BASE_IMAGE=$(BASE_IMAGE) COMMIT=$(COMMIT) SOURCE=$(SOURCE) tools/release/images.sh $(VERSION) $(TAG) $(REGISTRY)
	@BIN=$(BIN) TOOLS=.venv-release/bin tools/release/bill-of-materials.sh
	@ls -1 dist | grep -v not-done.txt
	@! [ -s dist/not-done.txt ] || { echo "Not done:"; sed 's/^/  /' dist/not-done.txt; }

.venv-release/.ready: tools/release/tools.lock $(VENV)/.ready
	@echo "Setting up .venv-release …"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-release
	@VIRTUAL_ENV=.venv-release $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

.venv-native/.ready: shared/pigment_native/build/tools.lock | $(VENV)/.ready
	@echo "Setting up .venv-native (a C compiler, 100 MB) …"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-native
	@VIRTUAL_ENV=.venv-native $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

# PyAirbyte and a source from PyPI are other people's clients: each has its own environment.
.venv-%/.ready: integration_tests/pyairbyte/%.lock $(VENV)/.ready
	@echo "Setting up .venv-$* …"
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-$*
	@VIRTUAL_ENV=.venv-$* $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

e2e-pyairbyte: setup $(BUILT) .venv-pyairbyte/.ready .venv-faker/.ready  ## test both connectors with PyAirbyte as the client
	PYAIRBYTE=.venv-pyairbyte FAKER=.venv-faker $(BIN)/pytest integration_tests/check_pyairbyte.py $(ARGS)

soak: setup $(LIBRARY)  ## test for lost or doubled rows: 10,000 state machine schedules, 1,000 end to end, 50 kills (FIRST_SEED=…)
	SCHEDULES=$(MACHINE_SCHEDULES) $(BIN)/pytest --timeout=14400 destination-pigment/unit_tests/test_sync_machine.py
	SCHEDULES=$(SYNC_SCHEDULES) $(BIN)/pytest -n 4 --timeout=900 integration_tests/test_fault_schedules.py
	SOURCE_SCHEDULES=$(SYNC_SCHEDULES) $(BIN)/pytest -n 4 --timeout=900 integration_tests/test_source_schedules.py
	KILLS=50 $(BIN)/pytest integration_tests/test_source_slices.py -k kill

clean:  ## remove everything that the other targets created
	rm -rf $(VENV) .venv-pyairbyte .venv-faker .venv-release .venv-native .venv-docs $(LIBRARY) build dist */build */.tmp .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache local-pigment
