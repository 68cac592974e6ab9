package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the narrowest terminal that help is for.
const helpWidth = 80

// fitHelp makes the help of a command and all below it fit.
func fitHelp(c *cobra.Command) {
	c.Long = filled(c.Long, helpWidth)
	for _, sub := range c.Commands() {
		fitHelp(sub)
	}
}

// fitFlags makes the usage of flags fit, which is the root's affair.
func fitFlags(root *cobra.Command) {
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
}

// filled breaks paragraphs anew, so that the source may have other lines than the screen. One with an indented line stays as
// it is.
func filled(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.Contains("\n"+p, "\n ") {
			paragraphs[i] = wrapped(p, "", width)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}
