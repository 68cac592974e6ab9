// Package built tells what this program was built from, as far as Go notes it: for people who report a fault, and for a clock that
// cannot be right.
//
// The program calls it. It reads nothing but the program itself.
package built

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Version is the version of this program: the one that the linker set, if it did, else the one that Go notes of it.
func Version(set string) string {
	if set != "" {
		return set
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Line is all that is known of a program, for a report of a fault; info may be nil. The commit is what Go notes of a clone; what "go install" takes from a module proxy has none, and its
// version says as much. A build has no time of its own: then no two would be alike.
func Line(version string, info *debug.BuildInfo) string {
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

// At is when the commit was made that this program was built from, in Unix seconds; 0: nobody noted it.
var At = sync.OnceValue(func() int64 {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return 0
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return max(t.Unix(), 0)
			}
		}
	}
	return 0
})
