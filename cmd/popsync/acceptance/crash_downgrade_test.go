//go:build linux && (amd64 || arm64)

package acceptance_test

import (
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// A newer popsync migrates the ledger. The older one then refuses to work, names the way out, connects nowhere and
// changes no octet of what is there; the newer one goes on as if nothing had been.
func TestCrashDowngrade(t *testing.T) {
	if !everyPoint() {
		t.Skip("NOT TESTED here: make test-crash does it, and CI has a step for that")
	}
	h := newHouse(t)
	messages := mailgen.Messages(60, 12, 500, 3000)
	server, addr := serve(t, pop3test.Options{}, boxOf(messages[:5]))
	h.account("a", addr, "u", "p", "Mail", `delete = "after-delivery"`)
	older, newer := h.bin, program(t, migrating)
	h.run(0)
	server.Deliver("u", boxOf(messages)[5:9]...)
	h.bin = newer
	h.run(0)
	if n := h.number(`PRAGMA user_version`); n != 3 {
		t.Fatalf("schema %d", n)
	}
	server.Deliver("u", boxOf(messages)[9:]...)
	h.bin = older
	before, sessions := h.everything(), server.Stats().Sessions
	for _, args := range [][]string{{"run"}, {"run", "--dry-run"}, {"status"}, {"verify"}, {"verify", "--repair"},
		{"baseline", "a"}, {"accept", "a"}, {"check", "--adopt", "a"}} {
		r := h.popsync(args...)
		if text := r.out + r.err; r.code == 0 || !strings.Contains(text, "newer version of popsync") {
			t.Errorf("%v: exit code %d: %s", args, r.code, text)
		}
		if after := h.everything(); !maps.Equal(before, after) {
			t.Errorf("%v changed something: %v", args, changes(before, after))
			before = after
		}
	}
	if n := server.Stats().Sessions - sessions; n != 0 {
		t.Errorf("%d connections", n)
	}
	h.bin = newer
	h.run(0)
	same(t, wanted(messages...), arrived(t, h.mail("Mail")))
}

// everything is what a house has, by content, but what SQLite keeps for those that have the ledger open.
func (h *house) everything() map[string][sha256.Size]byte {
	h.t.Helper()
	all := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, h.dir)
		if err != nil || name == "/state/ledger.db-shm" {
			return err
		}
		var b []byte
		if e.Type().IsRegular() {
			b, err = os.ReadFile(path)
		}
		if name == "/state/ledger.db-wal" && len(b) == 0 {
			return err
		}
		all[name] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func changes(before, after map[string][sha256.Size]byte) (names []string) {
	for name, sum := range after {
		if was, ok := before[name]; !ok || was != sum {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, "without "+name)
		}
	}
	return names
}
