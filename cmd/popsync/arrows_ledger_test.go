package main_test

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// What works with a ledger knows the contract alone. One file opens it, and knows which one it is.
func TestOneFileKnowsTheLedger(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if i.Path.Value != `"`+module+`/uidl/sqlite"` {
				continue
			}
			if known++; name != "ledger.go" {
				t.Errorf("%s names the ledger's implementation: only ledger.go may", name)
			}
		}
	}
	if known == 0 {
		t.Error("nobody opens a ledger: this test looks in the wrong place")
	}
}
