package secret

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Whoever listens hears each secret that was got, and nothing where there was none.
func TestOverheard(t *testing.T) {
	var heard []string
	var fails error
	get := Overheard(func(context.Context) (string, error) { return "x", fails }, func(v string) { heard = append(heard, v) })
	if v, err := get(t.Context()); v != "x" || err != nil || len(heard) != 1 {
		t.Errorf("%q, %v, %q", v, err, heard)
	}
	fails = errors.New("no")
	if _, err := get(t.Context()); err == nil || len(heard) != 1 {
		t.Errorf("%v, %q", err, heard)
	}
	if get := Overheard(Source{Literal: func() string { return "y" }}.Get, nil); get == nil {
		t.Error("nobody listens, and nothing is got")
	}
}

// The next step is in the text.
func TestGetWithHint(t *testing.T) {
	_, err := Source{Literal: func() string { return "a\nb" }}.GetWithHint(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), " (the secret must be the only line)") {
		t.Error(err)
	}
}
