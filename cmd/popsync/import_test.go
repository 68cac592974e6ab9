package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What an import makes is configuration that popsync takes.
func TestImportedIsTaken(t *testing.T) {
	page, err := os.ReadFile("../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		file := filepath.Join(t.TempDir(), "config.toml")
		text := regexp.MustCompile(`(?m)^# (\[\[account|type|path)`).ReplaceAllString(b[1], "$1") // where the mail goes is for the person to say
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (&app{configFile: file}).load(); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}
