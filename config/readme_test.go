package config

import (
	"os"
	"strings"
	"testing"
)

// What a reader copies from the README must load: each block alone, or below the first one, whose account it goes on with.
func TestReadmeExamplesLoad(t *testing.T) {
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var first string
	n := 0
	for i, part := range strings.Split(string(data), "```toml\n") {
		if i == 0 {
			continue
		}
		block, _, _ := strings.Cut(part, "```")
		if first == "" {
			first = block
		}
		if strings.Contains(block, "[[account.work.") && !strings.Contains(block, "[account.work]") {
			block = first + block
		}
		mustParse(t, block)
		n++
	}
	if n < 3 {
		t.Errorf("only %d blocks", n)
	}
}
