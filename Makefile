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

.PHONY: proto
proto: install ## Generate the contracts' Python code from proto/
	@find services/tensorfleet -path '*/v1/*_pb2*' -delete
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I proto \
		--python_out=services --mypy_out=quiet:services $(PROTOS)
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I proto \
		--grpc_python_out=services --mypy_grpc_out=quiet,generate_concrete_servicer_stubs:services $(filter %_service.proto,$(PROTOS))
