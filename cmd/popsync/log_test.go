package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/nextstep"
)

// A log.file that cannot be opened is a fault of the configuration, and says what to do.
func TestLogFileThatIsNone(t *testing.T) {
	for _, path := range []string{t.TempDir(), os.DevNull, filepath.Join(t.TempDir(), "none", "x")} {
		l, err := openLog(io.Discard, false, config.Log{Level: "info", Format: "auto", File: path})
		if l != nil || exit.CodeOf(err) != exit.Config || nextstep.Of(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
