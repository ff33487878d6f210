# Everything starts here: `make help`.

# Where Debian keeps ip, nft and sysctl, which is not on everybody's path.
export PATH := $(PATH):/usr/sbin:/sbin

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATIC := python/roomline/web/static
RUST := $(shell find crates vendor -name '*.rs' -o -name 'Cargo.toml' | grep -v /target/) Cargo.toml Cargo.lock
WEB := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

.DEFAULT_GOAL := help
.PHONY: help serve test lab soak bench bench-full lint fuzz dist format clean check-system check-test-system \
        test-rust test-python test-web test-browsers test-wheel test-hostile test-lab test-bench

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

serve: check-system $(VENV)/.engine $(STATIC)/.built ## Set up everything and run the server (ARGS="--host …")
	@$(BIN)/roomline serve $$($(BIN)/python tools/dev_flag.py) $(ARGS)

test: check-test-system lint test-rust test-python test-web test-wheel test-hostile test-browsers test-lab test-bench ## Set up everything and run every test
	@echo "All tests passed."

lab: check-test-system $(VENV)/.engine $(STATIC)/.built target/release/roomline-link ## Every network of the lab (root): table and lab-report.json
	$(BIN)/python -m netlab $(ARGS)

soak: check-test-system $(VENV)/.engine target/release/roomline-link ## 20 participants who keep moving (root): does the server grow? (MINUTES=30)
	$(BIN)/python -m netlab.soak --minutes $(or $(MINUTES),30) $(ARGS)

# As it is shipped, with link-time optimization. What make builds otherwise is newer then, and stays.
BENCH := $(VENV)/.engine-dist target/release/roomline-load target/release/roomline-limit target/release/roomline-cost

bench: check-system $(BENCH) ## Roomline beside the peers: fan-out, relays, joins (root, 20 minutes; ARGS="--only …")
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench page

bench-full: check-system $(BENCH) ## Everything the benchmark has (root, hours); bench-full.log says how far it is
	$(BIN)/python -m bench --full $(ARGS) 2>&1 | tee bench-full.log
	$(BIN)/python -m bench --offload --only limit,fan-out $(ARGS) 2>&1 | tee -a bench-full.log
	$(BIN)/python -m bench page

lint: $(VENV)/.engine web/node_modules/.installed ## Formatting, types, lints, dependency levels, generated files
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest roomline._engine
	$(BIN)/python tools/check_layers.py
	$(BIN)/python tools/generate_protocol.py --check
	cd web && npm run --silent check

format: $(VENV)/.installed ## Format Rust and Python
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: ## Fuzz every parser that is reachable before authentication (SECONDS=60 each)
	tools/fuzz.sh $(or $(SECONDS),60)

dist: check-system $(VENV)/.installed $(STATIC)/.built ## Build the wheel into dist/
	$(BIN)/maturin build --profile dist --out dist

test-rust:
	cargo test --workspace --quiet
	cargo test --manifest-path crates/dev/fuzz/Cargo.toml --target-dir target --quiet

test-python: $(VENV)/.engine $(STATIC)/.built
	$(BIN)/pytest tests/unit tests/integration tests/media tests/docs tests/examples

test-web: $(STATIC)/.built
	cd web && npm test

test-wheel: $(VENV)/.engine $(STATIC)/.built
	$(BIN)/pytest tests/wheel

test-hostile: $(VENV)/.engine $(STATIC)/.built
	$(BIN)/pytest tests/hostile

test-browsers: $(VENV)/.engine $(STATIC)/.built target/release/roomline-link
	$(BIN)/pytest tests/browsers

test-lab: $(VENV)/.engine $(STATIC)/.built target/release/roomline-link
	$(BIN)/pytest tests/lab
	$(BIN)/python -m netlab --quick

test-bench: $(VENV)/.engine target/release/roomline-load
	$(BIN)/pytest tests/bench

check-system:
	@tools/system.sh serve

check-test-system:
	@tools/system.sh test

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --group dev
	@touch $@

$(VENV)/.engine: $(VENV)/.installed $(RUST) pyproject.toml
	$(BIN)/maturin develop --release --quiet
	@touch $@

$(VENV)/.engine-dist: $(VENV)/.installed $(RUST) pyproject.toml
	$(BIN)/maturin develop --profile dist --quiet
	@touch $@ $(VENV)/.engine

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --silent --no-audit --no-fund
	@touch $@

$(STATIC)/.built: web/node_modules/.installed $(WEB)
	cd web && npm run --silent build
	@touch $@

target/release/roomline-link: $(RUST)
	cargo build --release --quiet -p roomline-link
	@touch $@

target/release/roomline-load: $(RUST)
	cargo build --release --quiet -p roomline-load
	@touch $@

target/release/roomline-limit: $(RUST)
	cargo build --release --quiet -p roomline-limit
	@touch $@

target/release/roomline-cost: $(RUST)
	cargo build --release --quiet -p roomline-cost
	@touch $@

clean: ## Remove everything that was built
	rm -rf target $(VENV) dist $(STATIC) web/node_modules web/*/dist
