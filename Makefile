# Two commands for a fresh machine: `make demo` and `make test`. Everything else is a part of them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CARGO_TERM_COLOR ?= auto
export OPENRTD_PEERS_PYTHON ?= $(CURDIR)/.venv/bin/python
# `cargo install` puts its programs here, on the PATH or not.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

DEMO_ARGS ?=
FUZZ_SECONDS ?= 10

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: demo
demo: ## set up, build and run the whole loop: plant, device and ISO side (q or Ctrl-C ends it)
	@scripts/setup.sh build
	cargo run --release --locked -p openrtd -- demo $(DEMO_ARGS)

.PHONY: test
test: ## set up and pass every check and test; real peers included
	@scripts/setup.sh test
	$(MAKE) --no-print-directory check
	cargo nextest run --workspace --locked
	cargo test --workspace --locked --doc --quiet
	$(MAKE) --no-print-directory fuzz-smoke

.PHONY: fuzz-smoke
fuzz-smoke: ## every fuzz target for FUZZ_SECONDS (10); skipped without nightly and cargo-fuzz
	scripts/fuzz.sh $(FUZZ_SECONDS)

.PHONY: check
check: ## formatting, lints, documentation, licences
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --locked --no-deps --quiet
	cargo deny --log-level error check licenses bans sources

.PHONY: advisories
advisories: ## known vulnerabilities among the dependencies; needs the public advisory database
	cargo deny check advisories

.PHONY: bench
bench: ## the DNP3 stack beside a floor without protocol: a table, docs/benches.md and proof/bench.json
	@scripts/setup.sh test
	scripts/proof.sh bench

.PHONY: proof
proof: ## the long proofs: `make proof ITEM=loop`; results go to proof/
	@scripts/setup.sh test
	scripts/proof.sh $(or $(ITEM),list)
