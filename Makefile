# Every target sets up what it needs; nothing is installed outside .venv and the package cache.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS := $(shell echo $$(( $$(nproc) + 2 )))# two more than cores: half of a test is waiting
KUBERNETES := etcd kube-apiserver kube-controller-manager kubectl helm# what the operator's tests run against

.PHONY: help setup demo test test-operator test-cluster coverage test-faults bench fixed-days check format generate lock clean \
	cluster cluster-demo cluster-down cluster-images cluster-binaries

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(READY) ## Create the environment from the locked, hashed requirements

$(READY): requirements/lock.txt requirements/bootstrap.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV)

demo: $(READY) ## Live one KRX trading day (ARGS="--day 2025-03-10 --seed 7")
	@$(BIN)/jennie demo $(ARGS)

test: $(READY) ## Run every test that needs no Kubernetes (ARGS="-k exits")
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-operator: $(READY) ## Run the operator's tests against a real API server (Go; builds it once)
	@! command -v go >/dev/null || $(BIN)/python scripts/cluster/cluster.py binaries $(KUBERNETES) >/dev/null
	@$(BIN)/pytest tests/operator -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-cluster: $(READY) ## Run the scenarios on a real node of our own (root, Debian, Go; KEEP_CLUSTER=1 keeps it)
	@$(BIN)/pytest tests/cluster $(ARGS)

coverage: $(READY) ## Demand 95 % of domain/ and strategy/ from their own tests
	@$(BIN)/pytest tests/unit/domain tests/unit/strategy tests/contract/test_*_contracts.py -q \
		--cov=prime_jennie.domain --cov=prime_jennie.strategy --cov-report=term:skip-covered --cov-fail-under=95

test-faults: $(READY) ## The long proofs: kills in market hours, of the operator among its writes, and repeated days
	@$(BIN)/pytest tests/faults $(ARGS)

bench: $(READY) ## Measure the operator on a control plane of its own (Go; ten minutes; ARGS="--strategies 100")
	@! command -v go >/dev/null || $(BIN)/python scripts/cluster/cluster.py binaries $(KUBERNETES) >/dev/null
	@$(BIN)/python -m benchmarks $(ARGS)

fixed-days: $(READY) ## Live the fixed days of README's table (JENNIE_DATA=DIR; two hours)
	@$(BIN)/python scripts/fixed_days.py $(ARGS)

cluster: $(READY) ## Bring up a Kubernetes: kind where Docker runs, else a node of our own (KUBECONFIG_CURRENT=1: yours)
	@$(BIN)/python scripts/cluster/cluster.py up $(ARGS)

cluster-demo: $(READY) ## Live a day in pods: chart, strategy and schedules on that cluster (ARGS="--day 2025-03-10")
	@$(BIN)/python scripts/cluster/cluster.py demo $(ARGS)

cluster-down: $(READY) ## End and remove everything that `make cluster` made
	@$(BIN)/python scripts/cluster/cluster.py down

cluster-images: $(READY) ## Build the images that changed and give them to the cluster
	@$(BIN)/python scripts/cluster/cluster.py images $(ARGS)

cluster-binaries: $(READY) ## Build a Kubernetes node's programs (Go; once a version)
	@$(BIN)/python scripts/cluster/cluster.py binaries $(ARGS)

check: $(READY) ## Lint, types, import directions, generated files, secrets
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config .importlinter
	@$(BIN)/python -m prime_jennie_operator.generate --check
	@$(BIN)/python -m prime_jennie.infra.calendar.generate --check
	@$(BIN)/python scripts/check_secrets.py

format: $(READY) ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

generate: $(READY) ## Rewrite the generated files (CRDs, their reference, session table)
	@$(BIN)/python -m prime_jennie_operator.generate
	@$(BIN)/python -m prime_jennie.infra.calendar.generate

lock: $(READY) ## Renew the locked requirements (hashes, no addresses)
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements/lock.txt

clean: ## Remove the environment and everything a run wrote
	@rm -rf $(VENV) .jennie out
