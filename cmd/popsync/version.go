package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker in release builds.
var version = ""

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit that it was built from",
		Args:  a.alone("version"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, versionLine())
			return err
		},
	}
}

// versionText is the version alone.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// versionLine is all that is known of this program, for a report of a fault.
func versionLine() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(versionText(), info)
}

// versionOf words it. The commit is what Go notes of a clone; what "go install" takes from a module proxy has none, and its
// version says as much. A build has no time of its own: then no two would be alike.
func versionOf(version string, info *debug.BuildInfo) string {
	var notes []string
	if info != nil {
		noted := map[string]string{}
		for _, s := range info.Settings {
			noted[s.Key] = s.Value
		}
		if commit := noted["vcs.revision"]; commit != "" {
			text := "commit " + commit[:min(len(commit), 12)]
			if day, _, _ := strings.Cut(noted["vcs.time"], "T"); day != "" {
				text += " of " + day
			}
			if notes = append(notes, text); noted["vcs.modified"] == "true" {
				notes = append(notes, "modified")
			}
		}
	}
	notes = append(notes, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("popsync %s (%s)", cmp.Or(version, "(devel)"), strings.Join(notes, ", "))
}
