# One short target per habit. `make` alone lists them.
CAPTURE ?= examples/lab.pcap
SECONDS ?= 60
PACKETS ?= 3000000
JOBS    ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
VENV    ?= .venv
TESTS   ?= tests

PY  = $(VENV)/bin/python
PIP = $(PY) -m pip -q --disable-pip-version-check install
C   = $(MAKE) --no-print-directory -j$(JOBS) -f tools/c.mk
MEMCHECK = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
THREADED = lifecycle interrupt flows count sources match split batches live
GRIND    = tests/test_interrupt.py tests/test_writing.py
# The folders stand here too: a removed file changes only them.
BUILD_FROM = setup.py pyproject.toml $(wildcard csrc csrc/* csrc/*/*.c csrc/*/*.h)
FORMATTED  = $(wildcard csrc/*/*.[ch] tests/c/*.[ch] tests/fuzz/*.[ch])

# The Python that builds and the C tests use one compiler.
export CC

.PHONY: help demo test soak test-c fuzz asan tsan asan-python tsan-python valgrind portable coverage bench docs lint format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(VENV)/.built ## build, then find the suspicious packets of a capture (CAPTURE=examples/lab.pcap)
	$(PY) examples/demo.py $(CAPTURE)

test: $(VENV)/.built $(VENV)/.test test-c ## all tests: C, Python, notebooks
	$(PY) -m pytest --durations=10 --nbmake --nbmake-timeout=600 tests $(wildcard notebooks)

soak: $(VENV)/.built $(VENV)/.test ## the Python tests with the whole corpus and those that take long (PCAPFRAME_CORPUS=folder)
	PCAPFRAME_FULL=1 $(PY) -m pytest --durations=10 -o faulthandler_timeout=3600 -m "soak or not soak" tests

test-c: ## the C tests, and a replay of the fuzz corpora
	@$(C) run

asan: ## test-c with the address and undefined behaviour sanitizers
	@$(C) run VARIANT=asan

tsan: ## test-c with the thread sanitizer
	@$(C) run VARIANT=tsan

asan-python: $(VENV)/.built $(VENV)/.test ## the Python tests with those sanitizers loaded (TESTS=tests/test_dns.py)
	sh tools/sanitize_py.sh address $(PY) $(TESTS)

# Children by fork of a process that had threads are more than this sanitizer takes: test_lifecycle's and test_interrupt's
# are left out. test_live runs under it too, where there are interfaces to be had; test_arrow's pyarrow reports its own.
tsan-python: $(VENV)/.built $(VENV)/.test ## the Python tests of threads with the thread sanitizer loaded
	sh tools/sanitize_py.sh thread $(PY) $(addprefix tests/test_,$(addsuffix .py,$(THREADED))) -k "not fork and not children"

valgrind: $(VENV)/.built $(VENV)/.test ## the C tests, and a Python pass, under valgrind
	@sh tools/system.sh need valgrind
	@RUN="$(MEMCHECK)" $(C) run
	PYTHONMALLOC=malloc $(MEMCHECK) --suppressions=tools/valgrind.supp $(PY) -m pytest -q -p no:cacheprovider -k "not fork" $(GRIND)

portable: ## the C tests with pointers of 32 bits, and on a big-endian machine under qemu, as far as the parts are there
	@sh tools/portable.sh $(C)

fuzz: ## libFuzzer on every target (SECONDS=60 for each)
	@sh tools/system.sh need clang
	@FUZZ_SECONDS=$(SECONDS) $(C) fuzz VARIANT=fuzz CC=clang

# A test that fails is for `make test` to tell; here is asked what was reached. By file: build/coverage/files.txt.
coverage: $(VENV)/.built $(VENV)/.test ## lines and branches of csrc/ that the C and Python tests reach, by rooms, against the goals
	$(PIP) --group coverage
	find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(C) run VARIANT=coverage
	PCAPFRAME_COVERAGE=1 $(PY) setup.py -q build -b build/coverage --build-lib build/coverage/lib
	-PYTHONPATH=build/coverage/lib $(PY) -m pytest -q tests
	$(PY) -m gcovr --filter csrc/ --txt build/coverage/files.txt --json build/coverage/lines.json \
		--json-summary build/coverage/rooms.json build/coverage
	@$(PY) tools/coverage.py build/coverage/rooms.json

bench: $(VENV)/.built $(VENV)/.test ## speed and memory against others, written to docs/performance*.md (PACKETS=3000000)
	$(PIP) --group bench
	$(PY) benchmarks/bench_ioc.py --packets $(PACKETS) --write
	$(PY) benchmarks/bench_tables.py --packets $(PACKETS) --write
	$(PY) benchmarks/bench_count.py --packets $(PACKETS)
	$(PY) benchmarks/bench_flows.py --packets $(PACKETS) --write
	$(PY) benchmarks/bench_score.py --packets $(PACKETS) --write
	$(PY) benchmarks/bench_ways.py --write
	$(PY) benchmarks/chart.py

docs: $(VENV)/.built $(VENV)/.test $(VENV)/.docs ## the pages, with every notebook run, in build/docs/html
	$(PY) -m sphinx -W --keep-going -q -b html docs build/docs/html
	@echo build/docs/html/index.html

lint: $(VENV)/.lint $(VENV)/.built ## formats, types, and the plain C rooms with -Wconversion
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(if $(FORMATTED),$(VENV)/bin/clang-format --dry-run --Werror $(FORMATTED))
	$(PY) -m mypy
	$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml pcapframe._core
	@$(C) strict
	@if command -v clang >/dev/null; then $(C) strict CC=clang; fi

format: $(VENV)/.lint ## put Python and C into the form that lint asks for
	$(PY) -m ruff check --fix
	$(PY) -m ruff format
	$(if $(FORMATTED),$(VENV)/bin/clang-format -i $(FORMATTED))

clean: ## remove what was built, and the virtual environment
	rm -rf build dist $(VENV) python/*.egg-info python/pcapframe/*.so

# PYTHON=... chooses the interpreter of the virtual environment; another one than last time makes it anew.
ifneq ($(PYTHON),)
ifneq ($(PYTHON),$(shell cat $(VENV)/.made 2>/dev/null))
.PHONY: $(VENV)/.made
endif
endif

$(VENV)/.made:
	python=$$(sh tools/system.sh python $(PYTHON)) && "$$python" -m venv --clear $(VENV)
	$(PIP) --upgrade pip "setuptools>=77" "numpy>=2.0"
	@echo "$(PYTHON)" >$@

# Editable: changes in python/ count at once, those in csrc/ build anew. No isolation: a rebuild needs no network.
$(VENV)/.built: $(VENV)/.made $(BUILD_FROM)
	@[ "$$PCAPFRAME_LIBPCAP" = 0 ] || sh tools/system.sh want libpcap
	$(PIP) --no-build-isolation -e .
	@touch $@

# The extra alone: asked for together with the package, pip would build that a second time.
EXTRA = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["$(1)"], sep="\n")
$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(PY) -c '$(call EXTRA,test)' | $(PIP) -r /dev/stdin
	@touch $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml
	$(PY) -c '$(call EXTRA,docs)' | $(PIP) -r /dev/stdin
	@touch $@

$(VENV)/.lint: $(VENV)/.made pyproject.toml
	$(PIP) --group lint
	@touch $@
