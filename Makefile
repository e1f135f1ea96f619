# Everything runs from here. It needs make and Python 3.11 or newer with pip: uv is installed into
# .tools, environments into .venvs, both from the hash-pinned locks in requirements/. By hand:
#     make test PYTHON=python3.13 DJANGO=6.0 ARGS="-x tests/test_rooms.py"

PYTHON ?= python3
version := $(shell $(PYTHON) -c 'import sys; v = sys.version_info[:2]; v < (3, 11) or print("%d.%d" % v)')
ifeq ($(version),)
$(error PYTHON=$(PYTHON) is not a Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12)
endif
# uv gets the full path: a bare name may be a shim that answers differently elsewhere.
python := $(shell $(PYTHON) -c 'import sys; print(sys.executable)')

# Django 6 asks for Python 3.12.
DJANGO ?= $(if $(filter 3.11,$(version)),5.2,6.1)
COV ?=
JOBS ?= auto
BENCH ?= measure queries cache fragments late_store later tally db
MINUTES ?= 1
CELL ?= sqlite-wal-embedded-locmem
C ?=
ARGS ?=

uv := .tools/bin/uv
env = .venvs/$(1)-$(version)
stamp = $(call env,$(1))/.stamp
run = $(call env,$(1))/bin/python
tests := django$(subst .,,$(DJANGO))

# C=1: with the compiled half, built beside the environments, which stay as they are without it.
compiled := .venvs/c-$(version)/built
c = $(if $(C),$(compiled)/.stamp)
ifneq ($(C),)
export PYTHONPATH := $(CURDIR)/$(compiled)$(if $(PYTHONPATH),:$(PYTHONPATH))
else
export UNHURRIED_PURE := 1
endif

export UV_PYTHON_DOWNLOADS := never
export PIP_ROOT_USER_ACTION := ignore
# Tests start hundreds of processes; without bytecode each of them compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-services matrix lint types docs bench soak clean

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(call stamp,demo)  ## the example site, seeded, served, under load, measured live (ONCE=1: then stop)
	$(call run,demo) example/demo.py

test: $(call stamp,$(tests)) $(c)  ## the embedded suite, no server, on the newest Django this Python allows (LONG=corpora, LONG=1: those, all; C=1: with the compiled half; COV=1: what it covers, for two minutes more)
	$(call run,$(tests)) -m pytest -n $(JOBS) -m "not services$(if $(C),, and not compiled)$(if $(LONG),, and not long)$(if $(filter 1,$(LONG)),, and not site)" --ignore tests/services $(if $(COV),--cov --cov-report=term-missing:skip-covered) --junitxml=.reports/test.xml $(ARGS)

test-services: $(call stamp,services)  ## corpora, and what needs real servers: installs, starts and requires them
	PYTHON="$(python)" scripts/install_servers.sh
	$(if $(ARGS),,$(call run,services) -m pytest -n $(JOBS) -m "(long or site) and not compiled" --ignore tests/services --junitxml=.reports/long.xml)
	$(if $(ARGS),,$(call run,services) -m pytest -n $(JOBS) --dist loadfile -m "services and busy" --junitxml=.reports/busy.xml)
	$(call run,services) -m pytest -m "services$(if $(ARGS),, and not busy)" --junitxml=.reports/services.xml $(ARGS)

matrix: .tools/.stamp  ## the embedded suite on Django x Python (MATRIX="3.11-5.2 3.13-6.1" for fewer)
	@MAKE="$(MAKE)" MATRIX="$(MATRIX)" scripts/matrix.sh

lint: $(call stamp,dev)  ## ruff: rules, then format
	$(call env,dev)/bin/ruff check .
	$(call env,dev)/bin/ruff format --check .

types: $(call stamp,dev)  ## mypy, strict, on the package
	$(call run,dev) -m mypy

docs: $(call stamp,dev)  ## the talk's page from the last tests, Sphinx into docs/_build; dead references fail
	$(call run,dev) docs/generate_talk.py $(if $(CI),--check)
	$(call run,dev) -m sphinx -n -W --keep-going -q docs docs/_build

bench: export PYTHONPATH := $(CURDIR)/$(compiled)
bench: $(call stamp,dev) $(if $(filter measure,$(BENCH)),$(compiled)/.stamp,$(c))  ## what it costs and finds, beside its peers (BENCH=later: one of measure, queries, cache, fragments, late_store, later, tally, db)
	@for room in $(BENCH); do $(call run,dev) benchmarks/$$room.py $(ARGS) || exit 1; done

soak: $(call stamp,services)  ## random interleavings against the cache (MINUTES=60 CELL=postgres-redis-redis), or KILLS=1000 of who defers and counts
	$(if $(KILLS),KILLS=$$(($(KILLS) / 8)) $(call run,services) -m pytest -s -n 0 tests/services/test_later_kills.py,$(call run,services) -m tests.cache.races.soak --minutes $(MINUTES) --cell $(CELL))
	$(if $(KILLS),KILLS=$(KILLS) $(call run,services) -m pytest -s -n 0 tests/services/test_tally_kills.py)

clean:  ## forget the environments and everything built
	rm -rf .tools .venvs .reports artefacts docs/_build dist c/build .coverage .coverage.* .*_cache .hypothesis

# pip --target does not replace what stands there, so the folder goes first.
.tools/.stamp: requirements/uv.txt
	rm -rf .tools
	"$(python)" -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --target .tools -r $<
	@touch $@

# One environment per lock and Python. uv_build is part of uv: installing ourselves downloads nothing.
.venvs/%-$(version)/.stamp: requirements/%.txt pyproject.toml .tools/.stamp
	$(uv) venv --quiet --clear --python "$(python)" $(@D)
	$(uv) pip sync --quiet --require-hashes --python $(@D) $<
	$(uv) pip install --quiet --no-deps --python $(@D) --editable .
	@touch $@

$(compiled)/.stamp: $(call stamp,c) $(wildcard c/*.c c/*.h) c/pyproject.toml
	rm -rf $(@D)
	scripts/install_compiler.sh
	$(uv) pip install --quiet --no-deps --no-build-isolation --python .venvs/c-$(version) --target $(@D) ./c
	@touch $@
