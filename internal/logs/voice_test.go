package logs

import (
	"bytes"
	"path/filepath"
	"testing"

	"go.uber.org/zap"
)

// How much a run says on standard error, and whether that is news only.
func TestVoice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	for _, tt := range []struct {
		v                 Voice
		file              string
		says, fails, news bool // an information, a failure, what an alarm would tell
	}{
		{Voice{}, "", false, false, true},
		{Voice{Watched: true}, "", true, true, false},
		{Voice{Journal: true}, "", true, true, false},
		{Voice{Quiet: true, Watched: true}, "", false, false, true},
		{Voice{Verbose: true}, "", true, true, false},
		{Voice{Verbose: true}, file, true, true, false},
		{Voice{Watched: true}, file, false, false, false},
		{Voice{DryRun: true}, "", false, true, false},
		{Voice{DryRun: true, Watched: true}, "", true, true, false},
		{Voice{DryRun: true, Quiet: true}, "", false, false, false},
	} {
		var out bytes.Buffer
		log, err := ForRun(&out, Options{Level: "info", Format: "json", File: tt.file}, tt.v)
		if err != nil {
			t.Fatal(err)
		}
		said := func(f func(string, ...zap.Field)) bool {
			out.Reset()
			f("x")
			return out.Len() > 0
		}
		if says, fails := said(log.Info), said(log.Error); says != tt.says || fails != tt.fails || tt.v.News() != tt.news {
			t.Errorf("%+v: says %v, fails %v, news %v", tt, says, fails, tt.v.News())
		}
		log.Close()
	}
}
