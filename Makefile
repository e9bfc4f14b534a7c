# Everything a newcomer needs: `make demo` and `make test`. Each sets up what it needs and is quick when nothing changed.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/stamps
VENDOR := static/vendor
# A run of the tests starts dozens of Pythons, none of which should compile everything again.
unexport PYTHONDONTWRITEBYTECODE
# The program itself, which needs no Node: npm brings the one for this system and this kind of processor.
BIOME = $$(ls -d node_modules/@biomejs/cli-*/biome* | head -n 1)

.PHONY: demo test check setup slow screenshots messages clean
.DEFAULT_GOAL := help

help:            ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

demo: setup      ## run Prefloop with a small world of its own at http://127.0.0.1:8000
	$(BIN)/prefloop demo

test: $(STAMPS)/dev $(VENDOR)/stamp $(STAMPS)/browser check  ## run checks and all quick tests
	$(BIN)/pytest -n 2 --dist loadgroup

check: $(STAMPS)/dev $(VENDOR)/stamp  ## format, lint, types, who may lean on whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet templates
	$(BIOME) check --error-on-warnings

setup: $(STAMPS)/run $(VENDOR)/stamp  ## virtual environment and front-end files

slow: $(STAMPS)/dev $(VENDOR)/stamp $(STAMPS)/browser  ## the tests that take minutes, and every property with new examples
	$(BIN)/pytest -m "slow or hypothesis" --hypothesis-profile=others

screenshots: $(STAMPS)/dev $(VENDOR)/stamp $(STAMPS)/browser  ## pictures of every page into build/screenshots, side by side in index.html
	$(BIN)/python -m scripts.take_screenshots

messages: $(STAMPS)/dev  ## collect the sentences to translate into app/translations
	$(BIN)/pybabel extract --mapping-file pyproject.toml --keyword mark --add-location file --sort-by-file \
	  --project Prefloop --output-file build/messages.pot .
	$(BIN)/pybabel update --input-file build/messages.pot --output-file app/translations/zh-Hans.po --locale zh_Hans \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 120

clean:           ## remove what setup made; data/ stays
	rm -rf .venv node_modules $(VENDOR)

$(BIN)/python:
	@echo "== making a virtual environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Prefloop needs Python 3.11 or newer; $$($(PYTHON) --version) is installed. Try: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(STAMPS)

$(STAMPS)/run: pyproject.toml | $(BIN)/python
	@echo "== installing Prefloop and its libraries (torch is the large one; some minutes the first time)"
	@mkdir -p $(STAMPS)
	$(BIN)/pip install --disable-pip-version-check --progress-bar on --editable .
	@touch $@

$(STAMPS)/dev: pyproject.toml $(STAMPS)/run
	@echo "== installing what the tests need"
	$(BIN)/pip install --disable-pip-version-check --progress-bar on --editable '.[dev]'
	@touch $@

$(VENDOR)/stamp: package.json package-lock.json scripts/front_end.sh | $(BIN)/python
	@bash scripts/front_end.sh $(BIN) $(VENDOR)
	@touch $@

$(STAMPS)/browser: scripts/browser.sh $(STAMPS)/dev
	@bash scripts/browser.sh $(BIN)
	@touch $@
