# make lab     read the book           make notebooks  execute the chapters again and clean them
# make test    run every test          make again      run every cell three times: the same output?
# make figures draw the figures again  make bench      timings, side by side
# make site    build the website
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# torch's threads should sleep while they wait for each other: spinning, they make training many
# times slower as soon as another program wants one of the cores. But the next task mostly comes
# within microseconds; to look out for it so long (GNU's OpenMP can) saves a quarter of a training.
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 3000

.PHONY: lab test notebooks again figures bench site
.DEFAULT_GOAL := lab

# In a container one is often root, and Jupyter wants to be told that this is meant.
lab: $(VENV)/.installed
	$(BIN)/python -m lenet_book lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/00_start_here.ipynb

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2 -q

notebooks: $(VENV)/.tested
	TQDM_DISABLE=1 $(BIN)/python .ci/execute_notebooks.py $(CHAPTER)

again: $(VENV)/.tested
	TQDM_DISABLE=1 $(BIN)/python .ci/execute_notebooks.py --again $(CHAPTER)

figures: $(VENV)/.installed
	$(BIN)/python -m lenet_book figures figures

bench: $(VENV)/.tested
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/training_bench.py
	$(BIN)/python tests/benchmarks/contention_bench.py
	$(BIN)/python tests/benchmarks/demos_bench.py

site: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going -d docs/_build/doctrees docs docs/_build/html
	@echo "The site begins at docs/_build/html/index.html"

# Each mark is newer than what it was made from, so a second call installs nothing.
$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The book needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@
