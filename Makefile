# The everyday commands. Each installs what it needs (tests/env/install) and says what it does.

install := tests/env/install
PREFIX ?= /usr/local
venv_python := build/venv/bin/python

SEEDS ?= 20000
FAULTS ?= --long
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test lint format sanitize simulate seeded faults fuzz bench helm-test image install deb clean

help:
	@echo 'make demo       the service at work on a Kafka and a Redis of its own'
	@echo 'make test       build and run all tests'
	@echo 'make lint       all static checks'
	@echo 'make format     put C and Python into the form that lint asks for'
	@echo 'make sanitize   the tests under the address and undefined-behaviour sanitizers'
	@echo 'make simulate   20,000 simulated schedules (SEEDS=n: so many; SEED=n: that one, traced)'
	@echo 'make seeded     each wrong variant of the code must be caught by the simulation'
	@echo 'make faults     the long fault campaign on real processes (FAULTS=--short: each kind once;'
	@echo '                FAULTS=--recovery: how long recovery takes with 500,000 state records)'
	@echo 'make fuzz       each fuzz target for a minute (SECONDS=n)'
	@echo 'make bench      throughput and cost beside a bare copy loop (BENCH="--runs 2 --quick")'
	@echo 'make helm-test  the Helm chart: values, templates and manifests, and its containers run'
	@echo '                (FULL=1: and the whole chart against a real kube-apiserver)'
	@echo 'make image      the container image, built without Docker, its tests run, and itself run'
	@echo 'make install    into PREFIX (/usr/local), under DESTDIR; with the systemd unit'
	@echo 'make deb        the Debian package, in build/release'
	@echo 'make clean      remove build/, installed jars and Python packages included'

demo:
	@$(install) build services
	@echo 'demo: building planlift'
	@cmake --preset release >/dev/null
	@cmake --build --preset release
	@tests/env/services.py run -- build/release/planlift demo

test:
	@$(install) build services test
	@tests/env/run-tests dev

sanitize:
	@$(install) build services test
	@tests/env/run-tests asan

lint:
	@$(install) build test lint
	@cmake --preset dev >/dev/null
	@tests/lint/run

format:
	@$(install) test lint
	@tests/lint/format

# What the next three run on.
define dev_build
@$(install) build services test
@cmake --preset dev >/dev/null
@cmake --build --preset dev -- --quiet
endef

simulate:
	$(dev_build)
	@$(venv_python) tests/sim/simulate.py --binary build/dev/tests/sim/planlift_sim \
	    $(if $(SEED),--seed $(SEED) --trace /dev/stderr,--seeds $(SEEDS))

seeded:
	$(dev_build)
	@$(venv_python) tests/seeded/seeded.py --build build/dev --runs 10

faults:
	$(dev_build)
	@$(venv_python) tests/faults/campaign.py $(FAULTS)

fuzz:
	@$(install) build test lint
	@tests/fuzz/run --seconds $(SECONDS)

bench:
	@$(install) build services test
	@cmake --preset bench >/dev/null
	@cmake --build --preset bench --target bench_tools -- --quiet
	@$(venv_python) tests/bench/bench.py $(BENCH)

helm-test:
	@$(install) build services test helm
	@cmake --preset dev >/dev/null
	@cmake --build --preset dev --target planlift -- --quiet
	@PYTHONPATH=tests:tests/env:tests/system PYTHONDONTWRITEBYTECODE=1 \
	    $(venv_python) -m pytest -q --durations=5 tests/helm
ifneq ($(FULL),)
	@$(install) cluster
	@tests/cluster/build
	@PYTHONPATH=tests:tests/env:tests/system $(venv_python) -m pytest -q tests/cluster
endif

image:
	@$(install) services test helm image
	@tests/image/build
	@PYTHONPATH=tests:tests/env:tests/system PYTHONDONTWRITEBYTECODE=1 \
	    $(venv_python) -m pytest -q tests/image

# DESTDIR, of the command line or the environment, reaches cmake by itself.
install:
	@$(install) build
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build --preset release --target planlift -- --quiet
	@cmake --install build/release --strip

deb:
	@$(install) build test
	@cmake --preset release >/dev/null
	@cmake --build --preset release -- --quiet
	@cd build/release && cpack

clean:
	rm -rf build
