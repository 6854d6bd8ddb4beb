# The everyday commands. Each installs what it needs (tests/env/install) and says what it does.

install := tests/env/install
not_built_yet := simulate faults fuzz bench image helm-test

.DEFAULT_GOAL := help
.PHONY: help demo test lint format sanitize clean $(not_built_yet)

help:
	@echo 'make demo       the service at work on a Kafka and a Redis of its own'
	@echo 'make test       build and run all tests'
	@echo 'make lint       all static checks'
	@echo 'make format     put C and Python into the form that lint asks for'
	@echo 'make sanitize   the tests under the address and undefined-behaviour sanitizers'
	@echo 'make clean      remove build/, installed jars and Python packages included'
	@echo 'not built yet:  $(not_built_yet)'

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

$(not_built_yet):
	@echo 'make $@ is not built yet' >&2
	@exit 1

clean:
	rm -rf build
