# Every target makes the environment that it needs (.venv) and is quick when it stands already.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# TORCH=cpu takes the CPU build, TORCH=default the build of the package index; auto asks which can be reached.
TORCH ?= auto
CPU_INDEX := https://download.pytorch.org/whl/cpu
RUST_SOURCES := $(wildcard rust_modules/src/*.rs rust_modules/src/*/*.rs rust_modules/python/*/*) rust_modules/Cargo.toml rust_modules/pyproject.toml
DEMO_RUN := demo
RUNS := outputs/sota_training
export ASTROBIO_STORE ?= $(CURDIR)/outputs/store

COMMA := ,
install = if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --python $(BIN)/python $(1); \
  else $(BIN)/python -m pip install --quiet --disable-pip-version-check $(1); fi

.PHONY: help env demo test lint bench docs clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

env: $(VENV)/.ready  ## the environment, in .venv

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || \
	  { echo "Python 3.11 or later is needed: https://www.python.org/downloads/"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || echo "uv is not available; pip is used"

$(VENV)/.native: $(VENV)/bin/python $(RUST_SOURCES)
	@command -v cargo > /dev/null || { echo "Rust is needed to build rust_modules: https://rustup.rs"; exit 1; }
	@$(call install,'maturin>=1.7')
	cd rust_modules && ../$(BIN)/maturin build --release --quiet --interpreter ../$(BIN)/python --out target/wheels
	@$(call install,--no-deps --force-reinstall $$(ls -t rust_modules/target/wheels/*.whl | head -1))
	@touch $@

$(VENV)/.ready: $(VENV)/.native pyproject.toml
	@command -v cc > /dev/null || { echo "A C compiler is needed to build VPLanet: install gcc or clang"; exit 1; }
	@index=""; if [ "$(TORCH)" = cpu ] || { [ "$(TORCH)" = auto ] && ! command -v nvidia-smi > /dev/null && \
	  $(BIN)/python -c "import urllib.request; urllib.request.urlopen('$(CPU_INDEX)/torch/', timeout=4)" 2> /dev/null; }; \
	  then $(call install,torch --index-url $(CPU_INDEX)); fi
	@$(call install,-e '.[simulate$(COMMA)dev]')
	@touch $@

demo: env  ## data, training, evaluation and report in minutes
	$(BIN)/python training/enable_automatic_data_download.py planet_runs
	rm -rf $(RUNS)/$(DEMO_RUN) $(RUNS)/$(DEMO_RUN)-boxes
	$(BIN)/python train_unified_sota.py --model rebuilt_datacube_cnn --config configs/datacube_cnn_demo.yaml --run $(DEMO_RUN)
	$(BIN)/python train_unified_sota.py --model rebuilt_datacube_cnn --config configs/datacube_cnn_demo.yaml --split boxes \
	  --run $(DEMO_RUN)-boxes
	$(BIN)/astrobio evaluate $(RUNS)/$(DEMO_RUN) --companion $(RUNS)/$(DEMO_RUN)-boxes --fast
	$(BIN)/astrobio report $(RUNS)/$(DEMO_RUN)

test: env  ## all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: env  ## style, types, layers, and the crate
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd rust_modules && cargo clippy --quiet --all-targets -- -D warnings && cargo test --quiet --no-default-features

bench: env  ## what each stage costs
	$(BIN)/python benchmarks/stages.py

docs: env  ## the pages of docs/, into outputs/site
	@$(call install,-e '.[docs]')
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove the environment and build products; outputs stay
	rm -rf $(VENV) rust_modules/target .pytest_cache .ruff_cache .mypy_cache .hypothesis
