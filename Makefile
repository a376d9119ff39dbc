# Each target makes the environment it needs; the second call starts at once.
SHELL := /bin/sh
PYTHON ?= python3
LAB := .venv/bin/ormlab
BIN := .venv/bin

.PHONY: help demo test check bench lock clean

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.venv/.lab: requirements/lab.txt requirements/uv.txt pyproject.toml bootstrap.py
	@$(PYTHON) bootstrap.py lab

.venv/.dev: requirements/dev.txt requirements/uv.txt pyproject.toml bootstrap.py
	@$(PYTHON) bootstrap.py dev

check: .venv/.dev  ## lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: .venv/.dev  ## the whole test suite
	@$(BIN)/pytest

clean:  ## remove the environment and the lab's state; bundles stay
	rm -rf .venv .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
