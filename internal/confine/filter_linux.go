//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var families = map[string]uint32{"AF_UNIX": unix.AF_UNIX, "AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_NETLINK": unix.AF_NETLINK}

// filterOf makes of the unit what systemd does (seccomp-util.c): what is not allowed gets EPERM, and ENOSYS if systemd
// has never heard of it.
func filterOf(u unit) ([]unix.SockFilter, error) {
	numbers, err := callNumbers()
	if err != nil {
		return nil, err
	}
	allowed, known := map[string]bool{}, map[string]bool{}
	if err := expand("@known", known, true); err != nil {
		return nil, err
	}
	for i, line := range u["SystemCallFilter"] {
		line, deny := strings.CutPrefix(line, "~")
		if i == 0 && !deny {
			if err := expand("@default", allowed, true); err != nil { // always, says systemd.exec(5)
				return nil, err
			}
		}
		for _, name := range strings.Fields(line) {
			if err := expand(name, allowed, !deny); err != nil {
				return nil, err
			}
		}
	}
	const number, architecture, firstArgument = 0, 4, 16 // in struct seccomp_data; the low half, both are little-endian
	eperm := unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	program := []unix.SockFilter{
		load(architecture), jump(unix.BPF_JEQ, auditArch, 1, 0), end(unix.SECCOMP_RET_KILL_PROCESS),
		load(number), jump(unix.BPF_JGE, 0x40000000, 0, 1), end(unix.SECCOMP_RET_KILL_PROCESS), // x32
	}
	// only makes a part that looks at the first argument of one call, and returns.
	only := func(call string, part ...unix.SockFilter) {
		program = append(program, jump(unix.BPF_JEQ, numbers[call], 0, uint8(1+len(part))), load(firstArgument))
		program = append(program, part...)
	}
	var family []unix.SockFilter
	for _, name := range strings.Fields(strings.Join(u["RestrictAddressFamilies"], " ")) {
		f, ok := families[name]
		if !ok {
			return nil, fmt.Errorf("RestrictAddressFamilies=%s is not known", name)
		}
		family = append(family, jump(unix.BPF_JEQ, f, 0, 1), end(unix.SECCOMP_RET_ALLOW))
	}
	only("socket", append(family, end(unix.SECCOMP_RET_ERRNO|uint32(unix.EAFNOSUPPORT)))...)
	const namespaces = unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID |
		unix.CLONE_NEWUSER | unix.CLONE_NEWUTS
	for _, call := range []string{"clone", "unshare"} {
		only(call, jump(unix.BPF_JSET, namespaces, 0, 1), end(eperm), end(unix.SECCOMP_RET_ALLOW))
	}
	program = append(program, jump(unix.BPF_JEQ, numbers["clone3"], 0, 1), end(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	program = append(program, jump(unix.BPF_JEQ, numbers["setns"], 0, 1), end(eperm))
	for name, nr := range numbers {
		switch {
		case allowed[name]:
			program = append(program, jump(unix.BPF_JEQ, nr, 0, 1), end(unix.SECCOMP_RET_ALLOW))
		case known[name]:
			program = append(program, jump(unix.BPF_JEQ, nr, 0, 1), end(eperm))
		}
	}
	return append(program, end(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))), nil
}

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func end(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }

// expand sets or removes a call, or all of a group and of the groups in it.
func expand(name string, set map[string]bool, value bool) error {
	if !strings.HasPrefix(name, "@") {
		if value {
			set[name] = true
		} else {
			delete(set, name)
		}
		return nil
	}
	cmd := exec.Command("systemd-analyze", "syscall-filter", name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("systemd-analyze syscall-filter %s: %w", name, err)
	}
	for i, line := range slices.Collect(strings.Lines(string(out))) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); i == 0 || line == "" {
			continue
		}
		if err := expand(line, set, value); err != nil {
			return err
		}
	}
	return nil
}

var callNumber = regexp.MustCompile(`(?m)^\s*SYS_(\w+)\s*=\s*(\d+)`)

// callNumbers reads the numbers of system calls where golang.org/x/sys has them.
func callNumbers() (map[string]uint32, error) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(dir)), "zsysnum_linux_"+runtime.GOARCH+".go")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	numbers := map[string]uint32{}
	for _, m := range callNumber.FindAllSubmatch(text, -1) {
		nr, err := strconv.ParseUint(string(m[2]), 10, 16)
		if err != nil {
			return nil, err
		}
		numbers[strings.ToLower(string(m[1]))] = uint32(nr)
	}
	for _, needed := range []string{"socket", "clone", "clone3", "unshare", "setns", "execve"} {
		if _, ok := numbers[needed]; !ok {
			return nil, fmt.Errorf("%s has no number for %s", file, needed)
		}
	}
	return numbers, nil
}
