package usage

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
)

// What is wrong is said in one line, with an example that would be understood.
func TestWrongFlag(t *testing.T) {
	c := &cobra.Command{Use: "fetch [ACCOUNT...]", RunE: func(*cobra.Command, []string) error { return nil }, SilenceErrors: true, SilenceUsage: true}
	c.Flags().Bool("dry", false, "look")
	c.Flags().Int("limit", 0, "at most `N|DURATION`")
	c.SetFlagErrorFunc(WrongFlag)
	for arg, want := range map[string]string{
		"--nosuch":  "unknown flag: --nosuch, for example: fetch work",
		"--dry=x":   "--dry takes no value, for example: fetch --dry",
		"--limit=x": `--limit x: strconv.ParseInt: parsing "x": invalid syntax, for example: fetch --limit 2h`,
		"--limit":   "flag needs an argument: --limit, for example: fetch --limit 2h",
	} {
		c.SetArgs([]string{arg})
		if err := c.Execute(); exit.CodeOf(err) != exit.Usage || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", arg, err, want)
		}
	}
}

// How many arguments are right.
func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		wants cobra.PositionalArgs
		right [5]bool // so many arguments
	}{
		{None("reload"), [5]bool{true}},
		{One("an account", "accept work"), [5]bool{1: true}},
		{AtLeast(2, "two accounts", "x"), [5]bool{2: true, 3: true, 4: true}},
		{Exactly(3, "three", "x"), [5]bool{3: true}},
		{UIDs(1, "an account and unique-ids", "x"), [5]bool{2: true, 3: true, 4: true}},
	} {
		for n, right := range tt.right {
			if err := tt.wants(nil, make([]string, n)); (err == nil) != right {
				t.Errorf("%d arguments: %v", n, err)
			}
		}
	}
}
