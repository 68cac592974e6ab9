package usage

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/screen"
)

// Width is the narrowest terminal that help is for.
const Width = 80

// Fit makes the help of a root command and all below it fit.
func Fit(root *cobra.Command) {
	fitHelp(root)
	fitFlags(root)
}

// fitHelp makes the help of a command and all below it fit.
func fitHelp(c *cobra.Command) {
	c.Long = screen.Fill(c.Long, Width)
	for _, sub := range c.Commands() {
		fitHelp(sub)
	}
}

// HelpCommand is 'popsync help', which refuses what there is no help about: cobra's would succeed.
func HelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		Long:  "Print the help of a command, as --help does.",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) (names []string, _ cobra.ShellCompDirective) {
			for _, sub := range cmd.Root().Commands() {
				if len(args) == 0 && sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begun) {
					names = append(names, sub.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return exit.Errorf(exit.Usage, "there is no command %q, for example: popsync help run", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// fitFlags makes the usage of flags fit, which is the root's affair.
func fitFlags(root *cobra.Command) {
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
}
