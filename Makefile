# Everything a stranger needs: make demo, make test, make check.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Bytecode is kept: every test that starts a process would else compile the package again. Tests go
# out in the order of their folders, those that take longest first. Three at a time: on two cores two
# leave a sixth of their time unused, for tests wait for clocks, disks and other processes. Properties
# are held against the same examples every time, so that a run is red for what was changed; pytest by
# itself draws others.
TEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --no-loadscope-reorder --hypothesis-seed 0

.PHONY: setup demo test slow check format bench lock clean

setup: $(READY)

$(READY): locks/dev.txt pyproject.toml
	@echo "setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes locks/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/python examples/demo.py

test: $(READY)
	@$(TEST) -n 3 -m "not slow" --dist loadfile

slow: $(READY)
	@$(TEST) -n 2 -m slow --dist loadgroup --durations 0 --durations-min 1

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)
	@$(BIN)/python bench/deliver.py
	@$(BIN)/python bench/features.py
	@$(BIN)/python bench/online.py
	@$(BIN)/python bench/verdicts.py --peers
	@$(BIN)/python bench/serve.py --peers
	@$(BIN)/python bench/batch.py
	@$(BIN)/python bench/log.py
	@$(BIN)/python bench/start.py
	@$(BIN)/python bench/swap.py

LOCK := $(BIN)/uv pip compile --quiet --no-header --no-emit-index-url --no-annotate --generate-hashes

lock: $(READY)
	@$(LOCK) --upgrade pyproject.toml --group dev --extra lightgbm -o locks/dev.txt
	@$(LOCK) --constraint locks/dev.txt --group serve -o locks/serve.txt

clean:
	rm -rf .venv .demo
