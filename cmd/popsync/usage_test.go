package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/exit"
)

// A wrong command line gets one line that says what is expected, and an example.
func TestWrongUsage(t *testing.T) {
	for line, want := range map[string]string{
		"pause":                   "expected is an account, for example: popsync pause work",
		"resume":                  "expected is an account, for example: popsync resume work",
		"reload x":                `"x" is too much: nothing is expected behind it, just: popsync reload`,
		"daemon x":                `"x" is too much: nothing is expected behind it, just: popsync daemon`,
		"version x":               `"x" is too much: nothing is expected behind it, just: popsync version`,
		"run --foo":               "unknown flag: --foo, for example: popsync run work",
		"run --dry-run=x":         "--dry-run takes no value, for example: popsync run --dry-run",
		"healthcheck --stale":     "flag needs an argument: --stale, for example: popsync healthcheck --stale 2h",
		"healthcheck --stale x":   `--stale x: neither a number of intervals such as 3 nor a time such as "90m", for example: popsync healthcheck --stale 2h`,
		"healthcheck --stale 999": "--stale 999: not from 1 to 100 intervals, for example: popsync healthcheck --stale 2h",
		"check --adopt":           "flag needs an argument: --adopt, for example: popsync check --adopt work",
		"status --config":         "flag needs an argument: --config, for example: popsync status --config FILE",
		"backfill --foo":          "unknown flag: --foo, for example: popsync backfill work archive",
		"help nosuch":             `there is no command "nosuch", for example: popsync help run`,
		"help run nosuch":         `there is no command "run nosuch", for example: popsync help run`,
	} {
		var out, complaint bytes.Buffer
		code := execute(t.Context(), strings.Fields(line), &console.Console{In: os.Stdin, Out: &out, Err: &complaint})
		got, _, _ := strings.Cut(complaint.String(), "\n")
		if code != exit.Usage || got != "popsync: "+want || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %q, %q on standard output\nwant %q", line, code, got, out.String(), want)
		}
	}
}
