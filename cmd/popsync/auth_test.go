package main

import (
	"slices"
	"testing"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/sasl"
)

// TestAuthNames: config takes "auto" and all ways to log in that there are, and no other.
func TestAuthNames(t *testing.T) {
	want := append(sasl.Methods(), "auto")
	slices.Sort(want)
	got := config.AccountAuths()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("auth takes %q, and there are %q", got, want)
	}
}
