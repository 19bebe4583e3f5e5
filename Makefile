# Everything a contributor or a CI needs. `make help` lists the targets.

GO      ?= go
BUF     := tools/dev/buf
CACHE   := .cache
SKIPPED := $(CURDIR)/$(CACHE)/skipped

# Packages of the runtime that are modules of their own, so that nobody else's dependencies grow by theirs.
OWN_MODULES := runtime/kafka/msk runtime/encrypt/awskms runtime/encrypt/gcpkms runtime/encrypt/vault

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all
all: check-generate lint test ## what must pass before a change is merged

.PHONY: demo
demo: ## run the main job on the embedded stack: schema to traced conversation
	@$(GO) run ./cmd/trestle demo

.PHONY: dev
dev: ## run the embedded stack until ctrl-C
	@$(GO) run ./cmd/trestle dev

.PHONY: build
build: ## build bin/trestle
	$(GO) build -trimpath -o bin/trestle ./cmd/trestle

# The demo's copy of the schemas, for those who run it outside of a project.
DEMO := cmd/trestle/demo/omninode.binpb

# Where the command and what programs import have to build; what is for one processor alone is nowhere in them.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: platforms
platforms: ## build and vet the command and the runtime for PLATFORMS (default: Linux, macOS and Windows on amd64 and arm64)
	@for p in $(PLATFORMS); do echo "$$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./cmd/trestle/... ./runtime/... || exit 1; \
	GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/trestle || exit 1; done

.PHONY: release
release: ## make archives, checksums, bills of materials and notes of VERSION in dist/
	cd tools/release && $(GO) run . -version "$(VERSION)" -out ../../dist

.PHONY: generate
generate: ## write gen/ from schemas/, and docs/dependencies.md from what is linked
	$(GO) run ./cmd/trestle generate
	$(GO) run ./cmd/trestle build -o $(DEMO)
	cd tools/release && $(GO) run ./dependencies

.PHONY: check-generate
check-generate: ## fail when gen/ is not what schemas/ says, or docs/dependencies.md not what is linked under licences that are allowed
	$(GO) run ./cmd/trestle generate --check
	$(GO) run ./cmd/trestle build -o - | cmp - $(DEMO)
	cd tools/release && $(GO) run ./dependencies -check

.PHONY: test
test: prefetch ## all tests, the real services included where they can be had
	@mkdir -p $(CACHE) && rm -f $(SKIPPED)
	TRESTLE_SKIPPED=$(SKIPPED) $(GO) test -count=1 -race -timeout 15m ./runtime/... ./cmd/trestle/dev/...
	TRESTLE_SKIPPED=$(SKIPPED) $(GO) test -count=1 -timeout 25m ./cmd/trestle/... ./compat/... ./tools/... ./gen/... ./migrations/...
	cd tools/bench && $(GO) test .
	cd tools/release && $(GO) test ./...
	for m in $(OWN_MODULES); do (cd $$m && TRESTLE_SKIPPED=$(SKIPPED) $(GO) test -count=1 ./...) || exit 1; done
	cd tools/promtool && $(GO) test .
	@if [ -s $(SKIPPED) ]; then echo "not run:"; sort -u $(SKIPPED) | sed 's/^/  /'; else echo "everything ran, on real services too"; fi

.PHONY: unit
unit: ## the tests that need nothing but Go
	TRESTLE_REAL=off $(GO) test ./...

.PHONY: prefetch
prefetch: ## fetch the real services that tests run against; in CI, install what Debian has of them too
	@[ "$(CI)" != true ] || tools/dev/packages
	@$(GO) mod graph >/dev/null # tests build modules of their own from the cache alone
	@$(GO) run ./runtime/trestletest/services/prefetch

.PHONY: conformance
conformance: conformance-protovalidate conformance-jsonschema ## the generated validators against the official suites of protovalidate and JSON Schema

CASES := tools/protovalidate-conformance/testdata/cases

.PHONY: conformance-protovalidate
conformance-protovalidate:
	@mkdir -p $(CACHE)
	@$(GO) mod download -modfile=tools/dev/go.mod github.com/bufbuild/protovalidate
	$(GO) run ./tools/protovalidate-conformance/generate -out $(CASES) -prefix github.com/omninode/trestle/$(CASES) \
	  -schemas "$$($(GO) list -m -modfile=tools/dev/go.mod -f '{{.Dir}}' github.com/bufbuild/protovalidate)/proto/protovalidate-testing"
	$(GO) build -o $(CACHE)/protovalidate-conformance ./tools/protovalidate-conformance/testdata/executor
	@$(GO) list -m -modfile=tools/dev/go.mod -f 'all cases of {{.Path}} {{.Version}}, messages and kinds of errors too:' github.com/bufbuild/protovalidate/tools
	@$(GO) tool -modfile=tools/dev/go.mod protovalidate-conformance --strict_message --strict_error --timeout 1m $(CACHE)/protovalidate-conformance

# The JSON-Schema-Test-Suite is in the source of the Python package jsonschema.
SUITE := $(CACHE)/jsonschema-4.23.0/json
GROUPS := tools/jsonschema-conformance/testdata/cases

$(SUITE):
	@mkdir -p $(CACHE)
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest $(CACHE) jsonschema==4.23.0
	tar -xzf $(CACHE)/jsonschema-4.23.0.tar.gz -C $(CACHE)

.PHONY: conformance-jsonschema
conformance-jsonschema: $(SUITE)
	$(GO) run ./tools/jsonschema-conformance/generate -suite $(SUITE) -out $(GROUPS) -prefix github.com/omninode/trestle/$(GROUPS)
	$(GO) build -o $(CACHE)/jsonschema-conformance ./tools/jsonschema-conformance/testdata/executor
	$(CACHE)/jsonschema-conformance -suite $(SUITE)

.PHONY: fuzz
fuzz: ## fuzz every decoder and parser, FUZZTIME each (default 30s)
	@$(GO) list -f '{{$$dir := .Dir}}{{range .TestGoFiles}}{{$$dir}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$dir}}/{{.}} {{end}}' ./... | tr ' ' '\n' | sort -u \
	| xargs grep -Ho '^func Fuzz[A-Za-z0-9_]*' 2>/dev/null | sed 's/:func / /' \
	| while read -r file name; do echo "$$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(or $(FUZZTIME),30s) "$$(dirname $$file)" || exit 1; done

# A fifth of the evolutions is asked of the algebra itself, the rest of the checker. Schemas are short-lived garbage: a
# collector that waits for more of it leaves a quarter of the time.
EVOLUTIONS ?= 1000000

.PHONY: soundness
soundness: ## hold EVOLUTIONS (default 1000000) random evolutions of schemas against the checker's verdicts, from SEED (default: a fresh one)
	GOGC=800 $(GO) test ./tools/values -run '^TestSoundness$$' -count=1 -timeout 0 -v -evolutions $$(($(EVOLUTIONS) / 5)) -seed $(or $(SEED),0)
	GOGC=800 $(GO) test ./compat -run '^TestSoundness$$' -count=1 -timeout 0 -v -evolutions $$(($(EVOLUTIONS) / 5 * 4)) -seed $(or $(SEED),0)

.PHONY: chain
chain: ## have all judges, ours and others', say what they make of values of SCHEMAS (default 5000) random schemas, from SEED (default: a fresh one)
	$(GO) test ./tools/chain -run '^TestChain$$|^TestCovers$$' -count=1 -timeout 0 -v -schemas $(or $(SCHEMAS),5000) -pairs $(or $(SCHEMAS),5000) -seed $(or $(SEED),0)

.PHONY: encryption
encryption: prefetch ## encrypt and read EVENTS (default 1000000) random events, in Go and Python too, and erase one person of up to 10000 in as many
	TRESTLE_TEST_SEALED_EVENTS=$$(($(or $(EVENTS),1000000) / 2)) $(GO) test ./tools/gen/gentest -run '^TestSealedRoundTrip$$' -count=1 -timeout 0 -v
	TRESTLE_TEST_ERASURE=$(or $(EVENTS),1000000) $(GO) test ./cmd/trestle/integration -run '^TestErasure$$' -count=1 -timeout 0 -v
	TRESTLE_TEST_SEALED=$(or $(EVENTS),1000000) $(GO) test ./tools/gen/python -run '^TestSealedBetweenGoAndPython$$' -count=1 -timeout 0 -v

.PHONY: canaries
canaries: ## search all that is written of events for sensitive values, and of users for passwords, in ROUNDS (default 100) rounds, from SEED (default: a fresh one)
	$(GO) test ./cmd/trestle/integration -run '^TestCanar' -count=1 -timeout 0 -v -canary.rounds $(or $(ROUNDS),100) -canary.seed $(or $(SEED),0)

.PHONY: chaos
chaos: prefetch ## publish, relay, consume and replay EVENTS (default 1000000) while brokers, database, network and processes fail, and account for each, from SEED (default: a fresh one)
	$(GO) test -tags chaos ./runtime/trestletest/services/chaos -run '^TestChaosOnKafka$$' -count=1 -timeout 0 -v -events $(or $(EVENTS),1000000) -seed $(or $(SEED),0)

.PHONY: bench
bench: SHELL := bash
bench: .SHELLFLAGS := -o pipefail -c
bench: ## measure against the limits and peers, as ratios in one run
	cd tools/bench && $(GO) test -run TestRuntimeAllocations -bench . -timeout 60m . | awk -f readable.awk
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./runtime/... ./tools/... ./compat/... ./cmd/trestle ./cmd/trestle/dev/registry ./cmd/trestle/ops | awk -f tools/bench/readable.awk

.PHONY: lint
lint: lint-go lint-schemas ## everything that reads and changes nothing

.PHONY: lint-go
lint-go: ## gofmt, go.mod, vet, staticcheck, and the direction of imports
	@files=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$files" ]; then echo "not gofmt-clean, run make fix:"; echo "$$files"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet -tags chaos ./...
	cd tools/bench && $(GO) vet ./...
	cd tools/release && $(GO) vet ./...
	for m in $(OWN_MODULES); do (cd $$m && $(GO) vet ./...) || exit 1; done
	cd tools/promtool && $(GO) vet ./...
	$(GO) tool -modfile=tools/dev/go.mod staticcheck -tags chaos ./...
	$(GO) tool -modfile=tools/dev/go.mod depguard ./...

.PHONY: lint-schemas
lint-schemas: ## buf lint, format, build, breaking (AGAINST, default HEAD) and generate, and trestle lint
	$(BUF) lint
	$(BUF) format --diff --exit-code
	$(BUF) build -o /dev/null
	tools/dev/buf-breaking $(or $(AGAINST),HEAD)
	rm -rf $(CACHE)/generated && $(BUF) generate -o $(CACHE)/generated
	cd $(CACHE)/generated && find gen -name '*.go' | while read -r f; do diff -B -I '^// versions:' -I '^//\s*[-]* *proto' "$$f" "$(CURDIR)/$$f" || exit 1; done
	$(GO) run ./cmd/trestle lint

.PHONY: fix
fix: ## format Go and schemas
	git ls-files '*.go' | xargs gofmt -w
	$(BUF) format -w

.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what is linked, by the database at VULNDB (default: that of the Go project)
	$(GO) tool -modfile=tools/dev/go.mod govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...
	for m in $(OWN_MODULES); do (cd $$m && $(GO) tool -modfile=$(CURDIR)/tools/dev/go.mod govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...) || exit 1; done

.PHONY: vulncheck-if-reachable
vulncheck-if-reachable: # the vulnerability database is on the network; without it this says so and passes
	@mkdir -p $(CACHE)
	@if $(MAKE) -s vulncheck >$(CACHE)/vulncheck 2>&1; then cat $(CACHE)/vulncheck; \
	elif grep -qi 'fetching vulnerabilities\|dial tcp\|lookup\|forbidden\|connection' $(CACHE)/vulncheck; then \
	echo "govulncheck did not run: its database can't be reached ($(CACHE)/vulncheck says why); make vulncheck VULNDB=file:///… takes a copy of it"; \
	else cat $(CACHE)/vulncheck; exit 1; fi
