package guard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What root would make in another user's folder, that user could not read. Whoever is not root may do what he can.
func TestRoot(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "state", "ledger.db")
	if err := Root(dir, missing); err != nil {
		t.Errorf("of our own: %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if err := Root(missing); err == nil || !strings.Contains(err.Error(), dir+" belongs to ") {
		t.Errorf("of another user: %v", err)
	}
}
