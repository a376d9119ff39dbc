# Each target makes the environment it needs; the second call starts at once.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# A command in the environment of its kind, whatever the caller's variables say.
CLEAN = $(BIN)/python -E -m host
UV = $(CLEAN) installer env UV_CACHE_DIR="$(UV_CACHE_DIR)" UV_PYTHON_DOWNLOADS=never .lab/uv/bin/uv
# Tests wait more than they compute, so two of them share two cores well. With more, tests that look
# at time find the machine too busy.
WORKERS ?= 2
# The environment in which the pytest plugin is tested.
PLUGIN := .lab/plugin

# uv, Ansible and XDG keep inside the checkout.
export UV_CACHE_DIR := $(CURDIR)/.lab/cache/uv
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON_INSTALL_DIR := $(CURDIR)/.lab/python
export ANSIBLE_HOME := $(CURDIR)/.lab/ansible

.PHONY: help demo place wrk test test-plugin test-quick test-fuzz test-evidence test-host test-metal test-action \
  check docs bench lock clean

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

demo: export ORMLAB_FETCH_PYTHON ?= 1
demo: place .venv/.lab  ## what the lab does, on this machine, in about four minutes
	@$(BIN)/ormlab demo

place:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "ormlab: there is no $(PYTHON): install Python 3.9 or newer" >&2; exit 7; }
	@$(PYTHON) -E bootstrap.py place

wrk: .venv/.lab  ## install wrk through the role loadgen (needs root, or sudo without a password)
	@$(CLEAN) ansible env ANSIBLE_HOME="$(ANSIBLE_HOME)" $(BIN)/ansible-playbook playbooks/loadgen.yml

test: .venv/.dev test-plugin  ## the whole test suite, but for test hosts and the evidence that git's history has
	@$(BIN)/pytest --ignore=tests/host --ignore=tests/metal --ignore=tests/evidence \
	  -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 40 --durations-min 5

test-plugin: $(PLUGIN)/.made  ## the pytest plugin: its wheel, where nothing of the lab is installed
	@cd pytest-ormlab && ../$(PLUGIN)/bin/pytest

# Whole folders, and the files of others, that need no database, host, browser or whole run.
QUICK = analysis bundle diff environment inventory plan test_scratch.py test_tree.py \
  $(addprefix claims/test_,arithmetic.py article.py ledger.py printed_figures.py table.py variants.py verdict.py) \
  $(addprefix doctor/test_,judgement.py noise.py readings.py) docs/test_docs.py explain/test_waterfall.py \
  $(addprefix fleet/test_,combined.py outcomes.py slurm.py text.py watch.py) \
  $(addprefix gates/test_,absent.py bundle.py floor.py gates.py) hostile/test_tables.py \
  $(addprefix load/test_,client_parts.py requests.py) \
  $(addprefix redaction/test_,evidence.py redactor.py) reproduce/test_parts.py resume/test_course.py \
  $(addprefix roles/test_,knobs.py specs.py) \
  $(addprefix stacks/test_,hostile_lock.py stack_files.py stack_interpreters.py stack_reasons.py) \
  $(addprefix published/test_,draft.py formats.py) \
  steadiness/test_steadiness.py $(addprefix verify/test_,judging.py levels.py mutations.py schemas.py)
test-quick: .venv/.dev  ## what needs no database, host, browser or whole run: about a minute
	@$(BIN)/pytest $(addprefix tests/,$(QUICK)) -n 2 --dist loadfile

test-fuzz: .venv/.dev  ## 5,000 requests from the OpenAPI description to every service; minutes
	@ORMLAB_FUZZ=5000 $(BIN)/pytest -rP tests/contract/test_differential.py -k description

test-evidence: .venv/.dev  ## the whole evidence judged anew, with what git's history has of it
	@$(BIN)/pytest tests/evidence

test-host: .venv/.dev  ## roles and runs on test hosts: Debian 13, as root; the first time makes it
	@$(BIN)/pytest tests/host

test-metal: .venv/.dev  ## tuning on a whole machine, played by QEMU: two L3 caches, SMT; minutes
	@$(BIN)/pytest tests/metal

test-action: .venv/.dev  ## pull requests measured by the action: minutes, on a quiet machine
	@ORMLAB_TEST_ACTION=1 $(BIN)/pytest tests/action

check: .venv/.dev  ## lint, types, import rules, roles
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@cd pytest-ormlab && ../$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/yamllint .
	@$(BIN)/zizmor --offline --quiet action.yml .github/workflows
	@$(BIN)/ansible-lint --offline -q

docs: .venv/.dev  ## write the pages of docs/ that are made from the code
	@$(BIN)/python -m docs.generate

bench: .venv/.dev  ## speed and memory as ratios, side by side in one run; writes .lab/bench.json
	@$(BIN)/python -m bench

COMPILE = $(UV) pip compile -q --upgrade --generate-hashes --no-header --no-annotate \
  --python $(BIN)/python
lock: .venv/.lab  ## resolve every requirement anew, hash-locked and without addresses
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/agent.in -o requirements/agent.txt
	$(COMPILE) requirements/lab.in -c requirements/agent.txt -o requirements/lab.txt
	$(COMPILE) requirements/dev.in -c requirements/lab.txt -o requirements/dev.txt
	$(COMPILE) requirements/roc-validator.in -o requirements/roc-validator.txt
	$(COMPILE) requirements/profilers.in -o requirements/profilers.txt
	$(COMPILE) requirements/act.in -o requirements/act.txt
	$(COMPILE) pytest-ormlab/requirements/dev.in -o pytest-ormlab/requirements/dev.txt
	$(BIN)/python -m workloads.stacks.lock --uv .lab/uv/bin/uv --cache "$(UV_CACHE_DIR)"

clean:  ## remove the environment and the lab's state; bundles stay
	rm -rf .venv .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	  pytest-ormlab/.mypy_cache pytest-ormlab/.pytest_cache

.venv/.lab: requirements/lab.txt requirements/uv.txt pyproject.toml bootstrap.py
	@$(PYTHON) -E bootstrap.py lab

.venv/.dev: requirements/dev.txt requirements/uv.txt pyproject.toml bootstrap.py
	@$(PYTHON) -E bootstrap.py dev

SHARED = $(wildcard pytest-ormlab/src/pytest_ormlab/*.py workloads/databases/postgresql/wire/*.py)
$(PLUGIN)/.made: pytest-ormlab/requirements/dev.txt pytest-ormlab/pyproject.toml $(SHARED) | .venv/.dev
	@$(UV) venv -q --clear --python $(BIN)/python $(PLUGIN)
	@$(UV) pip install -q --python $(PLUGIN)/bin/python --require-hashes -r $<
	@cd pytest-ormlab && ../$(PLUGIN)/bin/python -m hatchling build -t wheel -d ../$(PLUGIN)/dist
	@$(UV) pip install -q --python $(PLUGIN)/bin/python --no-deps --no-index $(PLUGIN)/dist/*.whl
	@touch $@
