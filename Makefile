# TensorFleet. `make` alone prints what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# On machines where PyPI's default torch is the several-GB GPU build, take the CPU build with
#   make TORCH_INDEX=<the index URL of PyTorch's CPU wheels> demo
TORCH_INDEX ?=
PIP_TORCH := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

PROTOS = $(shell find proto/tensorfleet -name '*.proto' | sort)
SOURCES = services tests examples

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort -u | awk -F':.*## ' '{printf "  \033[36m%-14s\033[0m %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(PIP_TORCH) --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Make the virtual environment and install everything into it

# Generates into the folder $(1).
define generate
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I proto \
		--python_out=$(1) --mypy_out=quiet:$(1) $(PROTOS)
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I proto \
		--grpc_python_out=$(1) --mypy_grpc_out=quiet,generate_concrete_servicer_stubs:$(1) \
		$(filter %_service.proto,$(PROTOS))
endef

.PHONY: proto
proto: install ## Generate the contracts' Python code from proto/
	@find services/tensorfleet -path '*/v1/*_pb2*' -delete
	$(call generate,services)

.PHONY: format
format: install ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix --quiet $(SOURCES)
	$(BIN)/ruff format --quiet $(SOURCES)
	$(BIN)/buf format --write proto

.PHONY: check
check: install ## Lint, types, import rules, contracts, generated code (under a minute)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	@rm -rf build/proto-check && mkdir -p build/proto-check
	$(call generate,build/proto-check)
	@cd build/proto-check && find . -name '*_pb2*.py*' ! -path '*/__pycache__/*' | sort > ../proto-files && \
		(cd ../../services && find . -path '*/v1/*_pb2*.py*' ! -path '*/__pycache__/*' | sort) | \
		diff - ../proto-files && \
		while read -r file; do cmp "$$file" "../../services/$$file" || exit 1; done < ../proto-files || \
		{ echo 'generated code is not up to date: run `make proto` and commit'; exit 1; }

.PHONY: test
test: install ## Run every test, against real servers that it starts itself
	$(BIN)/python -m pytest

# Of `make chaos`: how long the random storm lasts, and where it begins.
CHAOS_SECONDS ?= 300
CHAOS_SEED ?= 1

.PHONY: chaos
chaos: install ## Break a fleet under load, for CHAOS_SECONDS from CHAOS_SEED on
	CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -s tests/chaos

.PHONY: simulation
simulation: install ## The scheduler with 10,000 simulated workers and 1,000,000 tasks
	$(BIN)/python -m tests.simulation

.PHONY: bench
bench: bench-start bench-dispatch bench-fleet bench-profile bench-loadtest ## Run every benchmark; results in build/bench/

.PHONY: bench-start
bench-start: install ## Start-up, first training step, idle memory and CPU, install size
	$(BIN)/python -m tests.bench.start

# gRPC's library says on every fork that there are other threads.
.PHONY: bench-dispatch
bench-dispatch: install ## Tasks and jobs per second, latencies, claims; beside Dramatiq
	GRPC_VERBOSITY=ERROR $(BIN)/python -m tests.bench.dispatch

.PHONY: bench-fleet
bench-fleet: install ## A hundred workers with a thousand jobs; live events, lost workers, cancels
	GRPC_VERBOSITY=ERROR $(BIN)/python -m tests.bench.fleet

.PHONY: bench-profile
bench-profile: install ## Whether profiles can be believed: pyperf, A/A and 5 %, complexity classes
	GRPC_VERBOSITY=ERROR $(BIN)/python -m tests.bench.profile

.PHONY: bench-loadtest
bench-loadtest: install ## Load tests beside wrk and Locust: rate, evenness, percentiles, searches, memory
	$(BIN)/python -m tests.bench.loadtest

.PHONY: demo
demo: install ## Start a fleet, train on real data, predict: the whole way, in a minute
	$(BIN)/tensorfleet demo

.PHONY: up
up: install ## Start the fleet on this machine and keep it running (Ctrl-C stops it)
	$(BIN)/tensorfleet up

.PHONY: down
down: install ## Stop the fleet on this machine
	$(BIN)/tensorfleet down

.PHONY: clean
clean: ## Remove the virtual environment and everything built
	rm -rf $(VENV) build dist services/tensorfleet.egg-info
