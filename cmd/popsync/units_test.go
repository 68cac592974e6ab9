package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const units = "../../systemd"

// settings are the lines of the section [Service] that the other units must share with it or lack.
func settings(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(units, file))
	if err != nil {
		t.Fatal(err)
	}
	_, service, ok := strings.Cut(string(text), "\n[Service]\n")
	if !ok {
		t.Fatalf("%s has no [Service]", file)
	}
	service, _, _ = strings.Cut(service, "\n[")
	for line := range strings.Lines(service) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	return all
}

// systemd knows the units, and finds that they give away little: at most 1.5 of 10.
func TestUnitsExposeLittle(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze, of Debian's package systemd")
	}
	for _, file := range []string{"popsync.service", "popsync-run.service"} {
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", filepath.Join(units, file)).CombinedOutput()
		if err != nil || strings.Contains(string(out), "Unknown") || !strings.Contains(string(out), "Overall exposure level") {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// A run by the timer is restricted as the daemon is. It must not have the daemon's runtime directory, which systemd
// would remove with every run's end.
func TestRunUnitIsRestrictedToo(t *testing.T) {
	daemon, run := settings(t, "popsync.service"), settings(t, "popsync-run.service")
	own := func(line string) bool {
		key, _, _ := strings.Cut(line, "=")
		return slices.Contains(strings.Fields(`Type NotifyAccess ExecStart ExecReload Restart RestartSec RestartPreventExitStatus
			WatchdogSec TimeoutStartSec TimeoutStopSec RuntimeDirectory RuntimeDirectoryMode`), key)
	}
	daemon = slices.DeleteFunc(daemon, own)
	if got := slices.DeleteFunc(slices.Clone(run), own); !slices.Equal(daemon, got) || len(got) < 20 {
		t.Errorf("popsync-run.service differs from popsync.service:\n%q\n%q", got, daemon)
	}
	for _, line := range run {
		if strings.HasPrefix(line, "RuntimeDirectory") {
			t.Errorf("popsync-run.service has %s", line)
		}
	}
}

// A person's ledger is the one that popsync finds by hand: a StateDirectory would be another, and one that differs
// between versions of systemd.
func TestUserUnits(t *testing.T) {
	for _, file := range []string{"user/popsync.service", "user/popsync-run.service"} {
		for _, line := range settings(t, file) {
			for _, bad := range []string{"StateDirectory", "User=", "Group=", "DynamicUser", "LogsDirectory"} {
				if strings.HasPrefix(line, bad) {
					t.Errorf("%s has %s", file, line)
				}
			}
		}
	}
}

// The shipped units start what there is, and systemd does not start again what needs a person.
func TestUnitsStartThisProgram(t *testing.T) {
	files, err := filepath.Glob(units + "/*.service")
	more, _ := filepath.Glob(units + "/user/*.service")
	if err != nil || len(files) != 2 || len(more) != 2 {
		t.Fatal(files, more, err)
	}
	for _, file := range append(files, more...) {
		file, _ = filepath.Rel(units, file)
		all := settings(t, file)
		start := all[slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, "ExecStart=") })]
		// make install puts its PREFIX there
		if !strings.HasPrefix(start, "ExecStart=/usr/bin/popsync ") {
			t.Errorf("%s: %s", file, start)
		}
		if slices.Contains(all, "Type=notify") != slices.Contains(all, "RestartPreventExitStatus=64 78") ||
			slices.Contains(all, "Type=notify") != slices.Contains(all, "WatchdogSec=3min") {
			t.Errorf("%s: %q", file, all)
		}
	}
}
