# What each target does: make help. Only Go and make are needed for build, test, run and demo; the
# pages are in what is built when make pages came first, which takes Node 20.19 or later.
GOLANGCI     := v2.15.0
GOVULNCHECK  := v1.9.0
BUF          := cd proto && go tool -modfile=../internal/tools/go.mod buf
FUZZTIME     ?= 10s
# Packages whose goroutines share state; the rest runs on one.
RACE         ?= ./agent/... ./collector/... ./internal/e2e/...
# Tests of a package that take minutes take many on a slow machine.
PATIENCE     := -timeout 45m
# make run PORTS=17443,18443 takes other ports for the agents and the pages.
PORTS        ?=
UI           := collector/web/ui
# Where the agent spends its time on the example plant: the compiler spares calls there, about a tenth of a packet's cost.
PROFILE      := agent/pipeline/steady.pgo

.DEFAULT_GOAL := help
.PHONY: build pages with-pages test test-ui screenshots race lint fmt generate schema protocols check e2e fuzz bench profile cover demo run vuln clean help

build: ## both programs, static, into bin/
	CGO_ENABLED=0 go build -trimpath -pgo=$(PROFILE) -o bin/demarc-agent ./agent
	CGO_ENABLED=0 go build -trimpath -o bin/demarc-collector ./collector

pages: $(UI)/dist/index.html ## the pages, into collector/web/ui/dist, for the next build (needs Node 20.19 or later)

with-pages:
	@if node -e '[M, m] = process.versions.node.split("."); process.exit(M > 20 || (M == 20 && m >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null; then echo "Building the pages and both programs: some minutes the first time, seconds then."; $(MAKE) --no-print-directory -s pages; else echo "Node 20.19 or later is not here: the pages will only say how to build them; everything else works."; fi

$(UI)/dist/index.html: $(UI)/node_modules/.package-lock.json $(shell find $(UI)/src $(UI)/public $(UI)/index.html $(UI)/*.ts -type f)
	cd $(UI) && npm run --silent build -- --logLevel warn

$(UI)/node_modules/.package-lock.json: $(UI)/package-lock.json
	cd $(UI) && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error
	@touch $@

test: ## every test that needs Go alone; DEMARC_TEST=all demands the others too
	go test $(PATIENCE) ./...

test-ui: ## the pages in a browser, against the programs and the example plant (needs Node and Chromium)
	@node $(UI)/test/run.mjs

screenshots: pages build ## the pictures of every page, light and dark, into deploy/pages (needs Node and Chromium)
	@node $(UI)/test/screenshots.mjs

race: ## tests of what shares state, under the race detector (needs a C compiler)
	go test -race $(PATIENCE) $(RACE)

lint: bin/golangci-lint ## linters of Go and of the protobuf contract
	bin/golangci-lint run --allow-parallel-runners ./...
	$(BUF) lint && go tool -modfile=../internal/tools/go.mod buf format -d --exit-code

fmt: bin/golangci-lint ## format Go and protobuf
	bin/golangci-lint fmt ./...
	$(BUF) format -w

generate: protocols schema ## the Go code of proto/, the table of protocols, the schema of documents
	$(BUF) generate

schema: ## deploy/demarc.schema.json, for editors, from the types of the documents
	go test ./collector/boundary -run TestSchemaIsCommitted -update

protocols: ## deploy/protocols.md and the vocabulary of protocols, from the registry
	go test ./agent/dissect -run 'TestProtocolsDocument|TestNamesAreInTheVocabulary' -update

check: ## everything that continuous integration runs, in its order
	.ci/run

e2e: build ## agent and collector together, with every program and right the tests want
	DEMARC_TEST=all go test -count=1 $(PATIENCE) ./internal/e2e/...

fuzz: ## every fuzz target for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

bench: ## every benchmark, with allocations
	go test -run '^$$' -bench . -benchmem ./...

profile: ## agent/pipeline/steady.pgo, which build compiles the agent by, anew
	go test -trimpath ./agent/pipeline -run '^$$' -bench Steady -benchtime 4s -cpuprofile $(PROFILE) -o bin/steady.test

cover: ## statements covered, by function, the sum last
	@mkdir -p tmp
	go test -coverprofile=tmp/cover.out ./... && go tool cover -func=tmp/cover.out

demo: build bin/demo ## the example plant through both programs; passes only if exactly the planted faults are found
	@bin/demo -once

run: with-pages build bin/demo ## the same, and serve the page until interrupted
	@bin/demo $(if $(PORTS),-ports $(PORTS))

vuln: bin/govulncheck ## known vulnerabilities in what the programs call
	.ci/vuln

clean: ## remove what make made
	rm -rf bin tmp

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bin/demo
bin/demo:
	@go build -o $@ ./deploy/demo

bin/golangci-lint: Makefile
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	@touch $@

bin/govulncheck: Makefile
	GOBIN=$(CURDIR)/bin go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	@touch $@
