package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/built"
	"github.com/popsync/popsync/internal/usage"
)

// version is set by the linker in release builds.
var version = ""

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit that it was built from",
		Args:  usage.None("version"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.Out, versionLine())
			return err
		},
	}
}

// versionText is the version alone.
func versionText() string { return built.Version(version) }

// versionLine is all that is known of this program, for a report of a fault.
func versionLine() string {
	info, _ := debug.ReadBuildInfo()
	return built.Line(versionText(), info)
}
