//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/crash"
)

// The tests named TestCrash kill the built program before each of its system calls that matter, or make one fail, let
// it run again, and compare Maildir, server and ledger. 'make test-crash' makes every point; otherwise it is a sample.

func everyPoint() bool { return os.Getenv("POPSYNC_CRASH") != "" }

// sampled is how many points apart a sample is, and inSample are the scenarios that it looks at.
const sampled = 29

var inSample = []string{"delete", "migration of the first schema", "recovery, one of three renamed", "recovery, of damaged bytes", "never, and killed"}

// thinned makes a sample of scenarios unless every point is wanted.
func thinned(all []crashScenario) (some []crashScenario) {
	if everyPoint() {
		return all
	}
	for _, sc := range all {
		if slices.Contains(inSample, sc.name) {
			sc.stride, sc.must, sc.plain = sampled, nil, 1
			if sc.counts != nil {
				sc.stride = 4
			}
			some = append(some, sc)
		}
	}
	return some
}

func crashScenarios() []crashScenario {
	reader := (*crashWorld).reader
	again := func(name string, before ...crashStop) crashScenario {
		return crashScenario{name: "recovery, " + name, policy: "after-delivery", before: before,
			must: append(slices.Clone(protocolSteps), stepRecovery, stepDele)}
	}
	read := again("with a reader", crashStop{stepDirectory, "", 2})
	read.prepare, read.between, read.varies = reader, reader, true
	damaged := again("of damaged bytes", crashStop{stepRename, "", 1})
	damaged.prepare = (*crashWorld).damage
	damaged.must = append(damaged.must, stepDiscard)
	return []crashScenario{
		{name: "keep", policy: "never", must: append(slices.Clone(protocolSteps), stepCreate, stepQuit)},
		{name: "delete", policy: "after-delivery", must: append(slices.Clone(protocolSteps), stepDele, stepDeleted)},
		{name: "keep, with a reader", policy: "never", between: reader, must: append(slices.Clone(protocolSteps), stepQuit)},
		{name: "delete, with a reader", policy: "after-delivery", between: reader, must: append(slices.Clone(protocolSteps), stepDele)},
		{name: "two accounts, one Maildir", policy: "after-delivery", users: 2, stride: 2, must: append(slices.Clone(protocolSteps), stepDele)},
		{name: "batches of 16, by syncfs", policy: "after-delivery", batch: 16, disk: true, stride: 5, counts: inBatches,
			must: []string{stepStage, stepBarrier, stepPublishing, stepRename, stepDirectory, stepSettled, stepDele}},
		again("nothing renamed", crashStop{stepRename, "", 1}),
		again("one of three renamed", crashStop{stepRename, "", 5}),
		again("all renamed, not synced", crashStop{stepDirectory, "", 2}),
		again("settled commit begun", crashStop{stepSettled, "pwrite64", 2}),
		again("killed in recovery before", crashStop{stepRename, "", 5}, crashStop{stepRecovery, "rename", 2}),
		read,
		damaged,
		{name: "migration", policy: "after-delivery", older: true, control: migrating, before: []crashStop{{stepRename, "", 2}},
			must: append(slices.Clone(protocolSteps), stepMigration, stepRecovery, stepDele)},
		{name: "migration, keep", policy: "never", older: true, control: migrating, before: []crashStop{{stepSettled, "pwrite64", 2}},
			must: append(slices.Clone(protocolSteps), stepMigration, stepRecovery, stepQuit)},
		{name: "migration of the first schema", policy: "after-delivery", older: true, first: true, before: []crashStop{{stepRename, "", 2}},
			must: append(slices.Clone(protocolSteps), stepMigration, stepRecovery, stepDele)},
		{name: "migration of the first schema, keep", policy: "never", older: true, first: true, before: []crashStop{{stepSettled, "pwrite64", 2}},
			must: append(slices.Clone(protocolSteps), stepMigration, stepRecovery, stepQuit)},
		{name: "third kill in a row", policy: "never", must: append(slices.Clone(protocolSteps), stepQuit),
			before: []crashStop{{stepStage, "write", 1}, {stepStage, "write", 1}}},
	}
}

// migrating is a popsync whose ledger has one schema more.
const migrating = "next-schema"

// inBatches leaves out what comes before and after the delivery protocol.
func inBatches(_ crash.Call, step string) bool {
	return !slices.Contains([]string{stepCreate, stepOpen, stepMaildir, stepCommand, stepAttempt, stepReport}, step)
}

func TestCrash(t *testing.T) {
	for _, sc := range thinned(crashScenarios()) {
		t.Run(sc.name, func(t *testing.T) { report(t, sc.sweep(t)) })
	}
}

// report prints a tally, and fails unless it is clean.
func report(t *testing.T, y *tally) {
	t.Helper()
	t.Log(y.row(strings.TrimPrefix(t.Name(), "TestCrash")))
	for i, text := range y.trouble {
		if i == 10 {
			t.Errorf("and %d more", len(y.trouble)-i)
			break
		}
		t.Error(text)
	}
	if y.points == 0 {
		t.Error("no point fired")
	}
}

// ledgerSync counts the syncs of the ledger only.
func ledgerSync(c crash.Call, _ string) bool {
	return (c.Name == "fsync" || c.Name == "fdatasync") && strings.Contains(c.Path, "/state/ledger.db")
}

func ledgerScenarios() (all []crashScenario) {
	for _, policy := range []string{"never", "after-delivery"} {
		for fault, name := range map[crashFault]string{faultOnce: "once", faultFromThenOn: "from then on", faultThenKill: "and killed"} {
			all = append(all, crashScenario{name: fmt.Sprintf("%s, %s", policy, name), policy: policy, counts: ledgerSync, fault: fault,
				must: []string{stepCreate, stepPublishing, stepSettled}})
		}
	}
	slices.SortFunc(all, func(a, b crashScenario) int { return strings.Compare(a.name, b.name) })
	return all
}

// The k-th sync of the ledger fails with EIO, for every k: what SQLite reports as failed may be there after a restart.
func TestCrashLedgerSync(t *testing.T) {
	for _, sc := range thinned(ledgerScenarios()) {
		t.Run(sc.name, func(t *testing.T) { report(t, sc.sweep(t)) })
	}
}

// There are two schemas, and the sweep has a third of its own; it kills the migration from the first. Who adds a real one
// adds a scenario whose ledger has the second.
func TestCrashCoversMigrations(t *testing.T) {
	w, err := newCrashWorld(t, crashRoot(t), &crashScenario{policy: "never"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.plain(0)
	if got, err := w.ask("PRAGMA user_version"); got != "2" {
		t.Errorf("schema %s: let the sweep kill its migration from an older one (%v)", got, err)
	}
}
