//go:build linux && (amd64 || arm64)

package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sandbox says what a program may see beside the unit.
type Sandbox struct {
	Unit     string // path of the unit file
	UID, GID int    // User and Group, not root; need not be in the passwd file
	// State, Runtime and Logs are the directories that systemd would make; they must exist. "": the program gets none.
	State, Runtime, Logs string
	// Write are directories for which a drop-in would say BindPaths, Maildirs say; Read are files and directories for
	// BindReadOnlyPaths. They are there although /tmp and the homes are others. All paths are absolute.
	Write, Read []string
}

// setting is what the second stage needs to know.
type setting struct {
	Path    string
	NoFile  uint64
	Program []unix.SockFilter
}

const become = "POPSYNC_CONFINE_BECOME" // a setting, as JSON

// Start starts cmd in the sandbox: it is no descendant, and its process is cmd.Process, to be signalled and waited for
// as any other. Start sets SysProcAttr, and Dir unless it is set; files that it must give to the program are opened before.
func (s Sandbox) Start(cmd *exec.Cmd) error {
	u, err := readUnit(s.Unit)
	if err != nil {
		return err
	}
	filter, err := filterOf(u)
	if err != nil {
		return err
	}
	set := setting{Path: cmd.Path, Program: filter}
	if n := u["LimitNOFILE"]; len(n) > 0 {
		if set.NoFile, err = strconv.ParseUint(n[len(n)-1], 10, 32); err != nil {
			return err
		}
	}
	doc, err := json.Marshal(set)
	if err != nil {
		return err
	}
	env := append(cmd.Environ(), become+"="+string(doc))
	for key, dir := range map[string]string{"STATE_DIRECTORY": s.State, "RUNTIME_DIRECTORY": s.Runtime, "LOGS_DIRECTORY": s.Logs} {
		if dir == "" {
			continue
		}
		env = append(env, key+"="+dir)
		s.Write = append(s.Write[:len(s.Write):len(s.Write)], dir)
		if err := os.Chown(dir, s.UID, s.GID); err != nil {
			return err
		}
	}
	cmd.Env, cmd.Path = env, "/proc/self/exe"
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	mapped := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: id, HostID: id, Size: 1}}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: mapped(s.UID), GidMappings: mapped(s.GID), GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{Uid: uint32(s.UID), Gid: uint32(s.GID)},
	}
	return onOwnThread(func() error {
		if err := s.mounts(append(s.Read[:len(s.Read):len(s.Read)], set.Path)); err != nil {
			return err
		}
		return cmd.Start() // the program inherits the mounts of the thread that starts it
	})
}

// onOwnThread runs f on a thread that ends with it, so that nobody else ever sees its mounts. The main thread cannot
// end, and it is what /proc/self shows.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			done <- f()
			return
		}
		defer runtime.UnlockOSThread()
		done <- onOwnThread(f) // this thread is taken meanwhile
	}()
	return <-done
}

func init() {
	doc, ok := os.LookupEnv(become)
	if !ok {
		return
	}
	runtime.LockOSThread() // the filter is the thread's
	var set setting
	err := os.Unsetenv(become)
	if err == nil {
		err = json.Unmarshal([]byte(doc), &set)
	}
	if err == nil {
		err = set.become()
	}
	fmt.Fprintln(os.Stderr, "confine:", err)
	os.Exit(127)
}

// become gives up what is left to give up, and turns into the program.
func (set setting) become() error {
	syscall.Umask(0o077)
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("LimitNOFILE: %w", err)
	}
	if set.NoFile > 0 && set.NoFile < files.Max { // more than we have we cannot give without CAP_SYS_RESOURCE
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: set.NoFile, Max: set.NoFile}); err != nil {
			return fmt.Errorf("LimitNOFILE: %w", err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("LimitCORE: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("NoNewPrivileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_MDWE, unix.PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0); err != nil {
		return fmt.Errorf("MemoryDenyWriteExecute: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(set.Program)), Filter: &set.Program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("SystemCallFilter: %w", err)
	}
	return fmt.Errorf("%s: %w", set.Path, syscall.Exec(set.Path, os.Args, os.Environ()))
}
