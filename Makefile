# What a contributor runs; .ci/run calls the same.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/payment-platform-controller

# One target folder for all checkouts, so that a fresh clone builds only this project's own crates.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export RUSTC_WRAPPER ?= $(CURDIR)/tools/rustc-wrapper
# Two compilers at once: the SDK of EC2 alone takes several gigabytes.
JOBS ?= 2
DENY_VERSION := 0.20.2
CARGO_FLAGS := --workspace --locked -j $(JOBS)
CONTROLLER := $(CARGO_TARGET_DIR)/debug/payment-platform-controller
CHART := charts/payment-platform-controller
GENERATED := docs/adding-a-kind.md crds $(CHART)/crds $(CHART)/rbac docs/graphs docs/api.md docs/resources.md docs/iam-policy

.PHONY: help build demo bench bench-plan test test-full coverage unit scenarios scenario kind-test chart-test emulator-check generate lint fmt-check clippy generated deny

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

build: ## Build everything (the first time takes some minutes: the AWS SDK)
	@tools/check-prerequisites
	cargo build $(CARGO_FLAGS) --all-targets

demo: build ## Build a platform on an emulated AWS, break it, watch it being put right (KEEP=1 leaves it running)
	@$(CARGO_TARGET_DIR)/debug/demo

test: unit emulator-check chart-test scenarios ## Run all tests

bench: build ## Measure a release build: time, calls, CPU, memory (PLATFORMS=1,10 and PLATFORMS_IN_MEMORY=1000 set how many)
	cargo build --locked -j $(JOBS) --release -p payment-platform-controller --bins $(if $(PLATFORMS_IN_MEMORY),--example in-memory)
	@CONTROLLER_BINARY=$(CARGO_TARGET_DIR)/release/payment-platform-controller \
	  IN_MEMORY_BINARY=$(CARGO_TARGET_DIR)/release/examples/in-memory $(CARGO_TARGET_DIR)/debug/bench

bench-plan: ## Measure deciding alone, without AWS and Kubernetes, for 1, 100 and 1,000 platforms
	cargo bench --locked -j $(JOBS) -p payment-platform-controller --bench plan

unit: build ## Unit tests, in seconds
	cargo test $(CARGO_FLAGS) --lib --bins --test in_memory

scenarios: build ## Scenarios on a real API server and an emulated AWS
	cargo test $(CARGO_FLAGS) --test scenarios

kind-test: build ## The scenarios on a kind cluster (needs kind and a container engine)
	@command -v kind >/dev/null || { echo "kind is needed: https://kind.sigs.k8s.io"; exit 1; }
	kind create cluster --name payment-platform-test --config kind-config.yaml
	trap 'kind delete cluster --name payment-platform-test; rm -f "$$config"' EXIT; \
	  config=$$(mktemp) && kind get kubeconfig --name payment-platform-test > "$$config" && \
	  KUBECONFIG="$$config" cargo test $(CARGO_FLAGS) --test scenarios

test-full: test ## All tests, and those that take minutes: restarts by chance, a large account, an hour's passes at rest, AWS at a tenth of its pace, five hostile clouds
	FULL=1 cargo test $(CARGO_FLAGS) --test scenarios -- thirty_times
	FULL=1 cargo test $(CARGO_FLAGS) --test scenarios -- things_of_others_by_the_hundred
	FULL=1 cargo test $(CARGO_FLAGS) --test scenarios -- a_quiet_platform
	TIME_SCALE=0.1 cargo test $(CARGO_FLAGS) --test scenarios -- leaves_the_account_as_it_was
	for seed in 1 2 3 4 5; do SEED=$$seed cargo test $(CARGO_FLAGS) --test scenarios -- a_hostile_cloud || exit; done

coverage: ## Line coverage by the unit and engine tests (SHOW=show prints the lines)
	tools/coverage

scenario: build ## One scenario: make scenario NAME=deletion
	cargo test $(CARGO_FLAGS) --test scenarios -- $(NAME)

chart-test: build ## Check the Helm chart by a real Helm (UPDATE_GOLDEN=1 writes what it renders again)
	cargo test $(CARGO_FLAGS) --test chart

emulator-check: ## Check the AWS emulator's mends and rules with plain boto3
	@"$$(tests/aws/setup.sh)" tests/aws/check_mends.py

generate: build ## Write the generated files again
	$(CONTROLLER) crd > crds/paymentplatforms.yaml
	$(CONTROLLER) crd > $(CHART)/crds/paymentplatforms.yaml
	$(CONTROLLER) rbac watched > $(CHART)/rbac/watched.yaml
	$(CONTROLLER) rbac lease > $(CHART)/rbac/lease.yaml
	for part in network data application operations; do $(CONTROLLER) iam-policy $$part > docs/iam-policy/$$part.json; done
	for example in examples/*.yaml; do \
	  $(CONTROLLER) graph -f $$example -o text > docs/graphs/$$(basename $$example .yaml).txt; done
	for example in minimal mysql production ephemeral; do \
	  $(CONTROLLER) graph -f examples/$$example.yaml -o json > docs/graphs/$$example.json; done
	$(CARGO_TARGET_DIR)/debug/generate-docs

lint: fmt-check clippy generated deny ## All gates but the tests

fmt-check:
	cargo fmt --all --check

# Clippy as the compiler of the workspace's own crates: `cargo clippy` would check all dependencies a second time.
clippy:
	RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__ cargo build $(CARGO_FLAGS) --all-targets

generated: generate
	git diff --exit-code -- $(GENERATED)
	@new=$$(git ls-files --others --exclude-standard -- $(GENERATED)); \
	  test -z "$$new" || { echo "Generated and not committed: $$new"; exit 1; }

deny: ## Licences, bans and sources of the dependencies, offline
	@command -v "$(CACHE)/tools/bin/cargo-deny" >/dev/null || { echo "Installing cargo-deny (once, some minutes) ..."; \
	  RUSTC_WRAPPER= CARGO_TARGET_DIR="$(CACHE)/tools-target" cargo install --quiet --locked --root "$(CACHE)/tools" cargo-deny@$(DENY_VERSION); }
	cargo fetch --quiet --locked
	"$(CACHE)/tools/bin/cargo-deny" --offline --locked check --hide-inclusion-graph bans licenses sources
