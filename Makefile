# What each target needs is set up on first use, in build/. `make help` lists the targets.

PYTHON := build/venv/bin/python
TOOLS := build/venv/done build/micropython/done
# $(call option,NAME): --name value, when the variable NAME is set
option = $(if $($(1)),--$(shell echo $(1) | tr A-Z a-z) '$($(1))')

.PHONY: help setup run test lint docs bench image flash deploy clean
.NOTPARALLEL:

help:
	@echo 'make run [BOARDS= LIGHT= GROUP= CSMS= HEAP= WEB= BENCH= DATA= SPEED= CODE= SETTINGS= CONFIG= ROOTS=]  controllers on the virtual bench'
	@echo 'make test                                  lint, types and every test'
	@echo 'make lint                                  the first two of these'
	@echo 'make docs                                  docs/settings.md from the table of settings'
	@echo 'make bench [ONLY=figure,…]                 the figures, to build/bench.json'
	@echo 'make image [MICROPYTHON=….bin]             the file system for a board, or its whole flash'
	@echo 'make flash PORT=… MICROPYTHON=….bin        write the whole flash of a board'
	@echo 'make deploy PORT=…                         update the files on a board'
	@echo 'make setup                                 only fetch what these need into build/'
	@echo 'make clean                                 delete build/'

setup: $(TOOLS)
	@:

build/venv/done: tools/get_python_packages.sh requirements.txt requirements-indirect.txt requirements-typings.txt
	@tools/get_python_packages.sh

build/micropython/done: tools/get_micropython.sh
	@tools/get_micropython.sh

run: setup
	@exec $(PYTHON) -m sim.run $(foreach name,BOARDS LIGHT GROUP CSMS HEAP WEB BENCH DATA SPEED CODE SETTINGS CONFIG ROOTS,$(call option,$(name)))

# First what keeps the processors busy, the longest before all, then what needs them idle: stories on the bench and in the browser.
test: lint
	@tools/get_chromium.sh
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
		host_tests/test_ten_thousand_sessions.py host_tests \
		--ignore=host_tests/e2e --ignore=host_tests/browser; host=$$?; \
	$(PYTHON) -m pytest -q -n 3 --dist loadfile host_tests/e2e host_tests/browser; bench=$$?; \
	exit $$((bench | host))

lint: setup
	@$(PYTHON) -m ruff check
	@$(PYTHON) tools/check_layers.py
	@$(PYTHON) -m mypy sim tools
	@$(PYTHON) -m mypy --config-file tools/mypy-device.ini $(wildcard lib drivers web boot.py main.py)

docs: setup
	@$(PYTHON) tools/settings_doc.py

bench: setup
	@exec $(PYTHON) -m sim.bench $(call option,ONLY)

image: setup
	@$(PYTHON) tools/esp32_board.py image $(call option,ARCH) $(call option,MICROPYTHON)

flash: setup
	@$(PYTHON) tools/esp32_board.py flash $(call option,PORT) $(call option,MICROPYTHON)

deploy: setup
	@$(PYTHON) tools/esp32_board.py deploy $(call option,PORT) $(call option,ARCH)

clean:
	@rm -rf build
