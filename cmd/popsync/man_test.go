package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// The manual page names every command and every flag, and no other.
func TestManualIsComplete(t *testing.T) {
	b, err := os.ReadFile("../../docs/popsync.1")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	flags, commands := map[string]bool{"help": true}, map[string]bool{}
	var walk func(c *cobra.Command, above string)
	walk = func(c *cobra.Command, above string) {
		c.InitDefaultHelpFlag()
		for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(c.LocalFlags().FlagUsages(), -1) {
			flags[m[1]] = true
		}
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
				commands[above+sub.Name()] = true
				walk(sub, above+sub.Name()+" ")
			}
		}
	}
	walk((&app{}).root(), "")
	for name := range flags {
		if !strings.Contains(page, "Fl -"+name) && !strings.Contains(page, "-"+name) {
			t.Errorf("the manual does not name --%s", name)
		}
	}
	for name := range commands {
		if !strings.Contains(page, ".It Cm "+name) {
			t.Errorf("the manual does not name the command %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\.It Cm ([a-z-]+(?: [a-z-]+)*)`).FindAllStringSubmatch(page, -1) {
		if !commands[m[1]] {
			t.Errorf("the manual names a command %s that does not exist", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`Fl -([a-z-]+)`).FindAllStringSubmatch(page, -1) {
		if !flags[m[1]] {
			t.Errorf("the manual names a flag --%s that does not exist", m[1])
		}
	}
}
