package config

import (
	"strings"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	for value, want := range map[string]int64{`"auto"`: 0, `"64MiB"`: 64 << 20, `100000000`: 100_000_000} {
		if got := mustParse(t, minimal+"\n[limits]\nmemory = "+value+"\n").Limits.Memory; got != want {
			t.Errorf("%s: %d", value, got)
		}
	}
	for value, want := range map[string]string{
		`"lots"`: `limits.memory: "lots" is not a size (write "auto", or a size: such as`,
		`"1MiB"`: "limits.memory: 1048576 is too small, the least is 16777216",
		`true`:   `limits.memory: must be a size, not true or false (write "auto"`,
	} {
		_, err := Parse("config.toml", []byte(minimal+"\n[limits]\nmemory = "+value+"\n"), home, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
