package plan

import (
	"os"
	"strings"
	"testing"
)

// Every reason of the package is one that a step can have: another one would be lost.
func TestWhys(t *testing.T) {
	src, err := os.ReadFile("reasons.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(src)) {
		_, text, ok := strings.Cut(line, " = \"")
		if !ok {
			continue
		}
		n++
		if text = strings.TrimSuffix(strings.TrimSpace(text), "\""); WhyOf(text).String() != text || !WhyOf(text).Is(text) {
			t.Errorf("%q is lost", text)
		}
	}
	if n != len(whys)-1 {
		t.Errorf("%d reasons, of which %d are known", n, len(whys)-1)
	}
}
