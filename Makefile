# Works on a machine that has only python3 (3.11 or newer), make and git; what else is needed goes into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# A file's tests run in one worker; the order is that of tests/marking.py.
WORKERS ?= 2
PARALLEL := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
PYTEST := $(BIN)/python -m pytest $(PARALLEL)
# The tests that need no browser, server or network.
FAST := 'not browser and not server and not torture and not leaklab and not engines'
APT := env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

.PHONY: demo
demo: .venv/runtime ## Serve the demo shop on http://localhost:8000
	@$(BIN)/cookie-consent demo

.PHONY: test
test: lint chromium firefox webkit .venv/frameworks/made ## Check the code and run every test (some minutes)
	@$(PYTEST)

.PHONY: check
check: lint ## Check the code and run the tests that need no browser, server or network
	@$(PYTEST) -m $(FAST)

.PHONY: coverage
coverage: .venv/dev ## Run the tests of make check and fail if they cover less of the code than pyproject.toml asks for
	@$(PYTEST) -m $(FAST) --cov --cov-report=term --cov-report=xml

.PHONY: lowest newest
lowest: ## Run the tests of make check with the lowest version of each dependency that is allowed
newest: ## Run the tests of make check with the newest version of each dependency
lowest newest: .venv/made
	@$(PYTHON) -m venv --clear .venv/$@
	@.venv/$@/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1' packaging
	@if [ $@ = lowest ]; then .venv/lowest/bin/python -m tests.lowest; fi > .venv/$@.txt
	@.venv/$@/bin/python -m pip --disable-pip-version-check --quiet install --constraint .venv/$@.txt --editable '.[standard]' --group test
	@.venv/$@/bin/python -m pytest $(PARALLEL) -m $(FAST)

.PHONY: leaklab
leaklab: .venv/dev node_modules/installed chromium ## Print what pages that misbehave give away, with and without each gate
	@$(BIN)/python -m tests.leaklab --check

.PHONY: realapps
realapps: .venv/dev chromium .venv/realapps/made ## Use applications that others wrote, bare and behind the middleware, and print what works
	@$(BIN)/python -m tests.realapps

.PHONY: torture
torture: .venv/dev ## Kill servers again and again, and take their store away for a minute (some minutes)
	@$(BIN)/python -m pytest -m torture

.PHONY: browsers
browsers: .venv/dev node_modules/installed chromium firefox webkit ## Run the journey and the tables of pages in Chromium, Firefox and WebKitGTK
	@$(BIN)/python -m pytest -m browser tests/engines

.PHONY: spelling
spelling: .venv/spelling/made ## Check the spelling of the texts in the languages that Debian has dictionaries of
	@$(BIN)/python -m tests.spelling

MINUTES ?= 5
SEED ?= 1
.PHONY: fuzz
fuzz: .venv/dev chromium ## Search for pages that the gate does not hold, MINUTES=5 for each parser
	@for parser in lexbor html5lib chromium; do $(BIN)/python -m tests.fuzz --minutes $(MINUTES) --parser $$parser --seed $(SEED); done

.PHONY: pictures
pictures: .venv/dev chromium .venv/fonts/made ## Take the pictures of the banner for the documentation again
	@$(BIN)/python -m tests.pictures --fonts .venv/fonts

# Not with --quiet, under which --strict sees no warnings. The variable keeps the theme from advertising its successor.
SITE := said=$$(NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict 2>&1) || { echo "$$said" >&2; exit 1; }
.PHONY: docs
docs: .venv/dev ## Build the documentation into site/; a link that leads nowhere fails
	@$(SITE)

.PHONY: lint
lint: .venv/dev node_modules/installed ## Check format, style, types, the JavaScript and the documentation's links
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/biome ci --colors=off --log-level=warn .
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/tsc --project tests/js
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.minify --check
	@$(BIN)/python -m tests.compile_registry --check
	@$(BIN)/python -m tests.cldr --check
	@found=$$($(BIN)/zizmor --offline --quiet --no-progress .github 2>&1) || { echo "$$found"; exit 1; }
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/ci/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec examples/container/compose.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(SITE)

.PHONY: format
format: .venv/dev node_modules/installed ## Bring all files into the project's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet . || true
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/biome check --write --log-level=warn .

.PHONY: assets
assets: .venv/dev node_modules/installed ## Minify scripts and styles, compile the registry, and make the data of the languages, after changes
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.minify
	@$(BIN)/python -m tests.compile_registry
	@$(BIN)/python -m tests.cldr

.PHONY: build
build: .venv/dev ## Make the wheel and the source archive in dist/
	@$(BIN)/python -m build --no-isolation --outdir dist .

.PHONY: release
release: .venv/release ## Build wheel and source archive, check all that a release needs, and say what to do next
	@$(BIN)/python -m tests.release

# What an installation with all extras consists of, in the versions that were tested.
EXTRAS = $(shell $(BIN)/python -c 'import tomllib; print(",".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]))')
.PHONY: sbom
sbom: .venv/release ## Write the SBOM (CycloneDX) of the package and its dependencies to dist/
	@$(PYTHON) -m venv --clear --without-pip .venv/sbom
	@$(PIP) --python .venv/sbom/bin/python install --constraint constraints.txt '.[$(EXTRAS)]'
	@mkdir -p dist
	@version=$$($(BIN)/python -c 'import cookie_consent; print(cookie_consent.__version__)'); \
	  sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml > .venv/sbom.toml; \
	  SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/cyclonedx-py environment --pyproject .venv/sbom.toml --mc-type library \
	    --output-reproducible --output-file "dist/cookie_consent-$$version.cdx.json" .venv/sbom/bin/python

.PHONY: clean
clean: ## Remove what was made here
	@rm -rf .venv node_modules dist site .coverage .coverage.* coverage.xml .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Debian keeps the part of Python that makes environments in a package of its own.
.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=" >&2; exit 2; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) update && $(APT) install -y --no-install-recommends python3-venv >/dev/null; \
	  else echo "install python3-venv first: apt-get install python3-venv" >&2; exit 2; fi; fi
	@$(PYTHON) -m venv .venv
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

.venv/runtime: .venv/made pyproject.toml constraints.txt
	@$(PIP) install --constraint constraints.txt --editable '.[standard]'
	@touch $@

.venv/dev: .venv/made pyproject.toml constraints.txt
	@$(PIP) install --constraint constraints.txt --editable '.[standard]' --group dev
	@touch $@ .venv/runtime

# Of its own: it brings uvloop and httptools, which the servers of the other tests would take.
.venv/frameworks/made: .venv/made pyproject.toml constraints.txt
	@$(PYTHON) -m venv --without-pip .venv/frameworks
	@$(PIP) --python .venv/frameworks/bin/python install --constraint constraints.txt --editable '.[standard]' --group frameworks
	@touch $@

# Without constraints: whether their newest versions work is the question.
.venv/realapps/made: .venv/dev pyproject.toml tests/realapps/package.json tests/realapps/package-lock.json
	@$(PYTHON) -m venv --without-pip .venv/realapps
	@$(PIP) --python .venv/realapps/bin/python install --editable '.[standard]' --group realapps
	@cp tests/realapps/package.json tests/realapps/package-lock.json .venv/realapps
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix .venv/realapps --ignore-scripts --silent --no-audit --no-fund
	@touch $@

# Unpacked here and not installed, which needs no root and leaves the system as it is.
.venv/spelling/made: .venv/dev tests/spelling.py
	@command -v apt-get >/dev/null || { echo "the dictionaries are Debian's: make spelling needs apt-get" >&2; exit 2; }
	@if [ "$$(id -u)" = 0 ]; then $(APT) update; fi
	@mkdir -p .venv/spelling/packages
	@packages=$$($(BIN)/python -m tests.spelling --packages); cd .venv/spelling/packages; \
	  $(APT) -o APT::Sandbox::User=root download $$packages
	@for package in .venv/spelling/packages/*.deb; do dpkg-deb --extract "$$package" .venv/spelling; done
	@touch $@

# For pictures alone, and so not installed: with other fonts the tests would measure other words.
.venv/fonts/made:
	@command -v apt-get >/dev/null || { echo "needs the fonts of Debian's fonts-lohit-taml and fonts-wqy-microhei" >&2; exit 2; }
	@mkdir -p .venv/fonts
	@cd .venv/fonts && apt-get -qq -o APT::Sandbox::User=root download fonts-lohit-taml fonts-wqy-microhei
	@for package in .venv/fonts/*.deb; do dpkg-deb --extract "$$package" .venv/fonts; done
	@touch $@

.venv/release: .venv/made pyproject.toml constraints.txt
	@$(PIP) install --constraint constraints.txt --editable . --group release
	@touch $@

node_modules/installed: .venv/dev package.json package-lock.json
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

# The browser tests skip where there is no Chromium, and fail for that in CI.
# The leak lab sees pages that need no windows in the headless shell, where there is one: that takes less than half the time.
.PHONY: chromium
chromium:
	@if ! command -v chromium >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) update && $(APT) install -y --no-install-recommends chromium >/dev/null; \
	  else echo "no chromium here: the browser tests will be skipped (apt-get install chromium)" >&2; fi; fi
	@if ! command -v chromium-headless-shell >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(APT) install -y --no-install-recommends chromium-headless-shell >/dev/null 2>&1 || true; fi

.PHONY: firefox
firefox:
	@if ! command -v firefox-esr >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) update && $(APT) install -y --no-install-recommends firefox-esr >/dev/null; \
	  else echo "no firefox-esr here: the tests in Firefox will be skipped (apt-get install firefox-esr)" >&2; fi; fi

.PHONY: webkit
webkit:
	@if ! command -v WebKitWebDriver >/dev/null || ! command -v Xvfb >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    $(APT) update && $(APT) install -y --no-install-recommends webkit2gtk-driver xvfb >/dev/null; \
	  else echo "no WebKitWebDriver or Xvfb here: the tests in WebKit will be skipped (apt-get install webkit2gtk-driver xvfb)" >&2; fi; fi
