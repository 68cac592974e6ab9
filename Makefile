# popsync: what a person types. 'make demo' shows it working, 'make test' proves it.

PREFIX     ?= /usr/local
DESTDIR    ?=
SYSCONFDIR ?= /etc
FUZZTIME   ?= 60s

# The race detector needs a C compiler; without one the tests still run, and say so. In CI it must be there.
CC_FOUND := $(shell command -v "$$(go env CC)" 2>/dev/null)
RACE     := $(if $(CC_FOUND)$(CI),-race,)
# SQLite is C that was made Go: to check its every pointer, which -race adds, doubles the time of all tests, and to watch it
# as well doubles that again. 'make race' watches it, and CI has a step for that. ('make lint' vets.)
CHECKPTR  := -gcflags=modernc.org/...=-d=checkptr=0
TESTFLAGS := -vet=off $(if $(RACE),-race $(CHECKPTR) -gcflags=modernc.org/sqlite/lib=-race=false)

STATICCHECK := go tool -modfile=tools/go.mod staticcheck

.PHONY: all build demo test test-deps test-imap test-crash test-power test-soak race lint fuzz bench bench-deps bench-peers bench-turns install clean

all: build

build:
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/popsync ./cmd/popsync

demo: build
	bin/popsync demo

# Everything: unit tests, and the program against private mail servers on loopback.
test: test-deps
	@$(if $(RACE),,echo 'No C compiler found: testing without the race detector (Debian: apt-get install gcc libc6-dev)')
	$(if $(RACE),CGO_ENABLED=1 )go test $(TESTFLAGS) -shuffle=on ./...

test-deps:
	@tools/test-deps.sh

# Odd mail and answers that are lost at every octet, into all four IMAP servers of Debian. Needs root. 'make test' has Dovecot and
# Cyrus, and a sample. The table is in docs/reliability.md.
test-imap:
	@tools/test-deps.sh imap
	POPSYNC_TEST_IMAP=1 POPSYNC_LARGE=1 go test -count=1 -v -timeout=20m -run='^Test(Dovecot|Cyrus|Courier|Mailutils)' ./deliver/imap

# Cuts the power of machines that are made for it, and shows that the tests notice what would lose mail. Needs root.
# POPSYNC_LARGE=1 cuts at every step instead of a sample of them.
test-power:
	@tools/power-deps.sh
	go test -tags=power -count=1 -v -timeout=120m -run='^TestPower' ./cmd/popsync/acceptance

# Kills the program before each of its system calls that matter, or lets another user swap something in there (needs
# root), and shows with controls that losses, duplicates and misuse would be seen; ten minutes. 'make test' makes a sample of it. The table is in docs/reliability.md.
test-crash:
	go test -count=1 ./internal/crash
	POPSYNC_CRASH=1 go test -count=1 -v -timeout=30m -run='^TestCrash' ./cmd/popsync/acceptance

# Ten minutes of the daemon in the shipped unit's sandbox, fetching from a Dovecot that mail comes to, killed twenty
# times; then a minute with a build that must be noticed. Needs root. 'make test' makes 15 seconds and 3 kills of it.
test-soak: test-deps
	POPSYNC_SOAK=10m go test -count=1 -v -timeout=40m -run='^TestAcceptDaemonSoak' ./cmd/popsync/acceptance

# SQLite too under the race detector; RACE_OF='./uidl/...' for some packages.
RACE_OF ?= ./...
race: test-deps
	CGO_ENABLED=1 go test -vet=off -race $(CHECKPTR) -count=1 -shuffle=on $(RACE_OF)

lint:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then printf 'not formatted (gofmt -w):\n%s\n' "$$files"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...

# Every fuzz target of every package, one after another.
fuzz:
	FUZZTIME=$(FUZZTIME) tools/fuzz.sh

# popsync against an ideal client and the fetchers that are installed, on a quiet machine; writes docs/benchmarks.md.
# About an hour; BENCH=A,B for some scenarios, BENCH_QUICK=1 for a tenth of everything, neither of which writes the page.
# The other settings stand in bench/ratio/bench_test.go.
bench: build
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/floor ./bench/cmd/floor
	POPSYNC_BENCH=$(CURDIR)/bin/popsync POPSYNC_FLOOR=$(CURDIR)/bin/floor \
	BENCH_PAGE='$(if $(BENCH)$(BENCH_QUICK)$(BENCH_ONLY),,$(CURDIR)/docs/benchmarks.md)' \
		go test -tags=bench -count=1 -v -timeout=4h -run='^TestBench' ./bench/ratio

# How often a message that goes on to a distant mail server has to wait there and back; needs Postfix and root.
bench-turns: build test-deps
	POPSYNC_BENCH=$(CURDIR)/bin/popsync go test -tags=bench -count=1 -v -timeout=40m -run='^TestTurns' ./bench/ratio

# The fetchers that popsync is compared with, and strace, which counts syncs; for root, on Debian.
bench-deps: test-deps
	apt-get install -y --no-install-recommends mpop msmtp fdm fetchmail getmail6 strace

# popsync and other fetchers through the same kills and the same nasty mail; half an hour. The table is in
# docs/reliability.md.
bench-peers:
	@if [ "$$(id -u)" = 0 ] && ! { command -v fetchmail && command -v mpop && command -v getmail && command -v fdm; } >/dev/null; then \
		apt-get install -y --no-install-recommends fetchmail mpop getmail6 fdm; fi
	go test -tags=peers -count=1 -v -timeout=100m ./bench/peers

# For packages: make install DESTDIR=... PREFIX=/usr. The configuration is the administrator's: only its folder is made.
install: build
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/doc/popsync' \
		'$(DESTDIR)$(PREFIX)/lib/systemd/system' '$(DESTDIR)$(PREFIX)/lib/systemd/user' '$(DESTDIR)$(PREFIX)/lib/sysusers.d' \
		'$(DESTDIR)$(SYSCONFDIR)/popsync'
	install -m 0755 bin/popsync '$(DESTDIR)$(PREFIX)/bin/popsync'
	install -m 0644 docs/popsync.1 '$(DESTDIR)$(PREFIX)/share/man/man1/popsync.1'
	install -m 0644 docs/service.md config.example.toml '$(DESTDIR)$(PREFIX)/share/doc/popsync/'
	install -m 0644 systemd/*.service systemd/*.timer '$(DESTDIR)$(PREFIX)/lib/systemd/system/'
	install -m 0644 systemd/user/*.service systemd/*.timer '$(DESTDIR)$(PREFIX)/lib/systemd/user/'
	sed -i.orig 's|^ExecStart=/usr/bin/|ExecStart=$(PREFIX)/bin/|' '$(DESTDIR)$(PREFIX)'/lib/systemd/*/popsync*.service
	rm '$(DESTDIR)$(PREFIX)'/lib/systemd/*/popsync*.service.orig
	install -m 0644 systemd/sysusers.conf '$(DESTDIR)$(PREFIX)/lib/sysusers.d/popsync.conf'

clean:
	rm -rf bin dist
