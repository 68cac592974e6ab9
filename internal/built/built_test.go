package built

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersionLine(t *testing.T) {
	tail := runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	set := func(kv ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{}
		for i := 0; i < len(kv); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: kv[i], Value: kv[i+1]})
		}
		return info
	}
	for _, tc := range []struct {
		version string
		info    *debug.BuildInfo
		want    string
	}{
		{"v1.2.3", nil, "popsync v1.2.3 ("},
		{"v1.2.3", set(), "popsync v1.2.3 ("},
		{"", set(), "popsync (devel) ("},
		{"v0.4.0", set("vcs.revision", "0123456789abcdef0123", "vcs.time", "2026-11-28T09:10:11Z", "vcs.modified", "false"),
			"popsync v0.4.0 (commit 0123456789ab of 2026-11-28, "},
		{"v0.4.0", set("vcs.revision", "0123", "vcs.modified", "true"), "popsync v0.4.0 (commit 0123, modified, "},
	} {
		if got := Line(tc.version, tc.info); got != tc.want+tail {
			t.Errorf("got %q, want %q", got, tc.want+tail)
		}
	}
}
