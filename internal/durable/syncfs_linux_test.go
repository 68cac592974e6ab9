package durable

import (
	"os"
	"testing"
)

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"5.8.0": true, "5.8": true, "5.10.0-30-amd64": true, "6.18.44-x": true, "10.0": true, "5.8-rc1": true,
		"5.7.19": false, "4.19.0": false, "5": false, "": false, "x.y": false, "3.10.0-1160.el7": false,
	} {
		if got := atLeast(release, 5, 8); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

func TestNoSyncfsOnOtherFilesystems(t *testing.T) {
	proc, err := os.Open("/proc")
	if err != nil {
		t.Skip(err)
	}
	defer proc.Close()
	if canSyncfs(int(proc.Fd())) {
		t.Errorf("syncfs is trusted on /proc")
	}
}
