# Everything that a contributor types. The second run of anything is quick: stamps in .cache say what is done.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache/make
INSTALLED := $(CACHE)/installed
VLLM ?= .cache/vllm

.PHONY: help install engine engines browser runner vllm check test image demo docs lock clean

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 16

install: $(INSTALLED) ## make .venv and install the locked dependencies
$(INSTALLED): pyproject.toml requirements.lock requirements-dev.lock scripts/install.sh
	PYTHON="$(PYTHON)" scripts/install.sh "$(VENV)"
	@mkdir -p $(CACHE) && touch $@

engine: ## make sure that a Docker engine answers, installing one where that is possible
	@scripts/engine.sh

engines: ## make sure that the further engines that tests start are installed: Podman, gVisor, bubblewrap
	@scripts/engines.sh

browser: ## make sure that a Chromium is there for the tests of the report
	@scripts/browser.sh

runner: ## make sure that a runner of GitLab CI jobs is installed for the tests (220 MB, in .cache)
	@scripts/runner.sh .cache/runner

vllm: $(INSTALLED) ## make sure that a real vLLM server is installed for the live tests (CPU, 3.4 GB, in .cache)
	@PYTHON="$(PYTHON)" UV=$(BIN)/uv scripts/vllm.sh $(VLLM)

check: $(INSTALLED) ## lint, format, types and the quick tests, which need no engine
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	scripts/steady.sh -q -n 2 --dist worksteal -m 'not engine and not live and not thorough'

test: check engine engines browser runner vllm ## everything: check, the tests that need an engine, those that need the real vLLM server
	scripts/steady.sh -q -n 2 --dist worksteal -m '(engine or thorough) and not live'
	LIVE_VLLM=$(VLLM) scripts/steady.sh -q -m live

image: engine ## build the image of the action, tryline:local (IMAGE=..., BASE=... for others)
	@scripts/image.sh $(IMAGE)

demo: $(INSTALLED) ## review a sample repository made in demo/
	$(BIN)/python scripts/demo.py

docs: $(INSTALLED) ## write the generated parts of README and docs again
	$(BIN)/python scripts/docs.py

lock: $(INSTALLED) ## resolve the dependencies again, with hashes
	scripts/lock.sh $(BIN)/uv

clean: ## remove what the targets above made
	rm -rf $(CACHE) demo .mypy_cache .pytest_cache .ruff_cache
