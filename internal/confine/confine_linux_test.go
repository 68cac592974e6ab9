//go:build linux && (amd64 || arm64)

package confine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	theUnit = "../../systemd/popsync.service"
	probing = "POPSYNC_CONFINE_PROBE" // set: this binary is the confined program
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(probing); dir != "" {
		if err := json.NewEncoder(os.Stdout).Encode(probe(dir)); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// probe does what popsync and its commands need and what they must not, and gives each outcome as the error's text.
func probe(dir string) map[string]string {
	out := map[string]string{}
	note := func(what string, err error) {
		out[what] = "ok"
		var errno syscall.Errno
		if errors.As(err, &errno) {
			out[what] = unix.ErrnoName(errno)
		} else if err != nil {
			out[what] = err.Error()
		}
	}
	raw := func(nr, a, b, c uintptr) error {
		if _, _, e := unix.RawSyscall(nr, a, b, c); e != 0 {
			return e
		}
		return nil
	}
	state := os.Getenv("STATE_DIRECTORY")
	f, err := os.Create(filepath.Join(state, "a"))
	note("state", err)
	note("flock", unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	note("fsync", f.Sync())
	note("syncfs", unix.Syncfs(int(f.Fd())))
	note("renameat2", unix.Renameat2(unix.AT_FDCWD, f.Name(), unix.AT_FDCWD, f.Name()+"2", unix.RENAME_NOREPLACE))
	note("link", os.Link(f.Name()+"2", f.Name()))
	note("maildir", os.WriteFile(filepath.Join(dir, "Mail", "x"), nil, 0o600))
	note("fallocate", unix.Fallocate(int(f.Fd()), 0, 0, 100))
	_, err = unix.MemfdCreate("x", unix.MFD_CLOEXEC)
	note("memfd", err)
	shared, err := unix.Mmap(int(f.Fd()), 0, 100, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	note("mmap", errors.Join(err, unix.Munmap(shared)))
	note("sh", exec.Command("/bin/sh", "-c", "echo x | cat >/dev/null && cd /tmp && umask 022 && : >y").Run())
	_, err = unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	note("inet6", err)

	_, err = os.Stat(dir + "/hidden")
	note("others' /tmp", err)
	note("others' files", os.WriteFile(filepath.Join(dir, "config"), nil, 0o600))
	note("/etc", os.WriteFile("/etc/popsync-test", nil, 0o600))
	_, err = os.ReadDir("/root")
	note("/root", err)
	_, err = os.Stat("/proc/1")
	note("/proc/1", err)
	_, err = os.Stat("/proc/sys")
	note("/proc/sys", err)
	_, err = os.Stat("/dev/mem")
	note("/dev/mem", err)
	note("mount", unix.Mount("", "/", "", unix.MS_REMOUNT, ""))
	note("ptrace", raw(unix.SYS_PTRACE, 0, 0, 0))
	note("unshare", unix.Unshare(unix.CLONE_NEWUSER))
	note("setns", unix.Setns(0, 0))
	note("chroot", unix.Chroot("/"))
	note("setuid", raw(unix.SYS_SETUID, 0, 0, 0))
	note("setuid to oneself", raw(unix.SYS_SETUID, uintptr(os.Getuid()), 0, 0)) // as delivery agents do
	note("chown", os.Chown(f.Name(), -1, -1))
	note("bpf", raw(unix.SYS_BPF, 0, 0, 0))
	note("unheard of", raw(5000, 0, 0, 0))
	_, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)
	note("netlink", err)
	_, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	note("write and execute", err)
	status, err := os.ReadFile("/proc/self/status")
	note("status", err)
	for line := range strings.Lines(string(status)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); strings.Contains(" CapPrm CapEff CapAmb NoNewPrivs Seccomp Uid ", " "+key+" ") {
			out[key] = value
		}
	}
	var core unix.Rlimit
	note("limits", unix.Getrlimit(unix.RLIMIT_CORE, &core))
	out["core"] = fmt.Sprint(core.Max)
	return out
}

func TestSandbox(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze, of Debian's package systemd")
	}
	dir := t.TempDir()
	for _, name := range []string{"state", "Mail", "hidden"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const id = 64123
	config := filepath.Join(dir, "config")
	if err := errors.Join(os.WriteFile(config, nil, 0o600), os.Chown(config, id, id), os.Chown(filepath.Join(dir, "Mail"), id, id)); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), probing+"="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	s := Sandbox{Unit: theUnit, UID: id, GID: id, State: filepath.Join(dir, "state"), Write: []string{filepath.Join(dir, "Mail")}, Read: []string{config}}
	if err := s.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	got := map[string]string{}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	want := map[string]string{
		"others' /tmp": "ENOENT", "others' files": "EROFS", "/etc": "EROFS", "/root": "EACCES", "/proc/1": "ENOENT",
		"/proc/sys": "ENOENT", "/dev/mem": "ENOENT", "mount": "EPERM", "ptrace": "EPERM", "unshare": "EPERM", "setns": "EPERM",
		"chroot": "EPERM", "setuid": "EPERM", "chown": "EPERM", "bpf": "EPERM", "unheard of": "ENOSYS",
		"netlink": "EAFNOSUPPORT", "write and execute": "EACCES",
		"CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
		"Uid": "64123\t64123\t64123\t64123", "core": "0",
	}
	for what, got := range got {
		if w := want[what]; got != w && (w != "" || got != "ok") {
			t.Errorf("%s: %s, want %s", what, got, w)
		}
		delete(want, what)
	}
	for what := range want {
		t.Errorf("%s was not tried", what)
	}
	if _, err := os.Stat(filepath.Join(dir, "Mail", "x")); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadFile("/proc/self/mountinfo"); bytes.Contains(left, []byte(dir)) {
		t.Error("mounts are left behind")
	}
}

// What the unit asks for and nobody imitates must not go unnoticed.
func TestUnknownSetting(t *testing.T) {
	text, err := os.ReadFile(theUnit)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readUnit(theUnit); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{
		{"\nPrivateTmp=yes\n", "\n"}, {"PrivateTmp=yes", "PrivateTmp=no"}, {"PrivateTmp=yes", "PrivateTmp=yes\nPrivateNetwork=yes"},
		{"PrivateTmp=yes", "PrivateTmp"}, {"CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_CHOWN\n"},
	} {
		path := filepath.Join(t.TempDir(), "x.service")
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), edit[0], edit[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readUnit(path); err == nil {
			t.Errorf("with %q: no error", edit[1])
		}
	}
}
