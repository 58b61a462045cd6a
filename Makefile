# make lab     read the book           make notebooks  execute the chapters again and clean them
# make test    run every test          make again      run every cell three times: the same output?
# make figures draw the figures again  make bench      timings, side by side
# make site    build the website       make test-oldest  the tests with the oldest of each library
# TORCH=cpu with any of them: the small PyTorch, without libraries for graphics cards
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
# The build of PyTorch: PyPI's, or with TORCH=cpu, TORCH=cu126, ... the one of that name in PyTorch's own
# index. TORCH_INDEX names another index, a mirror for instance.
TORCH ?=
TORCH_INDEX ?= $(if $(TORCH),https://download.pytorch.org/whl/$(TORCH))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# torch's threads should sleep while they wait for each other: spinning, they make training many
# times slower as soon as another program wants one of the cores. But the next task mostly comes
# within microseconds; to look out for it so long (GNU's OpenMP can) saves a quarter of a training.
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 3000

.PHONY: lab test test-oldest notebooks again figures bench site
.DEFAULT_GOAL := lab

# In a container one is often root, and Jupyter wants to be told that this is meant.
lab: $(VENV)/.installed
	$(BIN)/python -m lenet_book lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/00_start_here.ipynb

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n auto -q

# In an environment of its own. Nothing is compiled but the book: the lowest that has a wheel for this Python.
test-oldest: $(OLDEST)/.tested
	$(OLDEST)/bin/python -m pytest -n auto -q

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

# Both come from PyTorch's index alone: of two indexes pip takes the higher version, whichever has it.
# Then they satisfy requirements.txt, and stay. Each torchvision asks for the torch it was built for.
PAIR := "torch<3" torchvision
LARGE := Fetches 3.1 GB, nearly all for NVIDIA graphics cards; the small way: Ctrl-C, make lab TORCH=cpu

# Each mark is newer than what it was made from, so a second call installs nothing.
$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The book needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@[ "$(TORCH_INDEX)$$(uname -sm)" != "Linux x86_64" ] || [ -e $(VENV) ] || echo "$(LARGE)"
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet --index-url $(TORCH_INDEX) $(PAIR))
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

$(OLDEST)/.tested: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/python -m uv pip install --quiet --resolution lowest-direct --only-binary :all: \
		--no-binary lenet_book $(if $(TORCH),--torch-backend $(TORCH)) -r requirements.txt -e '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@
